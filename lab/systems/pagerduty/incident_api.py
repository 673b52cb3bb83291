"""Incidents: list, read, create, update one or many, notes, custom fields. There is no delete."""

import math
from typing import Final

from starlette.responses import JSONResponse, Response

from lab.systems.call import Call
from lab.systems.pagerduty.account import Json
from lab.systems.pagerduty.edits import changed_values, created_values
from lab.systems.pagerduty.request import Ask
from lab.systems.pagerduty.shapes import INCIDENT
from lab.systems.records import Record
from lab.systems.refusals import Refused
from lab.systems.system import PublicRoute

MONTH: Final = 30 * 24 * 3600
LONGEST_SPAN: Final = 6 * 31 * 24 * 3600
LARGEST_BATCH: Final = 250
_SORTS: Final = ("incident_number", "created_at", "resolved_at", "urgency")

_ONE: Final = "/incidents/{id}"
_NOTES: Final = f"{_ONE}/notes"


class IncidentApi:
    """The handlers."""

    def routes(self) -> list[PublicRoute]:
        return [
            PublicRoute("GET", "/incidents", "search", self.list_incidents),
            PublicRoute("POST", "/incidents", "create", self.create),
            PublicRoute("PUT", "/incidents", "write", self.update_many),
            PublicRoute("GET", _ONE, "read", self.read),
            PublicRoute("PUT", _ONE, "write", self.update),
            PublicRoute("GET", _NOTES, "read", self.notes),
            PublicRoute("POST", _NOTES, "write", self.add_note),
            PublicRoute("PUT", f"{_NOTES}/{{note}}", "write", self.edit_note),
            PublicRoute("DELETE", f"{_NOTES}/{{note}}", "write", self.remove_note),
        ]

    async def list_incidents(self, call: Call) -> Response:
        ask = Ask(call)
        since, until = _span(ask)
        found = [
            record
            for record in await call.search(INCIDENT)
            if since <= (record.created_at or 0) < until and _is_asked_for(ask, record)
        ]
        include = ask.several("include")
        return ask.page([ask.shapes.incident(record, include) for record in _sorted(ask, found)], "incidents")

    async def read(self, call: Call) -> Response:
        ask = Ask(call)
        return _answer(ask, await call.read(INCIDENT, ask.incident_id()))

    async def create(self, call: Call) -> Response:
        ask = Ask(call)
        values = created_values(ask.account, await ask.inside("incident"))
        if "incident_key" in values and _is_open(ask, values["incident_key"], values["service"]):
            raise Refused("malformed", "Open incident with matching dedup key already exists on this service")
        return _answer(ask, await call.create(INCIDENT, values), 201)

    async def update(self, call: Call) -> Response:
        ask = Ask(call)
        return _answer(ask, await _update(ask, ask.incident_id(), await ask.inside("incident")))

    async def update_many(self, call: Call) -> Response:
        ask, given = Ask(call), (await call.json()).get("incidents")
        if not isinstance(given, list):
            raise Refused("malformed", "incidents is missing")
        if len(given) > LARGEST_BATCH:
            raise Refused(
                "malformed", f"At most {LARGEST_BATCH} incidents can be updated at once", status=413
            )
        records = [await _update(ask, str(one.get("id")), one) for one in given]
        return JSONResponse({"incidents": [ask.shapes.incident(record, []) for record in records]})

    async def notes(self, call: Call) -> Response:
        ask = Ask(call)
        record = await call.read(INCIDENT, ask.incident_id())
        return JSONResponse({"notes": [ask.shapes.note(note) for note in _notes(record)][::-1]})

    async def add_note(self, call: Call) -> Response:
        ask = Ask(call)
        content = _content(await ask.inside("note"))
        record = await call.update(INCIDENT, ask.incident_id(), {"note": content})
        return JSONResponse({"note": ask.shapes.note(_notes(record)[-1])})

    async def edit_note(self, call: Call) -> Response:
        ask, note_id = Ask(call), call.path["note"]
        content = _content(await ask.inside("note"))
        record = await _rewrite_notes(ask, note_id, [{"content": content}])
        return JSONResponse({"note": ask.shapes.note(_note(record, note_id))})

    async def remove_note(self, call: Call) -> Response:
        await _rewrite_notes(Ask(call), call.path["note"], [])
        return Response(status_code=204)


async def _update(ask: Ask, incident_id: str, given: Json) -> Record:
    values = changed_values(ask.account, given)
    before = ask.call.system.records.head(INCIDENT, incident_id)
    is_resolved = before is not None and before.fields["status"] == "resolved"
    if is_resolved and ask.settings.resolved_is_final and values.get("status") in {None, "resolved"}:
        raise Refused("refused_field", "Incident Already Resolved")
    return await ask.call.update(INCIDENT, incident_id, values)


async def _rewrite_notes(ask: Ask, note_id: str, instead: list[Json]) -> Record:
    """Replace a note's content, or take it away; neither is told by a webhook."""

    def notes(incident: Record) -> Json:
        _note(incident, note_id)
        kept = []
        for note in _notes(incident):
            kept += [note | change for change in instead] if note["id"] == note_id else [note]
        return {"notes": kept}

    return await ask.call.update(INCIDENT, ask.incident_id(), {"notes": []}, recompute=notes)


def _answer(ask: Ask, record: Record, status: int = 200) -> Response:
    return JSONResponse({"incident": ask.shapes.incident(record, ask.several("include"))}, status)


def _span(ask: Ask) -> tuple[float, float]:
    """The times of creation asked for: the last month, unless said otherwise.

    Raises:
        Refused: `malformed`, if they are more than six months apart.
    """
    if ask.text("date_range") == "all":
        return -math.inf, math.inf
    now = ask.call.system.clock.true_time()
    until = ask.time("until", max(now, ask.time("since", 0)) + MONTH)
    since = ask.time("since", min(now, until) - MONTH)
    if ask.text("since") and ask.text("until") and until - since > LONGEST_SPAN:
        raise Refused("malformed", "The date range may not be longer than 6 months")
    return since, until


def _is_asked_for(ask: Ask, record: Record) -> bool:
    fields, key = record.fields, ask.text("incident_key")
    filters = {"statuses": fields["status"], "service_ids": fields["service"], "urgencies": fields["urgency"]}
    if key is not None and fields["incident_key"] != key:
        return False
    return all(not ask.several(name) or value in ask.several(name) for name, value in filters.items())


def _sorted(ask: Ask, records: list[Record]) -> list[Record]:
    """By `sort_by=name[:asc|:desc]`; by number otherwise.

    Raises:
        Refused: `malformed`, for a name that can't be sorted by (`updated_at` is one).
    """
    name, _, direction = (ask.text("sort_by") or "incident_number").partition(":")
    if name not in _SORTS:
        raise Refused("malformed", f"sort_by {name} is invalid")
    keys = {
        "incident_number": lambda record: int(record.key),
        "created_at": lambda record: record.created_at or 0,
        "resolved_at": lambda record: record.fields["resolved_at"] or math.inf,
        "urgency": lambda record: record.fields["urgency"] != "high",
    }
    return sorted(records, key=keys[name], reverse=direction == "desc")


def _is_open(ask: Ask, incident_key: str, service: str) -> bool:
    known = ask.call.system.records.indexed(
        INCIDENT, math.inf, {"incident_key": incident_key, "service": service}
    )
    return any(save.record.fields["status"] != "resolved" for save in known)


def _content(note: Json) -> str:
    content = note.get("content")
    if not isinstance(content, str) or not content.strip():
        raise Refused("invalid_value", "Content cannot be empty", field="content", status=400)
    return content


def _notes(record: Record) -> list[Json]:
    return record.fields.get("notes") or []


def _note(record: Record, note_id: str) -> Json:
    for note in _notes(record):
        if note["id"] == note_id:
            return note
    raise Refused("not_found", "Not Found")
