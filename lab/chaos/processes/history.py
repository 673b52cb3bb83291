"""One life as a history (docs/chaos.md), told from outside: by the systems' saves and journals, the store, and Temporal.

All of them stamp by the clock of this machine, the simulated systems besides their own skewed one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.service import RPCError

from domain.sides import SIDES, Pair, Side
from lab.chaos.cast import DECLARED, FIRST
from lab.chaos.processes.people import Life
from lab.chaos.processes.plan import Rig
from lab.chaos.processes.wave import Wave
from lab.systems.journal import Entry
from lab.systems.records import Save
from store import conflicts, pairs
from store.database import Tx

Line = dict[str, Any]
TOLD = ("unit", "stage", "winner", "outcome", "overruled", "values")
"""Of a line of the conflict log."""
READS = {"read", "history"}
CHANGES = {"write", "delete"}
REFUSALS = {404, 409, 410, 412}
"""Answers that are no fault: the record is gone, or has moved on."""


@dataclass(slots=True)
class Historian:
    """Tells the lives of a wave that is at rest."""

    wave: Wave
    journals: Mapping[Side, Mapping[str, list[Entry]]] = field(default_factory=dict)
    """`type/id` → requests for it, oldest first."""

    async def open(self, since: Pair[int]) -> Pair[int]:
        """Read both journals from there on; where they end."""
        entries = Pair(*[await self.wave.ground.controls[side].journal(since[side]) for side in SIDES])
        self.journals = {side: _by_record(entries[side]) for side in SIDES}
        return Pair.of(lambda side: entries[side][-1].n if entries[side] else since[side])

    async def tell(self, life: Life) -> list[Line]:
        """The whole history, head first."""
        ground, kind = self.wave.ground, life.plan.rig.name
        saves = Pair(*[(await ground.controls[s].record(kind, life.id(s))).saves for s in SIDES])
        lines = [line for side in SIDES for line in self._of_side(life, side, saves[side])]
        lines += await self._attempts(life)
        async with ground.accord.database.begin() as tx:
            lines += await _log(tx, life)
            link = (await pairs.get(tx, life.pair.id)).link
        lines += life.decisions
        lines += [line for line in self.wave.trouble.deaths if line["at"] >= life.began]
        lines.append({"kind": "quiet", "at": self.wave.quiet})
        told = sorted(lines, key=lambda line: line["at"])
        final = {**self._final(life, link, saves), "at": max(told[-1]["at"], self.wave.quiet)}
        return [_head(life), *(_timed(line, life.began) for line in (*told, final))]

    def _final(self, life: Life, link: str, saves: Pair[list[Save]]) -> Line:
        state = self.wave.states[life.pair.id]
        records = {side.value: _shown(saves[side][-1]) for side in SIDES}
        if link != "active":
            return {"kind": "final", "records": records, "states": [link], "waiting": []}
        standing = state.standing if state else None
        return {
            "kind": "final",
            "records": records,
            "states": list(standing.states) if standing else [],
            "waiting": list(standing.fields) if standing else [],
            "reason": standing.waits_for if standing else "",
        }

    # ------------------------------------------------------------------------------------------------- the systems
    def _of_side(self, life: Life, side: Side, saves: Sequence[Save]) -> Iterator[Line]:
        entries = self.journals[side].get(f"{life.plan.rig.name}/{life.id(side)}", [])
        for save in saves[1:]:  # the first one made the record
            yield _save_line(side, save, entries)
        for entry in entries:
            request = f"{entry.method} {entry.path}"
            if entry.status is None or (entry.status >= 400 and entry.status not in REFUSALS):
                what = "answer lost" if entry.applied else f"answered {entry.status or 'nothing'}"
                yield {"kind": "fault", "at": entry.at, "side": side.value, "what": what, "where": request}
            elif entry.operation in READS:
                version = max(
                    (save.record.version for save in saves if save.applied_at <= entry.at), default=1
                )
                yield {
                    "kind": "read",
                    "at": entry.at,
                    "side": side.value,
                    "version": str(version),
                    "request": request,
                }

    # --------------------------------------------------------------------------------------------------- Temporal
    async def _attempts(self, life: Life) -> list[Line]:
        """What the pair was told, and attempts at a step that ended without an answer of a system: died, or taken for dead."""
        handle = self.wave.ground.accord.temporal.get_workflow_handle(life.pair.workflow_id)
        try:
            events = (await handle.fetch_history()).events
        except RPCError:
            return []
        return [*_signals(events), *self._deaths(life, events)]

    def _deaths(self, life: Life, events: Sequence[HistoryEvent]) -> Iterator[Line]:
        faults = [
            entry.at
            for side in SIDES
            for entry in self.journals[side].get(f"{life.plan.rig.name}/{life.id(side)}", [])
            if entry.status is None or entry.status >= 400
        ]
        scheduled = {event.event_id: event for event in events}
        for event in events:
            if event.event_type != EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED:
                continue
            started = event.activity_task_started_event_attributes
            began = scheduled[started.scheduled_event_id]
            at, until = _at(began), _at(event)
            lost = started.attempt - 1 - sum(at <= fault <= until for fault in faults)
            where = began.activity_task_scheduled_event_attributes.activity_type.name
            why = started.last_failure.message
            for _ in range(max(0, lost)):
                yield {"kind": "crash", "at": at, "what": why or "died", "where": where}


def _signals(events: Sequence[HistoryEvent]) -> Iterator[Line]:
    for event in events:
        said = event.workflow_execution_signaled_event_attributes
        if said.signal_name != "change_noticed":
            continue
        notice = json.loads(said.input.payloads[0].data)
        yield {
            "kind": "signal",
            "at": _at(event),
            "side": notice["side"],
            "source": notice.get("source", ""),
        }


def _at(event: HistoryEvent) -> float:
    return event.event_time.ToNanoseconds() / 1e9


def _by_record(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        for record in entry.records or _aimed_at(entry):
            found.setdefault(record, []).append(entry)
    return found


def _aimed_at(entry: Entry) -> tuple[str, ...]:
    """The record of a request that a system wasn't there to look at: of `/records/{type}/{id}`, and what is below."""
    parts = entry.path.split("/")[2:4]
    return ("/".join(parts),) if len(parts) == 2 else ()


def _save_line(side: Side, save: Save, entries: Sequence[Entry]) -> Line:
    common = {"at": save.applied_at, "side": side.value, "by": save.record.modified_by}
    if save.event == "deleted" and save.origin == "person":
        return {"kind": "delete", **common}
    fields = {change.field: {"old": change.old, "new": change.new} for change in save.changes}
    if save.origin == "person":
        return {"kind": "edit", **common, "fields": fields}
    requests = [one for one in entries if one.operation in CHANGES and one.at <= save.applied_at]
    request = f"{requests[-1].method} {requests[-1].path}" if requests else ""
    return {"kind": "write", **common, "fields": fields, "request": request, "marker": save.marker}


async def _log(tx: Tx, life: Life) -> list[Line]:
    """The conflict log, each line at the moment from which on it is durable."""
    since = await conflicts.durable_since(tx, life.pair.id)
    lines = []
    for row in await conflicts.of_pair(tx, life.pair.id):
        said = row.line.model_dump(mode="json")
        told = {name: said[name] for name in TOLD}
        at = since[row.id].timestamp()
        lines.append(
            {
                "kind": "log",
                "at": at,
                "what": said["kind"],
                "conflict": row.line.conflict_id,
                "n": row.n,
                **told,
            }
        )
    return lines


def _head(life: Life) -> Line:
    return {
        "kind": "history",
        "format": 1,
        "seed": life.plan.seed,
        "runner": "process",
        "capabilities": {side.value: _capabilities(life.plan.rig) for side in SIDES},
        "fields": [one.head() for one in DECLARED],
        "records": {side.value: dict(FIRST[side]) for side in SIDES},
    }


def _capabilities(rig: Rig) -> dict[str, bool]:
    return {"compare_and_set": rig.compare_and_set, "change_history": rig.change_history}


def _shown(save: Save) -> dict[str, Any] | None:
    return None if save.record.deleted else dict(save.record.fields)


def _timed(line: Line, began: float) -> Line:
    """With `t`, seconds since the history began, in the place of the true time."""
    return {"kind": line["kind"], "t": round(line["at"] - began, 6)} | {
        name: value for name, value in line.items() if name not in {"kind", "at"}
    }
