from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.pagerduty import webhook

SAMPLES = Path(__file__).parents[1] / "samples" / "pagerduty"
VECTOR = json.loads((SAMPLES / "webhook_v3_signature_vector.json").read_text())
BODY, SECRET, SIGNATURE = VECTOR["raw_body"].encode(), SecretStr(VECTOR["secret"]), VECTOR["value"]
NOW = datetime(2026, 1, 6, tzinfo=UTC)


def verifies(signature: str, body: bytes = BODY, *secrets: SecretStr) -> bool:
    return webhook.verify({VECTOR["header"].lower(): signature}, body, secrets or (SECRET,))


def test_the_official_vector_verifies_and_nothing_near_it_does() -> None:
    assert verifies(SIGNATURE)
    assert not verifies(SIGNATURE, BODY + b" ")
    assert not verifies(SIGNATURE, BODY, SecretStr("other"))
    assert not verifies(SIGNATURE[:-1])
    assert not verifies(SIGNATURE.replace("v1=", "v2="))
    assert not verifies(SIGNATURE.removeprefix("v1="))
    assert not verifies("")


def test_any_of_several_signatures_counts_while_a_secret_is_rotated() -> None:
    assert verifies(f"v1=00,{SIGNATURE}")
    assert verifies(f"{SIGNATURE}, v1=00")
    assert verifies(SIGNATURE, BODY, SecretStr("next"), SECRET)


def test_no_header_makes_us_hash_without_end() -> None:
    assert not verifies("v1=00," * webhook.MOST_SIGNATURES + SIGNATURE)


def test_the_recorded_event_names_its_incident() -> None:
    (notice,) = webhook.parse("pd", BODY, NOW)
    assert (notice.ref.id, notice.ref.record_type, notice.kind) == ("PGR0VU2", "incident", "changed")
    assert (notice.delivery_id, notice.observed_at) == ("01BWDWL3NYY7LUFPZCC28QUCMK", NOW)


def an_event(event_type: str, **data: Any) -> bytes:
    return json.dumps({"event": {"id": "E1", "event_type": event_type, "data": data}}).encode()


def test_a_note_and_a_custom_field_name_the_incident_they_belong_to() -> None:
    incident = {"id": "PT4KHLK", "type": "incident_reference"}
    note = an_event("incident.annotated", id="PN1", type="incident_note", incident=incident)
    values = an_event("incident.custom_field_values.updated", type="incident_field_values", incident=incident)
    assert [n.ref.id for body in (note, values) for n in webhook.parse("pd", body, NOW)] == ["PT4KHLK"] * 2


def test_a_new_incident_is_told_as_such() -> None:
    (notice,) = webhook.parse("pd", an_event("incident.triggered", id="P1", type="incident"), NOW)
    assert notice.kind == "created"


def test_what_is_about_no_incident_is_no_notice() -> None:
    assert webhook.parse("pd", an_event("pagey.ping", message="hello", type="ping"), NOW) == []
    assert webhook.parse("pd", an_event("service.updated", id="PS1", type="service"), NOW) == []


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"event": {"id": 1}}', b"\xff"])
def test_what_is_no_event_is_an_error(body: bytes) -> None:
    with pytest.raises(ValueError, match="validation error"):
        webhook.parse("pd", body, NOW)
