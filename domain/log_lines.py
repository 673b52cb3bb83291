"""Lines of the conflict log: who wrote what, what was set aside, by which rule, and why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import JsonValue

from domain.carrying import Lack
from domain.deciding.edits import last_edit
from domain.detection import Finding, Situation
from domain.integration import OnLink
from domain.mapping import is_same
from domain.outcome import LogKind, LogLine, LogStage, Overruled, SideValue, Winner
from domain.reading import FieldReading, UnitReading
from domain.records import FieldVersion
from domain.resolution import Outcome
from domain.sides import SIDES, Pair, Side

ON_LINK = "on_link"


def asked_policy(finding: Finding) -> str:
    """The head of the unit's chain; `on_link` where the declaration decides the first link otherwise."""
    unit = finding.reading.unit
    if finding.situation is Situation.DIFFERS and unit.on_link is not OnLink.POLICY:
        return ON_LINK
    return unit.chain[0].kind if unit.chain else "review"


def conflict_line(finding: Finding, stage: LogStage, outcome: Outcome | None = None, **said: Any) -> LogLine:
    """The line of a conflict: decided or resolved with an outcome, opened without."""
    reading = finding.reading
    set_aside = overruled(reading, outcome, said.get("rule", ""), said.get("reason", "")) if outcome else ()
    return LogLine(
        conflict_id=reading.conflict_id(),
        unit=reading.name,
        kind=LogKind.RACE if reading.has_race else LogKind.CONFLICT,
        stage=stage,
        policy=asked_policy(finding),
        winner=outcome.winner if outcome else None,
        outcome=spelled(outcome.finals) if outcome else {},
        overruled=set_aside,
        **evidence(reading),
        **said,
    )


def unmapped_line(reading: UnitReading, lacks: tuple[Lack, ...], outcome: Outcome) -> LogLine:
    """The line of a value without counterpart. Its id is its own: the conflict that led to it has a line too."""
    lack = lacks[0]
    held = lack.holds
    return LogLine(
        conflict_id=reading.conflict_id("unmapped"),
        unit=reading.name,
        kind=LogKind.UNMAPPED,
        stage=LogStage.OPENED if held else LogStage.DECIDED,
        policy=lack.mode,
        rule="" if held else f"unmapped: {lack.mode}",
        winner=None if held else Winner.side(lack.source),
        reason=spell_lack(reading, lack),
        outcome={} if held else spelled(outcome.finals),
        **evidence(reading),
    )


def spell_lack(reading: UnitReading, lack: Lack) -> str:
    """What, where and what to do; a sensitive value isn't shown."""
    names, side = reading.view.systems, lack.source
    value = "the value" if lack.field.sensitive else f"{lack.value!r}"
    where = f"{names[side]} {reading.view.snapshots[side].key}: {lack.field.name} {value}"
    return f"{where} has no counterpart in {names[side.other]}; add it to the value map or change `unmapped`"


def evidence(reading: UnitReading) -> dict[str, Any]:
    """What both sides held, the baseline, and the edits since: the same for a log line and for a review."""
    members = [m for m in reading.members if not m.is_quiet]
    return {
        "base": {m.field.name: (m.base.a, m.base.b) for m in members if m.base},
        "values": tuple(side_value(reading, m, side) for m in members for side in SIDES),
        "history": history(reading),
    }


def side_value(reading: UnitReading, member: FieldReading, side: Side) -> SideValue:
    edit = last_edit(reading.view, member, side)
    return SideValue(side=side, field=member.field.name, value=member.values[side], by=edit.by, at=edit.at)


def history(reading: UnitReading) -> tuple[tuple[Side, FieldVersion], ...]:
    """Both sides' edits of the unit's fields, oldest first; those without a stamp lead."""
    natives = Pair.of(lambda side: {m.field.native(side) for m in reading.members})
    found = [(s, v) for s in SIDES for v in reading.view.facts[s].history if v.field in natives[s]]
    found += [(s, hit) for s in SIDES for hit in _hits(reading, s) if (s, hit) not in found]
    return tuple(sorted(found, key=lambda one: one[1].at or datetime.min.replace(tzinfo=UTC)))


def _hits(reading: UnitReading, side: Side) -> list[FieldVersion]:
    raced = [m.field.native(side) for m in reading.members if m.raced[side]]
    return [reading.view.facts[side].overwritten[native].version for native in raced]


def overruled(reading: UnitReading, outcome: Outcome, rule: str, why: str) -> tuple[Overruled, ...]:
    """Every edit that the outcome sets aside. A merge sets nothing aside."""
    if outcome.winner is Winner.MERGED:
        return ()
    return tuple(
        Overruled(
            **side_value(reading, member, side).model_dump(),
            beaten_by=outcome.finals[member.field.name][side],
            rule=rule,
            why=why,
        )
        for member in reading.members
        for side in SIDES
        if _is_set_aside(member, side, outcome)
    )


def _is_set_aside(member: FieldReading, side: Side, outcome: Outcome) -> bool:
    name = member.field.name
    moved = member.changed[side] or member.raced[side]
    if name not in outcome.finals or not moved:
        return False
    if name in outcome.against_flow:
        return outcome.winner is not Winner.side(side)  # stands on its own side, and will not travel
    return not is_same(member.field, side, member.values[side], outcome.finals[name][side])


def spelled(finals: dict[str, Pair[JsonValue]]) -> dict[str, tuple[JsonValue, JsonValue]]:
    return {name: (pair.a, pair.b) for name, pair in finals.items()}
