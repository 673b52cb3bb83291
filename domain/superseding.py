"""Edits that our write hit and that nobody can judge any more: named, for nobody else saw them go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from domain.integration import FieldMap, Integration, Unit
from domain.log_lines import evidence
from domain.mapping import is_same
from domain.outcome import LogKind, LogLine, LogStage, Overruled, Winner
from domain.reading import FieldReading, UnitReading, read_unit
from domain.records import FieldVersion
from domain.sides import SIDES, Pair, Side
from domain.values import digest
from domain.view import Overwritten, PairView

EDITED = "edited again"
ENDED = "the link has ended"


@dataclass(frozen=True, slots=True)
class Superseded:
    """A hit edit that can't be decided on as such any more, since what our write left was edited since."""

    side: Side
    native: str
    line: LogLine | None
    """Names the hit edit; None where its person has made it again, so that it stands."""
    put_back: Overwritten | None
    """What stands now, if it is what stood in step last: no comparison with the baseline would show that it was edited."""


def superseded(rules: Integration, view: PairView) -> list[Superseded]:
    """Every such edit. One whose very value was saved again is none, unless that value is the one that stood in step."""
    if not any(one.overwritten for one in view.facts):
        return []
    readings = (read_unit(unit, view) for unit in rules.units)
    return [one for reading in readings for member in reading.members for one in _of(reading, member)]


def _of(reading: UnitReading, member: FieldReading) -> Iterator[Superseded]:
    view = reading.view
    for side in SIDES:
        native, shown = member.field.native(side), member.standing[side]
        hit = view.facts[side].overwritten.get(native)
        if hit is None or member.raced[side]:
            continue
        put_back = None if member.changed[side] else _standing(member, view, side)
        if is_same(member.field, side, shown, hit.version.value):
            if put_back is not None:
                yield Superseded(side, native, None, put_back)
            continue
        why = f"the field was edited again in {view.systems[side]} after our write had hit this edit"
        lost = _overruled(member.field, side, hit, shown, EDITED, why)
        line = _line(view.pair_id, reading.unit, lost, hit, winner=Winner.side(side), **evidence(reading))
        yield Superseded(side, native, line, put_back)


def _standing(member: FieldReading, view: PairView, side: Side) -> Overwritten:
    snapshot, native, shown = view.snapshots[side], member.field.native(side), member.standing[side]
    edit = FieldVersion(
        field=native,
        value=shown,
        at=snapshot.modified_at,
        by=snapshot.modified_by,
        sequence=snapshot.sequence,
    )
    return Overwritten(version=edit, ours=shown)


def displaced(
    rules: Integration, pair_id: str, side: Side, hit: Overwritten, newer: Overwritten
) -> list[LogLine]:
    """What is left of a hit edit where a later write of ours hit the next one: somebody had edited the field again."""
    why = "the field was edited again after our write had hit this edit, and a later write hit that edit, too"
    return [
        _line(pair_id, unit, _overruled(field, side, hit, newer.version.value, EDITED, why), hit)
        for unit in rules.units
        for field in unit.fields
        if field.native(side) == hit.version.field
    ]


def unjudged(rules: Integration, pair_id: str, hits: Pair[dict[str, Overwritten]]) -> list[LogLine]:
    """What the end of a link leaves: its last writes have hit these edits, and no pass will come."""
    why = "our write had hit this edit, and the link ended before anybody judged it"
    return [
        _line(pair_id, unit, _overruled(field, side, hit, hit.ours, ENDED, why), hit)
        for unit in rules.units
        for field in unit.fields
        for side in SIDES
        if (hit := hits[side].get(field.native(side))) is not None
    ]


def _overruled(  # noqa: PLR0917 - the parts of one line, in its order
    field: FieldMap, side: Side, hit: Overwritten, beaten_by: Any, rule: str, why: str
) -> Overruled:
    value: JsonValue = hit.version.value
    return Overruled(
        side=side,
        field=field.name,
        value=value,
        by=hit.version.by,
        at=hit.version.at,
        beaten_by=beaten_by,
        rule=rule,
        why=why,
    )


def _line(pair_id: str, unit: Unit, lost: Overruled, hit: Overwritten, **more: Any) -> LogLine:
    return LogLine(
        conflict_id=digest("race", pair_id, unit.name, lost.side, hit.version.model_dump(mode="json")),
        unit=unit.name,
        kind=LogKind.RACE,
        stage=LogStage.DECIDED,
        policy=unit.chain[0].kind if unit.chain else "review",
        rule=lost.rule,
        reason=lost.why,
        overruled=(lost,),
        **more,
    )
