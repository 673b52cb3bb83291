"""How an instance says no, and how long it wants to be left alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from pydantic import JsonValue

from connectors.clock import parse_http_date
from connectors.refusals import Dialect


def explain(body: JsonValue) -> str:
    """`error.message: error.detail`."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return str(body)
    return ": ".join(str(error[part]) for part in ("message", "detail") if error.get(part))


def pause(headers: Mapping[str, str]) -> timedelta | None:
    """Until `X-RateLimit-Reset` (epoch seconds, by the instance's own clock)."""
    written = headers.get("x-ratelimit-reset", "")
    if not written.isdigit():
        return None
    now = parse_http_date(headers.get("date")) or datetime.now(UTC)
    return timedelta(seconds=int(written) - now.timestamp())


DIALECT = Dialect("ServiceNow", explain=explain, pause=pause)
"""A refusal names no field: the engine isolates it by splitting the write."""
