from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from connectors.pagerduty.log import LogEntry, LogReader, not_shown
from domain.records import FieldVersion, Origin, RecordRef, Snapshot

READER = LogReader(own_user="PUS", priority_names={"PP1": "P1", "PP2": "P2"})
USER = {"id": "PADA", "type": "user_reference"}
SECOND = "2026-01-06T21:40:23Z"


def an_entry(kind: str, *, agent: Any = USER, at: str = SECOND, **parts: Any) -> LogEntry:
    body = {"id": "R1", "type": f"{kind}_log_entry", "created_at": at, "agent": agent, **parts}
    return LogEntry.model_validate(body)


def changed(**changeset: Any) -> dict[str, Any]:
    return {"channel": {"type": "api", "changeset": changeset}}


def test_the_status_is_told_by_what_happened() -> None:
    kinds = ["trigger", "acknowledge", "unacknowledge", "resolve", "annotate", "notify"]
    versions = READER.versions(an_entry(kind) for kind in kinds)
    assert [v.value for v in versions] == ["triggered", "acknowledged", "triggered", "resolved"]
    assert [v.old for v in versions] == [None, "triggered", "acknowledged", "triggered"]


def test_a_priority_is_told_by_its_name() -> None:
    field = {"name": "priority", "value": "PP1", "old_value": "PP2"}
    (version,) = READER.versions([an_entry("field_value_change", **changed(application_fields=[field]))])
    assert (version.field, version.old, version.value) == ("priority", "P2", "P1")


def test_a_custom_field_is_told_under_its_native_name() -> None:
    field = {"name": "serial", "value": 131, "old_value": None}
    (version,) = READER.versions([an_entry("custom_field_value_change", **changed(customer_fields=[field]))])
    assert (version.field, version.value) == ("custom_fields.serial", 131)


def test_who_is_no_user_is_an_automation() -> None:
    agents = [USER, {"id": "PUS", "type": "user_reference"}, {"id": "PS", "type": "service_reference"}, None]
    versions = READER.versions(an_entry("resolve", agent=agent) for agent in agents)
    assert [v.origin for v in versions] == [
        Origin.PERSON,
        Origin.ACCORD,
        Origin.AUTOMATION,
        Origin.AUTOMATION,
    ]


def a_version(at: str, value: str) -> FieldVersion:
    return FieldVersion(field="status", value=value, at=datetime.fromisoformat(at))


def test_a_change_of_the_snapshots_own_second_counts_unless_the_snapshot_shows_it() -> None:
    seen = Snapshot(
        ref=RecordRef(connection="pd", record_type="incident", id="P1"),
        key="#1",
        fields={"status": "acknowledged"},
        version="v",
        modified_at=datetime(2026, 1, 6, 21, 40, 23, tzinfo=UTC),
    )
    earlier = a_version("2026-01-06T21:40:22Z", "triggered")
    shown, unseen = a_version(SECOND, "acknowledged"), a_version(SECOND, "resolved")
    later = a_version("2026-01-06T21:40:24Z", "acknowledged")
    assert not_shown([earlier, shown, unseen, later], seen) == [unseen, later]
