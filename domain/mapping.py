"""Values of one system in the words of the other, and when two values say the same.

A value map is a lens: many values of one side may share one counterpart. `agree` is what protects the finer one.
The idea and its two laws (GetPut, PutGet): Foster et al., "Combinators for bidirectional tree transformations", 2007.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal, TypeAlias

from pydantic import JsonValue

from domain.integration import FieldMap, FieldType
from domain.normalise import element_key, elements, key
from domain.sides import Side
from domain.values import MISSING, Value, canonical


class _Unmapped(Enum):
    UNMAPPED = "unmapped"

    def __bool__(self) -> Literal[False]:
        return False


UNMAPPED: Final = _Unmapped.UNMAPPED
"""The value map has no counterpart for the value."""

Mapped: TypeAlias = JsonValue | Literal[_Unmapped.UNMAPPED]


def mapped(field: FieldMap, value: JsonValue, towards: Side) -> Mapped:
    """The value as the other side would hold it; a set is mapped element by element."""
    if field.type is not FieldType.SET:
        return counterpart(field, value, towards)
    found = [counterpart(field, element, towards) for element in elements(value)]
    if any(element is UNMAPPED for element in found):
        return UNMAPPED
    return as_set(field, towards, [element for element in found if element is not UNMAPPED])


def counterpart(field: FieldMap, element: JsonValue, towards: Side) -> Mapped:
    """One value in the other side's words. Empty stays empty unless the map says otherwise."""
    if field.values is None:
        return element
    source = towards.other
    wanted = element_key(field, source, element)
    for ours, theirs in field.values.towards(towards):
        if element_key(field, source, ours) == wanted:
            return theirs
    return None if wanted == "null" else UNMAPPED


def agree(field: FieldMap, a: Value, b: Value) -> bool:
    """Whether both values say the same under the map, in either direction (semantics §1)."""
    if a is MISSING or b is MISSING:
        return False
    if field.type is FieldType.SET:
        return _sets_agree(field, elements(a), elements(b))
    return elements_agree(field, a, b)


def elements_agree(field: FieldMap, a: JsonValue, b: JsonValue) -> bool:
    """`agree` for scalars, and for one element of each set."""
    forth = counterpart(field, a, Side.B)
    if forth is not UNMAPPED and element_key(field, Side.B, forth) == element_key(field, Side.B, b):
        return True
    back = counterpart(field, b, Side.A)
    return back is not UNMAPPED and element_key(field, Side.A, back) == element_key(field, Side.A, a)


def _sets_agree(field: FieldMap, a: list[JsonValue], b: list[JsonValue]) -> bool:
    return all(any(elements_agree(field, x, y) for y in b) for x in a) and all(
        any(elements_agree(field, x, y) for x in a) for y in b
    )


def partners(field: FieldMap, side: Side, element: JsonValue, others: list[JsonValue]) -> list[JsonValue]:
    """The elements of the other side that say the same as this element of `side`."""
    if side is Side.A:
        return [other for other in others if elements_agree(field, element, other)]
    return [other for other in others if elements_agree(field, other, element)]


def as_set(field: FieldMap, side: Side, found: list[JsonValue]) -> list[JsonValue]:
    """A set as it is written: without doubles, in canonical order."""
    first = {element_key(field, side, element): element for element in reversed(found)}
    return sorted(first.values(), key=canonical)


def is_same(field: FieldMap, side: Side, one: Value, other: Value) -> bool:
    """Whether two values of one side are equal to a comparison that ignores what it was told to."""
    if one is other or (type(one) is str and one == other):
        return True
    return key(field, side, one) == key(field, side, other)
