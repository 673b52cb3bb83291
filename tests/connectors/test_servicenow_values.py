from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import JsonValue

from connectors.servicenow.dialect import DIALECT
from connectors.servicenow.rows import Many, One, snapshot_of, values_of
from connectors.servicenow.values import from_wire, is_ignored, parse_time, spell_time, to_wire
from domain.errors import RecordRejected
from domain.records import RecordRef

SAMPLES = Path(__file__).parent / "samples" / "servicenow"


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text())


@pytest.mark.parametrize(
    ("value", "text"), [(None, ""), (True, "true"), (3, "3"), (1.5, "1.5"), ("x", "x"), (["a", "b"], "a,b")]
)
def test_everything_travels_as_text(value: JsonValue, text: str) -> None:
    assert to_wire("f", value) == text


def test_nothing_comes_back_as_none() -> None:
    assert from_wire("") is None
    assert from_wire({"value": "", "link": ""}) is None
    assert from_wire({"value": "42", "display_value": "Ada"}) == "42"


def test_an_object_is_refused_by_its_fields_name() -> None:
    with pytest.raises(RecordRejected) as refused:
        to_wire("watch_list", [{"a": 1}])
    assert "watch_list" in refused.value.fields


def test_times_are_utc_in_whole_seconds() -> None:
    moment = datetime(2026, 1, 6, 10, 38, 52, tzinfo=UTC)
    assert parse_time("2026-01-06 10:38:52") == moment
    assert spell_time(moment) == "2026-01-06 10:38:52"
    assert parse_time("") is None
    assert parse_time("06/01/2026 10:38") is None


@pytest.mark.parametrize(
    ("asked", "before", "after", "ignored"),
    [
        ("new", "old", "new", False),
        ("new", "old", "old", True),
        ("", "old", "old", True),
        ("new", "", "", True),
        ("old  ", "old", "old", False),  # trimmed
        ("old and more", "old", "old", False),  # cut
        ("OLD", "old", "old", False),  # lower-cased
        ("  ", "", "", False),  # trimmed to nothing
        ("new", "old", "other", False),  # changed by a rule: the response tells
    ],
)
def test_a_value_that_was_dropped_in_silence_is_told_from_one_that_was_normalised(
    asked: str, before: str, after: str, *, ignored: bool
) -> None:
    assert is_ignored(asked, before, after) is ignored


@pytest.mark.parametrize("name", ["docs_incident_1", "security_incident_list"])
def test_recorded_lists_become_snapshots(name: str) -> None:
    for row in Many.model_validate(sample(name)).result:
        ref = RecordRef(connection="c", record_type="incident", id=str(row["sys_id"]))
        snapshot = snapshot_of(row, ref, marker_field="correlation_id", instance="https://x.test")
        assert snapshot.key == row["number"]
        assert snapshot.modified_at is not None
        assert snapshot.sequence == (int(str(row["sys_mod_count"])) if "sys_mod_count" in row else None)
        assert "" not in snapshot.fields.values()
        assert not any(isinstance(value, dict) for value in snapshot.fields.values())


@pytest.mark.parametrize("name", ["docs_incident_2", "security_incident_get"])
def test_recorded_records_show_values_not_links_or_labels(name: str) -> None:
    values = values_of(One.model_validate(sample(name)).result)
    assert not any(isinstance(value, dict) for value in values.values())


def test_a_recorded_refusal_keeps_its_words() -> None:
    words = DIALECT.explain(sample("error_404_no_record"))
    assert words == "No Record found: Record doesn't exist or ACL restricts the record retrieval"
