"""How PagerDuty words its refusals and asks for pauses.

Source: PagerDuty developer documentation, "Errors" and "Rate Limiting", read 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from pydantic import JsonValue

from connectors.refusals import Dialect, row
from domain.errors import ConfigError

BLAMED_AS = {
    "title": "title",
    "status": "status",
    "urgency": "urgency",
    "priority": "priority",
    "service": "service",
    "escalation policy": "escalation_policy",
    "assign": "assignees",
    "incident type": "incident_type",
}
"""Word in a reason → the field it blames: PagerDuty's reasons are sentences."""


def _error(body: JsonValue) -> Mapping[str, JsonValue]:
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {}


def _reasons(body: JsonValue) -> list[str]:
    """`errors` is a list of sentences, or an object of such lists."""
    errors = _error(body).get("errors")
    if isinstance(errors, dict):
        return [f"{name}: {reason}" for name, reason in errors.items()]
    return [str(reason) for reason in errors] if isinstance(errors, list) else []


def explain(body: JsonValue) -> str:
    """`Invalid Input Provided (2001): Title can't be blank`."""
    error, reasons = _error(body), _reasons(body)
    if not error:
        return "" if body is None else str(body)
    general = f"{error.get('message', '')} ({error.get('code', 'no code')})"
    return f"{general}: {'; '.join(reasons)}" if reasons else general


def name_culprits(body: JsonValue) -> dict[str, str]:
    """The fields that the reasons speak of."""
    return {
        field: reason
        for reason in _reasons(body)
        for word, field in BLAMED_AS.items()
        if word in reason.lower()
    }


def read_pause(headers: Mapping[str, str]) -> timedelta | None:
    """`ratelimit-reset`: the seconds to wait."""
    written = headers.get("ratelimit-reset", "")
    return timedelta(seconds=int(written)) if written.isdigit() else None


PAGERDUTY = Dialect(
    "PagerDuty",
    errors={402: row(ConfigError)},  # the account's plan lacks the feature: nothing of this kind can work
    explain=explain,
    culprits=name_culprits,
    pause=read_pause,
)
