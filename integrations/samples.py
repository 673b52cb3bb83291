"""Values to try a declaration with, taken from the declaration itself."""

from __future__ import annotations

from pydantic import JsonValue

from domain.integration import FieldMap, FieldType, Normaliser, ValueMap
from domain.mapping import elements_agree
from domain.sides import SIDES, Pair

WORDS = ("first", "second", "third")
NUMBERS = ("1", "2", "3")
DAYS = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z")
TEXTS = ("top\nmiddle\nend", "TOP\nmiddle\nend", "top\nmiddle\nEND", "topmost\nmiddle\nend")
NOWHERE = "a value that no map knows"


def in_step(field: FieldMap) -> list[Pair[JsonValue]]:
    """Values that agree, each saying something else than the others: the first three are enough for a conflict."""
    if field.type is FieldType.SET:
        return _sets(_singles(field))
    if field.type is FieldType.TEXT and not field.values:
        return [_alike(text) for text in TEXTS]
    return _singles(field)


def _alike(value: JsonValue) -> Pair[JsonValue]:
    return Pair(value, value)


def _singles(field: FieldMap) -> list[Pair[JsonValue]]:
    return _classes(field, field.values) if field.values else [_alike(word) for word in _words(field)]


def _classes(field: FieldMap, values: ValueMap) -> list[Pair[JsonValue]]:
    """One pair per class of the value map, and the empty value where the map leaves it alone."""
    named: list[tuple[JsonValue, JsonValue]] = [
        *values.a_to_b,
        *((a, b) for b, a in values.b_to_a),
        (None, None),
    ]
    classes: list[Pair[JsonValue]] = []
    for pair in (Pair(a, b) for a, b in named):
        if elements_agree(field, *pair) and not any(_same_class(field, pair, known) for known in classes):
            classes.append(pair)
    return classes


def _same_class(field: FieldMap, one: Pair[JsonValue], other: Pair[JsonValue]) -> bool:
    return elements_agree(field, one.a, other.b) or elements_agree(field, other.a, one.b)


def _words(field: FieldMap) -> tuple[str, ...]:
    ignored = {normaliser for side in SIDES for normaliser in field.normalisers(side)}
    if Normaliser.NUMBER in ignored:
        return NUMBERS
    return DAYS if Normaliser.DATE in ignored else WORDS


def _sets(elements: list[Pair[JsonValue]]) -> list[Pair[JsonValue]]:
    """A set of one element, then the same set with another one more each."""
    filled = [pair for pair in elements if pair.a is not None]
    return [_set_of([*filled[:1], *more]) for more in ([], *([pair] for pair in filled[1:]))]


def _set_of(elements: list[Pair[JsonValue]]) -> Pair[JsonValue]:
    return Pair([pair.a for pair in elements], [pair.b for pair in elements])


def cleared(field: FieldMap) -> JsonValue:
    """What an emptied field holds."""
    return [] if field.type is FieldType.SET else None


def unknown(field: FieldMap) -> JsonValue:
    """A value without counterpart."""
    return [NOWHERE] if field.type is FieldType.SET else NOWHERE
