"""Situations that each field and group of a declaration can get into, as the core sees them.

The moment is a Monday noon, and people edit; rules that look at the time of day or at who wrote are tried there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from pydantic import JsonValue

from domain.integration import FieldMap, FieldType, Integration, Unit
from domain.policies import Rules
from domain.records import FieldVersion, Origin, RecordRef, Snapshot
from domain.sides import SIDES, Pair, Side
from domain.view import Baseline, PairView
from integrations.samples import cleared, in_step, unknown

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
LONG_AGO = NOON - timedelta(days=1)
EARLIER, LATER = NOON - timedelta(minutes=20), NOON - timedelta(minutes=10)

AT_ONCE = Pair(LATER, LATER)

Edits: TypeAlias = Mapping[str, JsonValue]
"""Field name → the value that a person gave it on one side."""


@dataclass(frozen=True, slots=True)
class Situation:
    """One unit, and what happened to it on both sides."""

    unit: str
    what: str
    edits: Pair[Edits]
    at: Pair[datetime] = AT_ONCE
    is_linked: bool = True
    """Whether the sides ever stood in step."""


def situations(rules: Integration, names: Pair[str]) -> Iterator[Situation]:
    """What is worth trying with this declaration, unit by unit; `names` of the systems as people call them."""
    for unit in rules.units:
        yield from _one_sided(unit, names)
        yield from _clashes(unit, names)
        yield from _first_link(unit)


def _one_sided(unit: Unit, names: Pair[str]) -> Iterator[Situation]:
    first = unit.fields[0]
    for side in SIDES:
        yield Situation(unit.name, f"edited in {names[side]}", _only(side, _edits(unit, 1, side)))
        yield Situation(unit.name, f"cleared in {names[side]}", _only(side, {first.name: cleared(first)}))
    for field in unit.fields:
        for side in SIDES if field.values else ():
            what = f"{field.name}: a value without counterpart in {names[side]}"
            yield Situation(unit.name, what, _only(side, {field.name: unknown(field)}))


def _clashes(unit: Unit, names: Pair[str]) -> Iterator[Situation]:
    for a, b in _clashing(unit):
        edits = Pair(_edits(unit, a, Side.A), _edits(unit, b, Side.B))
        if not (edits.a and edits.b):
            continue
        values = f"{_shown(edits.a)} against {_shown(edits.b)}"
        yield Situation(unit.name, f"{values}, at the same time", edits)
        for side in SIDES:
            at = Pair(EARLIER, EARLIER).replace(side, LATER)
            yield Situation(unit.name, f"{values}, {names[side]} last", edits, at)


def _clashing(unit: Unit) -> list[tuple[int, int]]:
    """Which samples meet. Text meets apart and on the same line; where rules look at values, each meets another."""
    if any(field.type is FieldType.TEXT for field in unit.fields):
        return [(1, 2), (1, 3)]
    count = max(len(in_step(field)) for field in unit.fields)
    if count < 3 or not any(isinstance(policy, Rules) for policy in unit.chain):
        return [(1, 2)]
    return [(n, n % (count - 1) + 1) for n in range(1, count)]


def _first_link(unit: Unit) -> Iterator[Situation]:
    edits = Pair(_edits(unit, 0, Side.A), _edits(unit, 1, Side.B))
    yield Situation(unit.name, "different when they are linked", edits, is_linked=False)


def _only(side: Side, edits: Edits) -> Pair[Edits]:
    nothing: Edits = {}
    return Pair(nothing, nothing).replace(side, edits)


def _edits(unit: Unit, sample: int, side: Side) -> Edits:
    """Every member's sample; members with fewer samples stay as they are."""
    samples = {field.name: in_step(field) for field in unit.fields}
    return {name: found[sample][side] for name, found in samples.items() if sample < len(found)}


def _shown(edits: Edits) -> str:
    return ", ".join(repr(value) for value in edits.values())


# --------------------------------------------------------------------------------------------- as the core sees it
def view_of(rules: Integration, situation: Situation, names: Pair[str]) -> PairView:
    """Both records with everything in step but the situation's own unit."""
    start = {field.name: in_step(field)[0] for field in rules.fields}
    unit = next(unit for unit in rules.units if unit.name == situation.unit)
    fresh = set() if situation.is_linked else {field.name for field in unit.fields}
    return PairView(
        pair_id="rehearsal",
        snapshots=Pair.of(lambda side: _snapshot(rules, situation, start, side)),
        baselines={
            name: Baseline(a=v.a, b=v.b, revision=1) for name, v in start.items() if name not in fresh
        },
        now=NOON,
        systems=names,
    )


def _snapshot(
    rules: Integration, situation: Situation, start: Mapping[str, Pair[JsonValue]], side: Side
) -> Snapshot:
    end, edits, at = rules.ends[side], situation.edits[side], situation.at[side]
    held = {field.native(side): edits.get(field.name, start[field.name][side]) for field in rules.fields}
    edited = [field for field in rules.fields if field.name in edits]
    return Snapshot(
        ref=RecordRef(connection=end.connection, record_type=end.record_type, id="1"),
        key=f"{end.record_type} 1",
        fields=held,
        version="1",
        modified_at=at if edits else LONG_AGO,
        changes={field.native(side): _version(field, side, held, at) for field in edited},
    )


def _version(field: FieldMap, side: Side, held: Mapping[str, JsonValue], at: datetime) -> FieldVersion:
    native = field.native(side)
    return FieldVersion(field=native, value=held[native], at=at, by="somebody", origin=Origin.PERSON)
