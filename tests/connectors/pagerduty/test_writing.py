from __future__ import annotations

from typing import Any

import pytest

from connectors.pagerduty.writing import EDITABLE, refuse_others, shaped
from domain.errors import RecordRejected

PRIORITIES = {"P1": "PP1", "P2": "PP2"}


@pytest.mark.parametrize(
    ("field", "value", "body"),
    [
        ("title", "disk full", {"title": "disk full"}),
        ("priority", "P1", {"priority": {"id": "PP1", "type": "priority_reference"}}),
        ("priority", None, {"priority": None}),
        ("service", "PS1", {"service": {"id": "PS1", "type": "service_reference"}}),
        ("assignees", ["PU"], {"assignments": [{"assignee": {"id": "PU", "type": "user_reference"}}]}),
        ("details", "long", {"body": {"type": "incident_body", "details": "long"}}),
        ("incident_type", "major", {"incident_type": {"name": "major"}}),
    ],
)
def test_a_field_is_written_in_the_apis_shape(field: str, value: Any, body: dict[str, Any]) -> None:
    assert shaped(field, value, PRIORITIES) == body


def test_an_unknown_priority_is_refused_by_name_before_anything_is_sent() -> None:
    with pytest.raises(RecordRejected, match="P0") as refused:
        shaped("priority", "P0", PRIORITIES)
    assert refused.value.fields == {"priority": "is none of P1, P2"}


def test_one_assignee_is_no_list() -> None:
    with pytest.raises(RecordRejected) as refused:
        shaped("assignees", "PU", PRIORITIES)
    assert set(refused.value.fields) == {"assignees"}


def test_what_an_edit_cannot_set_is_named() -> None:
    with pytest.raises(RecordRejected) as refused:
        refuse_others({"title": "x", "details": "y", "incident_key": "z"}, EDITABLE)
    assert set(refused.value.fields) == {"details", "incident_key"}
