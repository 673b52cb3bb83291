"""How Jira words its refusals and asks for pauses."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from pydantic import JsonValue

from connectors.clock import parse_http_date
from connectors.refusals import Dialect


def explain(body: JsonValue) -> str:
    """The words of `{"errorMessages": [...], "errors": {field: reason}}`."""
    if not isinstance(body, dict):
        return "" if body is None else str(body)
    messages = body.get("errorMessages")
    general = [str(message) for message in messages] if isinstance(messages, list) else []
    return "; ".join(general + [f"{name}: {reason}" for name, reason in name_culprits(body).items()])


def name_culprits(body: JsonValue) -> dict[str, str]:
    """The fields blamed by `errors`."""
    errors = body.get("errors") if isinstance(body, dict) else None
    return {name: str(reason) for name, reason in errors.items()} if isinstance(errors, dict) else {}


def read_pause(headers: Mapping[str, str]) -> timedelta | None:
    """The time until `X-RateLimit-Reset` (ISO 8601), measured against the answer's own `Date`."""
    now = parse_http_date(headers.get("date"))
    try:
        reset = datetime.fromisoformat(headers.get("x-ratelimit-reset", ""))
        return reset - now if now else None
    except (ValueError, TypeError):
        return None


def is_one_issues(headers: Mapping[str, str]) -> bool:
    """20 writes in 2 s to one issue are too many for that issue, not for the site."""
    return headers.get("ratelimit-reason") == "jira-per-issue-on-write"


JIRA = Dialect("Jira", explain=explain, culprits=name_culprits, pause=read_pause, concerns_one=is_one_issues)
