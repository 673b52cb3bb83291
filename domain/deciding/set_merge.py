"""Sets merge element by element: what either side added comes, what either side removed goes."""

from __future__ import annotations

from pydantic import JsonValue

from domain.carrying import is_alone
from domain.mapping import UNMAPPED, as_set, counterpart, partners
from domain.normalise import element_key, elements
from domain.reading import FieldReading
from domain.sides import Pair, Side


def merge_sets(reading: FieldReading) -> Pair[JsonValue] | None:
    """Both sides' merged sets, each in its own words; None where an addition has no counterpart.

    Three-way against the baseline; without one the union. An element is removed where the other side removed its
    counterpart; one that was added meanwhile stays, so an addition beats a removal. A finer element that stands for
    a kept counterpart is kept.
    """
    kept = Pair.of(lambda side: _kept(reading, side))
    come = Pair.of(lambda side: _additions(reading, side, kept))
    if come.a is None or come.b is None:
        return None
    found = Pair(come.a, come.b)
    return Pair.of(lambda side: _written(reading, side, [*kept[side], *found[side]]))


def _kept(reading: FieldReading, side: Side) -> list[JsonValue]:
    return [e for e in elements(reading.values[side]) if not _was_removed(reading, side, e)]


def _was_removed(reading: FieldReading, side: Side, element: JsonValue) -> bool:
    """Whether the element stood in step and the other side has dropped every counterpart of it since."""
    if reading.base is None or not _stood(reading, side, element):
        return False
    other = side.other
    then = partners(reading.field, side, element, elements(reading.base.half(other)))
    now = partners(reading.field, side, element, elements(reading.values[other]))
    return bool(then) and not now


def _stood(reading: FieldReading, side: Side, element: JsonValue) -> bool:
    base = reading.base
    keys = {element_key(reading.field, side, e) for e in elements(base.half(side))} if base else set()
    return element_key(reading.field, side, element) in keys


def _additions(reading: FieldReading, side: Side, kept: Pair[list[JsonValue]]) -> list[JsonValue] | None:
    """What the other side keeps and this one lacks, in this side's words. What never had a counterpart stays home."""
    field, other = reading.field, side.other
    lacking = [
        e
        for e in kept[other]
        if not partners(field, other, e, kept[side]) and not is_alone(reading, other, e)
    ]
    found = [counterpart(field, e, side) for e in lacking]
    known = [e for e in found if e is not UNMAPPED]
    return known if len(known) == len(found) else None


def _written(reading: FieldReading, side: Side, wanted: list[JsonValue]) -> JsonValue:
    made = as_set(reading.field, side, wanted)
    keys = {element_key(reading.field, side, e) for e in made}
    there = elements(reading.standing[side])
    return list(there) if keys == {element_key(reading.field, side, e) for e in there} else made
