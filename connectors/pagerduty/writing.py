"""How native fields are written: which request takes them, and in which shape."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from connectors.pagerduty.incidents import CUSTOM, REFERENCES
from domain.errors import RecordRejected

AT_CREATE = frozenset({"title", "urgency", "priority", "assignees", "incident_type", "details", *REFERENCES})
"""What the create takes; anything else is set afterwards."""
EDITABLE = frozenset({"title", "status", "urgency", "priority", "assignees", "incident_type", *REFERENCES})
"""What an edit takes. The details, once told, stand."""


def reference(identity: JsonValue, kind: str) -> JsonValue:
    """A reference in the API's shape; None stays None."""
    return None if identity is None else {"id": identity, "type": kind}


def shaped(field: str, value: JsonValue, priorities: Mapping[str, str]) -> dict[str, JsonValue]:
    """The part of the request body that sets this field.

    Args:
        field: Native name.
        value: Natural value.
        priorities: Ids by name.

    Raises:
        RecordRejected: The account knows no such priority, or a list was expected.
    """
    if field in REFERENCES:
        return {field: reference(value, REFERENCES[field])}
    if field == "priority":
        return {field: reference(priority_id(value, priorities), "priority_reference")}
    if field == "assignees":
        return {"assignments": assignments(value)}
    if field == "incident_type":
        return {field: {"name": value}}
    if field == "details":
        return {"body": {"type": "incident_body", "details": value}}
    return {field: value}


def priority_id(name: JsonValue, priorities: Mapping[str, str]) -> str | None:
    if name is None:
        return None
    if name not in priorities:
        reason = f"is none of {', '.join(priorities) or 'the account, which has none'}"
        raise RecordRejected(f"PagerDuty priority {name!r} {reason}", fields={"priority": reason})
    return priorities[str(name)]


def assignments(users: JsonValue) -> list[JsonValue]:
    if not isinstance(users, list):
        raise RecordRejected(
            f"PagerDuty assignees {users!r}: not a list", fields={"assignees": "takes a list"}
        )
    return [{"assignee": reference(user, "user_reference")} for user in users]


def is_custom(field: str) -> bool:
    return field.startswith(CUSTOM)


def custom_values(fields: Mapping[str, JsonValue]) -> list[JsonValue]:
    """The body of a write of custom fields."""
    return [{"name": name.removeprefix(CUSTOM), "value": value} for name, value in fields.items()]


def refuse_others(fields: Mapping[str, JsonValue], known: frozenset[str]) -> None:
    """Refuse what this request can't take, before anything is sent.

    Raises:
        RecordRejected: Names each such field.
    """
    strange = dict.fromkeys((name for name in fields if name not in known), "can't be set on an incident")
    if strange:
        raise RecordRejected(f"PagerDuty can't set {', '.join(strange)}", fields=strange)
