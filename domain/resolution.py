"""What both sides end with once somebody has decided."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import assert_never

from pydantic import JsonValue

from domain.carrying import Lack, carry, is_allowed
from domain.deciding.answers import Gives, Merges, Settled, Takes
from domain.integration import Flow
from domain.mapping import UNMAPPED, Mapped, agree, is_same, mapped
from domain.outcome import Winner
from domain.reading import FieldReading, UnitReading
from domain.sides import SIDES, Pair, Side


@dataclass(frozen=True, slots=True)
class Outcome:
    """Per field that is settled, what each side ends with, in its own words."""

    finals: dict[str, Pair[JsonValue]]
    winner: Winner
    lacks: tuple[Lack, ...] = ()
    """Values without counterpart that were met on the way."""
    against_flow: frozenset[str] = field(default_factory=frozenset)
    """Fields whose winning value may not travel: both sides keep what they show."""

    @property
    def holds(self) -> tuple[Lack, ...]:
        """The lacks that forbid to write anything of the unit."""
        return tuple(lack for lack in self.lacks if lack.holds)


@dataclass(frozen=True, slots=True)
class Infeasible:
    """The answer can't be carried out."""

    why: str


def outcome_of(reading: UnitReading, answer: Settled) -> Outcome | Infeasible:
    """Carry out an answer on paper."""
    match answer:
        case Takes():
            return taken(reading, answer.side)
        case Merges():
            return Outcome(dict(answer.values), Winner.MERGED)
        case Gives():
            return _given(reading, answer)
        case never:
            assert_never(never)


def taken(reading: UnitReading, side: Side) -> Outcome:
    """One side's values for all members that moved; members that stand in step are left alone."""
    finals: dict[str, Pair[JsonValue]] = {}
    lacks: tuple[Lack, ...] = ()
    against: set[str] = set()
    for member in (m for m in reading.members if not m.is_quiet):
        name = member.field.name
        if not member.field.flow.allows(side) and not member.agreed:
            against.add(name)
            finals[name] = member.values
            continue
        carried = carry(member, side, reading.view.valid[side.other])
        lacks += carried.lacks
        finals[name] = member.values.replace(side.other, carried.value)
    return Outcome(finals, Winner.side(side), lacks, frozenset(against))


def _given(reading: UnitReading, answer: Gives) -> Outcome | Infeasible:
    """A third value for every member, fit for both systems, or the reason why not."""
    finals: dict[str, Pair[JsonValue]] = {}
    for member in reading.members:
        name = member.field.name
        if name not in answer.values:
            return Infeasible(f"a value for {name} is missing")
        found = _given_member(reading, member, answer.values[name], answer.side)
        if isinstance(found, Infeasible):
            return found
        finals[name] = found
    return Outcome(finals, _winner(reading, answer))


def _given_member(
    reading: UnitReading, member: FieldReading, value: JsonValue, side: Side
) -> Pair[JsonValue] | Infeasible:
    field_map, names = member.field, reading.view.systems
    if field_map.flow is not Flow.BOTH:
        return Infeasible(f"{field_map.name} flows one way: choose a side")
    there = _as_other_holds(member, value, side)
    if there is UNMAPPED:
        return Infeasible(f"the value for {field_map.name} has no counterpart in {names[side.other]}")
    final = Pair.of(lambda s: value if s is side else there)
    for s in SIDES:
        if not is_allowed(field_map, s, final[s], reading.view.valid[s]):
            return Infeasible(f"{names[s]} doesn't allow this value for {field_map.name}")
    return final


def _as_other_holds(member: FieldReading, value: JsonValue, side: Side) -> Mapped:
    """The value over there; a finer one that stands there and says the same is kept."""
    there = member.values[side.other]
    both = Pair.of(lambda s: value if s is side else there)
    return there if agree(member.field, both.a, both.b) else mapped(member.field, value, side.other)


def _winner(reading: UnitReading, answer: Gives) -> Winner:
    """A value that a side shows already is that side's."""
    side = answer.side
    shown = all(is_same(m.field, side, answer.values[m.field.name], m.values[side]) for m in reading.members)
    return Winner.side(side) if shown else Winner.VALUE
