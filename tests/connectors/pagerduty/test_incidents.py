from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.pagerduty.api import Users
from connectors.pagerduty.incidents import FIELDS, IncidentAnswer, snapshot_of

SAMPLES = Path(__file__).parents[1] / "samples" / "pagerduty"


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text())


def recorded(name: str, **changes: Any) -> Any:
    body = sample(name)
    return IncidentAnswer.model_validate({"incident": body["incident"] | changes}).incident


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("incident_trigger", "triggered"),
        ("incident_acknowledge", "acknowledged"),
        ("incident_resolve", "resolved"),
    ],
)
def test_recorded_incidents_become_snapshots(name: str, status: str) -> None:
    snapshot = snapshot_of("pd", recorded(name), {}, None)
    assert snapshot.fields["status"] == status
    assert set(snapshot.fields) <= set(FIELDS)
    assert snapshot.marker == snapshot.fields["incident_key"]


def test_values_are_read_as_people_know_them() -> None:
    fields = snapshot_of("pd", recorded("incident_resolve"), {}, None).fields
    assert (fields["priority"], fields["service"], fields["assignees"]) == ("P1", "PLPY09O", [])
    assert snapshot_of("pd", recorded("incident_trigger"), {}, None).fields["priority"] is None


def test_the_key_is_the_number_on_the_page() -> None:
    assert snapshot_of("pd", recorded("incident_resolve"), {}, None).key == "#14"


def test_custom_fields_have_a_name_of_their_own() -> None:
    snapshot = snapshot_of("pd", recorded("incident_resolve"), {"title": "x", "link": "m-1"}, "link")
    assert snapshot.fields["custom_fields.title"] == "x"
    assert snapshot.fields["title"] != "x"
    assert snapshot.marker == "m-1"


def test_two_states_of_one_second_have_two_versions() -> None:
    before, after = recorded("incident_trigger"), recorded("incident_trigger", title="other")
    assert snapshot_of("pd", before, {}, None).version != snapshot_of("pd", after, {}, None).version


def test_the_modifier_is_known_only_of_a_change_of_status() -> None:
    at = "2023-10-13T14:55:07Z"
    assert (
        snapshot_of("pd", recorded("incident_acknowledge", updated_at=at), {}, None).modified_by == "PYGDZB8"
    )
    later = "2023-10-13T14:56:00Z"
    assert snapshot_of("pd", recorded("incident_acknowledge", updated_at=later), {}, None).modified_by is None


def test_recorded_users_are_understood() -> None:
    assert [user.id for user in Users.model_validate(sample("user_by_email")).users] == ["valid_id"]
