"""Edits that our write hit and that somebody replaced before they were judged: named, for nobody else saw them go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from domain.integration import Integration
from domain.log_lines import evidence
from domain.mapping import is_same
from domain.outcome import LogKind, LogLine, LogStage, Overruled, Winner
from domain.reading import FieldReading, UnitReading, read_unit
from domain.sides import SIDES, Side
from domain.values import digest
from domain.view import Overwritten, PairView

RULE = "edited again"
WHY = "the field was edited again in {system} after our write had hit this edit"


@dataclass(frozen=True, slots=True)
class Superseded:
    """A hit edit that can't be decided on any more, since what our write left was edited since."""

    side: Side
    native: str
    line: LogLine


def superseded(rules: Integration, view: PairView) -> list[Superseded]:
    """Every such edit. One whose very value was saved again is none: it stands."""
    if not any(one.overwritten for one in view.facts):
        return []
    readings = (read_unit(unit, view) for unit in rules.units)
    return [one for reading in readings for member in reading.members for one in _of(reading, member)]


def _of(reading: UnitReading, member: FieldReading) -> Iterator[Superseded]:
    for side in SIDES:
        native = member.field.native(side)
        hit = reading.view.facts[side].overwritten.get(native)
        if hit is None or member.raced[side]:
            continue
        if not is_same(member.field, side, member.standing[side], hit.version.value):
            yield Superseded(side, native, _line(reading, member, side, hit))


def _line(reading: UnitReading, member: FieldReading, side: Side, hit: Overwritten) -> LogLine:
    view, edit = reading.view, hit.version
    lost = Overruled(
        side=side,
        field=member.field.name,
        value=edit.value,
        by=edit.by,
        at=edit.at,
        beaten_by=member.standing[side],
        rule=RULE,
        why=WHY.format(system=view.systems[side]),
    )
    return LogLine(
        conflict_id=digest("race", view.pair_id, reading.name, side, edit.model_dump(mode="json")),
        unit=reading.name,
        kind=LogKind.RACE,
        stage=LogStage.DECIDED,
        policy=reading.unit.chain[0].kind if reading.unit.chain else "review",
        rule=RULE,
        winner=Winner.side(side),
        reason=lost.why,
        overruled=(lost,),
        **evidence(reading),
    )
