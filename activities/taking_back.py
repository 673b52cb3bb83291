"""A merge that one side took and the other finally refused is taken back (semantics §4.7).

Where it can't be, since somebody built on it, a person must decide: the next pass opens the review.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import JsonValue

from activities.look import Look
from domain.errors import SyncError
from domain.outcome import LogKind, LogLine, LogStage, SideValue, WritePlan
from domain.records import Snapshot
from domain.sides import Pair, Side
from domain.values import digest, same
from store.ledger import Written
from store.plans import OpenPlan


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What became of one torn merge: taken back, or standing on one side and labelled so."""

    line: LogLine
    story: str
    writes: list[Written] = field(default_factory=list)


async def take_back(
    look: Look, plan: OpenPlan, now: Pair[Snapshot], unit: str, sides: list[Side]
) -> TakenBack:
    """Set every side that took the merge back to what it held, while our own value still stands there."""
    writes, kept = [], []
    for side in sides:
        try:
            writes.append(await _set_back(look, plan.plan, now[side], unit, side))
        except SyncError as error:
            kept.append(f"{look.pair.end(side)} keeps the merged value ({error.message})")
    story = f"{unit}: " + (
        "; ".join(kept) if kept else "the merge was refused on the other side and taken back"
    )
    return TakenBack(_line(look, plan, unit, now, story, is_back=not kept), story, writes)


async def _set_back(look: Look, plan: WritePlan, ours: Snapshot, unit: str, side: Side) -> Written:
    """Write the value that stood there before; refused if our own version no longer stands."""
    connector = look.connectors[side]
    write = next(w for w in plan.writes if w.side is side)
    natives = {
        f.native(side)
        for f in look.declared.fields
        for h in plan.settles
        if h.field == f.name and h.unit == unit
    }
    fields = {native: value for native, value in write.expect.items() if native in natives}
    target = ours if connector.capabilities.compare_and_set else await connector.read(ours.ref)
    moved = [n for n in fields if not same(target.value(n), ours.value(n))]
    if moved:
        raise SyncError(f"somebody changed {', '.join(moved)} meanwhile")
    result = await connector.update(target, fields, marker=look.pair.pair_id)
    exact = connector.capabilities.version_exact
    return Written(side, ours.ref, result.version, fields, exact, result.request)


def _line(
    look: Look, plan: OpenPlan, unit: str, now: Pair[Snapshot], story: str, *, is_back: bool
) -> LogLine:
    members = [
        f
        for f in look.declared.fields
        if any(h.field == f.name and h.unit == unit for h in plan.plan.settles)
    ]
    values = [
        SideValue(side=side, field=f.name, value=_json(now[side], f.native(side)))
        for f in members
        for side in Side
    ]
    return LogLine(
        conflict_id=digest("taken back", look.pair.pair_id, plan.id, unit),
        unit=unit,
        kind=LogKind.TAKEN_BACK,
        stage=LogStage.DECIDED if is_back else LogStage.OPENED,
        policy="merge",
        rule="taken back" if is_back else "",
        reason=story,
        values=tuple(values),
    )


def _json(snapshot: Snapshot, native: str) -> JsonValue:
    return snapshot.fields.get(native)
