"""Values as the database holds them: texts, UTC times in whole seconds, and what the instance sets on its own in a save."""

from datetime import UTC, datetime
from hashlib import md5
from typing import Any
from uuid import uuid4

from lab.systems.records import Record
from lab.systems.servicenow.settings import ServiceNowSettings
from lab.systems.servicenow.tables import (
    CLOSED_STATES,
    FIRST_STATE,
    JOURNALS,
    PRIORITY_OF,
    RESOLVED_STATES,
    TABLES,
)


def text(value: Any) -> str:
    """A column's value: empty is "", booleans are words, lists are comma-joined, a journal entry is its text."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case list():
            return ",".join(text(element) for element in value)
        case {"value": entry}:
            return text(entry)
    return str(value)


def time_text(stamp: float | None) -> str:
    """`2026-01-06 10:38:52`, UTC without a mark."""
    return "" if stamp is None else datetime.fromtimestamp(stamp, UTC).strftime("%Y-%m-%d %H:%M:%S")


def stable_id(*parts: object) -> str:
    """A sys_id that the same parts always give: for rows that are derived, not stored."""
    return md5("/".join(map(str, parts)).encode(), usedforsecurity=False).hexdigest()


def user_id(user_name: str) -> str:
    return stable_id("sys_user", user_name)


def settle(
    settings: ServiceNowSettings, record: Record, written: dict[str, Any], by: str, stamp: float | None
) -> dict[str, Any]:
    """What a save stores: the written values as texts, and the columns that follow from them.

    Args:
        settings: Whether priority is computed.
        record: As it was before; a new one has version 0 and no fields.
        written: Column → value.
        by: The user who saves.
        stamp: The instance's time of the save.
    """
    stored = _as_texts(written)
    if record.record_type not in TABLES:
        return stored
    before = record.fields
    if record.version == 0:
        stored = _defaults(record.record_type, by, stamp) | stored
    if settings.compute_priority:
        stored |= _priority(before | stored)
    return stored | _consequences(record.record_type, before, stored, by, stamp)


def _as_texts(written: dict[str, Any]) -> dict[str, Any]:
    plain = {column: text(value) for column, value in written.items() if column not in JOURNALS}
    return plain | {
        # Every entry differs from the one before, so that the same words twice are two entries.
        column: {"sys_id": uuid4().hex, "value": text(written[column])}
        for column in JOURNALS
        if written.get(column)
    }


def _defaults(table: str, by: str, stamp: float | None) -> dict[str, str]:
    defaults = {name: column.default for name, column in TABLES[table].columns.items() if column.default}
    opened = {"opened_at": time_text(stamp), "opened_by": user_id(by)}
    return defaults | opened | {"state": FIRST_STATE[table]}


def _priority(after: dict[str, Any]) -> dict[str, str]:
    return {"priority": PRIORITY_OF.get((after.get("impact", ""), after.get("urgency", "")), "5")}


def _consequences(
    table: str, before: dict[str, Any], stored: dict[str, Any], by: str, stamp: float | None
) -> dict[str, str]:
    """What follows from a new state: who closed or resolved it and when, and whether it is still active."""
    state: str = stored.get("state", before.get("state", ""))
    if state == before.get("state"):
        return {}
    closed = state in CLOSED_STATES[table]
    follows = {"active": text(not closed), **_signed("closed", by, stamp, done=closed)}
    if table == "incident":
        follows |= {"incident_state": state, **_signed("resolved", by, stamp, done=state in RESOLVED_STATES)}
        follows |= _reopened(before, state)
    return follows


def _signed(what: str, by: str, stamp: float | None, *, done: bool) -> dict[str, str]:
    return {f"{what}_at": time_text(stamp) if done else "", f"{what}_by": user_id(by) if done else ""}


def _reopened(before: dict[str, Any], state: str) -> dict[str, str]:
    if before.get("state") in RESOLVED_STATES and state not in {*RESOLVED_STATES, "8"}:
        return {"reopen_count": str(int(before.get("reopen_count") or 0) + 1)}
    return {}
