from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.jira import webhook
from domain.records import ChangeNotice

SAMPLES = Path(__file__).parents[1] / "samples" / "jira"
NOW = datetime(2026, 1, 6, 10, 39, tzinfo=UTC)


def an_event(name: str, **parts: Any) -> bytes:
    fields = {"issuetype": {"name": "Bug"}, "updated": "2026-01-06T10:38:52.000+0000"}
    issue = {"id": "10002", "key": "ED-1", "fields": fields}
    return json.dumps({"webhookEvent": name, "issue": issue, **parts}).encode()


def parse(body: bytes) -> list[ChangeNotice]:
    return webhook.parse("jira", {"x-atlassian-webhook-identifier": "d-1"}, body, NOW)


def test_the_signature_vector_verifies_and_nothing_near_it_does() -> None:
    vector = json.loads((SAMPLES / "webhook_signature_vector.json").read_text())
    body, secrets = vector["raw_body"].encode(), [SecretStr("other"), SecretStr(vector["secret"])]
    signed = {vector["header"].lower(): vector["value"]}
    assert webhook.verify(signed, body, secrets)
    assert not webhook.verify(signed, body + b" ", secrets)
    assert not webhook.verify(signed, body, secrets[:1])
    assert not webhook.verify(signed, body, [])
    other_method = {vector["header"].lower(): vector["value"].replace("sha256=", "sha1=")}
    assert not webhook.verify(other_method, body, secrets)
    assert not webhook.verify(
        {vector["header"].lower(): vector["value"].removeprefix("sha256=")}, body, secrets
    )


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("jira:issue_created", "created"),
        ("jira:issue_updated", "changed"),
        ("jira:issue_deleted", "deleted"),
        ("comment_created", "changed"),
    ],
)
def test_a_delivery_names_its_issue(event: str, kind: str) -> None:
    (notice,) = parse(an_event(event))
    assert (notice.ref.record_type, notice.ref.id, notice.kind) == ("Bug", "10002", kind)
    assert (notice.delivery_id, notice.observed_at) == ("d-1", NOW)


def test_the_version_is_told_only_with_both_its_halves() -> None:
    (with_entry,) = parse(an_event("jira:issue_updated", changelog={"id": "10124", "items": []}))
    (without,) = parse(an_event("jira:issue_updated"))
    assert with_entry.version == "1767695932000/10124"
    assert without.version is None


def test_what_changes_no_field_is_no_notice() -> None:
    assert parse(an_event("issue_property_set")) == []
    assert parse(b'{"webhookEvent": "worklog_created"}') == []
    assert parse(b'{"webhookEvent": "comment_created", "issue": {"id": "1", "key": "A-1"}}') == []


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"webhookEvent": 1}', b"\xff"])
def test_what_is_no_event_is_an_error(body: bytes) -> None:
    with pytest.raises(ValueError, match="validation error"):
        parse(body)
