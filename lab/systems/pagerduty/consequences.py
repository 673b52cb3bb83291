"""What the account sets on its own in a save: defaults of a new incident, who changed the status and when, notes with ids."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from lab.systems.pagerduty.account import Json
from lab.systems.pagerduty.settings import PagerDutySettings
from lab.systems.records import Record


def settle(
    settings: PagerDutySettings,
    record: Record,
    written: Json,
    *,
    by: str,
    stamp: float | None,
    next_note_id: Callable[[], str],
) -> Json:
    """The values that a save stores.

    Args:
        settings: The first service.
        record: As it was before; a new one has version 0 and no fields.
        written: Plain values. `note` isn't one: it is added to `notes`.
        by: Who saves.
        stamp: The account's time of the save.
        next_note_id: Gives ids that never repeat.
    """
    stored = {name: value for name, value in written.items() if name != "note"}
    if record.version == 0:
        stored = _defaults(settings) | stored
    if "note" in written:
        note = {"id": next_note_id(), "content": written["note"], "user": by, "created_at": stamp}
        stored["notes"] = [*(record.fields.get("notes") or []), note]
    return stored | _status(record.fields.get("status"), stored, by, stamp)


def _defaults(settings: PagerDutySettings) -> dict[str, Any]:
    return {
        "title": "",
        "status": "triggered",
        "urgency": "high",
        "priority": None,
        "service": next(iter(settings.services)),
        "incident_key": uuid4().hex,
        "body": None,
        "assignees": [],
        "resolution": None,
    }


def _status(before: str | None, stored: Json, by: str, stamp: float | None) -> Json:
    after = stored.get("status", before)
    if after == before:
        return {}
    changed = {"last_status_change_at": stamp, "last_status_change_by": by}
    match after:
        case "resolved":
            return changed | {"resolved_at": stamp, "acknowledgers": []}
        case "acknowledged":
            return changed | {"resolved_at": None, "acknowledgers": [by]}
    return changed | {"resolved_at": None, "acknowledgers": []}
