"""One side's value brought to the other: mapped, or stood in for, and never over a finer value that says the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from domain.integration import FieldMap, FieldType
from domain.mapping import UNMAPPED, as_set, counterpart, partners
from domain.normalise import element_key, elements
from domain.reading import FieldReading
from domain.sides import Side
from domain.values import Value


@dataclass(frozen=True, slots=True)
class Lack:
    """A value without counterpart, and what was done about it."""

    field: FieldMap
    value: JsonValue
    source: Side
    mode: str
    """`blank` or `default` where something was written instead; `hold` or `stop_pair` where nothing may be."""

    @property
    def holds(self) -> bool:
        return self.mode in {"hold", "stop_pair"}


@dataclass(frozen=True, slots=True)
class Carried:
    """What the target side gets. Meaningless while a lack holds the field."""

    value: JsonValue
    lacks: tuple[Lack, ...] = ()


def carry(reading: FieldReading, source: Side, valid: Mapping[str, tuple[Any, ...]]) -> Carried:
    """The source side's value as the target gets it.

    Args:
        reading: The field on both sides.
        source: Whose value is carried.
        valid: The target's allowed values by native name, where known: a default outside of them is no help.
    """
    if reading.agreed:
        return Carried(reading.values[source.other])
    if reading.field.type is FieldType.SET:
        return _carry_set(reading, source, valid)
    found = counterpart(reading.field, reading.values[source], source.other)
    return (
        Carried(found) if found is not UNMAPPED else _stand_in(reading, source, reading.values[source], valid)
    )


def _stand_in(
    reading: FieldReading, source: Side, value: JsonValue, valid: Mapping[str, tuple[Any, ...]]
) -> Carried:
    field, target = reading.field, source.other
    if field.unmapped.mode == "blank":
        return Carried(None, (Lack(field, value, source, "blank"),))
    default = dict(field.unmapped.defaults).get(target, UNMAPPED)
    if (
        field.unmapped.mode == "default"
        and default is not UNMAPPED
        and is_allowed(field, target, default, valid)
    ):
        return Carried(default, (Lack(field, value, source, "default"),))
    mode = "stop_pair" if field.unmapped.mode == "stop_pair" else "hold"
    return Carried(reading.values[target], (Lack(field, value, source, mode),))


def is_allowed(field: FieldMap, side: Side, value: Value, valid: Mapping[str, tuple[Any, ...]]) -> bool:
    """Whether the side takes the value, as far as its allowed values are known."""
    known = valid.get(field.native(side))
    if known is None:
        return True
    keys = {element_key(field, side, one) for one in known}
    given = elements(value) if field.type is FieldType.SET else [value]
    return all(element_key(field, side, one) in keys for one in given)


def _carry_set(reading: FieldReading, source: Side, valid: Mapping[str, tuple[Any, ...]]) -> Carried:
    """Element by element: what still says the same stands, what is new comes, what is gone goes.

    An element that never had a counterpart on the source side says nothing about the source's change and stands.
    """
    field, target = reading.field, source.other
    wanted, there = elements(reading.values[source]), elements(reading.values[target])
    kept = [e for e in there if partners(field, target, e, wanted) or is_alone(reading, target, e)]
    new = [
        _carry_element(reading, source, e, valid)
        for e in wanted
        if not partners(field, source, e, there) and not is_alone(reading, source, e)
    ]
    come = [e for carried in new for e in elements(carried.value)]
    lacks = tuple(lack for carried in new for lack in carried.lacks)
    return Carried(_written_set(field, target, there, [*kept, *come]), lacks)


def _carry_element(
    reading: FieldReading, source: Side, element: JsonValue, valid: Mapping[str, tuple[Any, ...]]
) -> Carried:
    found = counterpart(reading.field, element, source.other)
    if found is not UNMAPPED:
        return Carried([found])
    stood_in = _stand_in(reading, source, element, valid)
    return Carried(
        [] if stood_in.value is None or stood_in.lacks[0].holds else [stood_in.value], stood_in.lacks
    )


def is_alone(reading: FieldReading, side: Side, element: JsonValue) -> bool:
    """Whether the element stood in step without any counterpart over there (left blank, by declaration)."""
    if reading.base is None:
        return False
    wanted = element_key(reading.field, side, element)
    own = {element_key(reading.field, side, e) for e in elements(reading.base.half(side))}
    return wanted in own and not partners(
        reading.field, side, element, elements(reading.base.half(side.other))
    )


def _written_set(
    field: FieldMap, side: Side, there: Sequence[JsonValue], wanted: list[JsonValue]
) -> list[JsonValue]:
    """The set to write; what stands there in any order is left as it stands."""
    made = as_set(field, side, wanted)
    keys = {element_key(field, side, e) for e in there}
    return list(there) if keys == {element_key(field, side, e) for e in made} else made
