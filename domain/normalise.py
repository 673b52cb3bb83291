"""What a comparison ignores. A normal form is only ever compared and hashed; it is never written to a system."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from pydantic import JsonValue

from domain.integration import FieldMap, FieldType, Normaliser
from domain.sides import Side
from domain.values import Value, canonical

SHORT = 200
"""Characters of a text whose key is worth remembering."""

LONGEST_NUMBER = 40
"""Characters and decimal exponent beyond which a text is no number: `1e999999999` must cost nothing."""


def key(field: FieldMap, side: Side, value: Value) -> str:
    """The canonical text of a value's normal form: two values of one side are equal when their keys are.

    A set's key ignores order and doubles; an absent set is an empty one.
    """
    if field.type is FieldType.SET:
        return canonical(sorted({element_key(field, side, element) for element in elements(value)}))
    return element_key(field, side, value)


def element_key(field: FieldMap, side: Side, element: Value) -> str:
    """The key of a scalar, or of one element of a set."""
    normalisers = field.normalisers(side)
    if type(element) is str and len(element) <= SHORT:
        return _short_key(element, normalisers)
    return canonical(normal(element, normalisers))


@lru_cache(maxsize=4096)
def _short_key(text: str, normalisers: tuple[Normaliser, ...]) -> str:
    """A pass compares the same few words dozens of times."""
    return canonical(normal(text, normalisers))


def elements(value: Value) -> list[JsonValue]:
    """The elements of a set field as the system shows them."""
    if value is None or value == "" or not isinstance(value, list | str | int | float | dict):
        return []
    return value if isinstance(value, list) else [value]


def normal(value: Value, normalisers: tuple[Normaliser, ...]) -> Any:
    """The value's normal form; applying it twice changes nothing.

    The order is that of the enumeration, whatever the declaration's, so that `"  "` is trimmed before it is empty.
    """
    for normaliser, step in STEPS.items():
        if normaliser in normalisers:
            value = step(value)
    return _whole(value)


def _whole(value: Any) -> Any:
    """JSON knows one number 1: `1.0` and `1` are the same value at any depth."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {name: _whole(item) for name, item in value.items()}
    return value


def _on_text(change: Callable[[str], Any]) -> Callable[[Any], Any]:
    return lambda value: change(value) if isinstance(value, str) else value


def _lines(text: str) -> str:
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    return "\n".join(line.rstrip() for line in unified.split("\n"))


def _instant(text: str) -> str:
    """A time stamp as UTC; one without a zone is taken as UTC. A bare date is a date, not an instant."""
    if len(text) <= len("2026-01-01"):
        return text
    try:
        stamp = datetime.fromisoformat(text)
        zoned = stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)
        return zoned.astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        return text


def _number(text: str) -> str | int | float:
    try:
        number = Decimal(text) if len(text) <= LONGEST_NUMBER else None
    except InvalidOperation:
        return text
    if number is None or not number.is_finite() or abs(number.adjusted()) > LONGEST_NUMBER:
        return text
    return int(number) if number == number.to_integral_value() else float(number)


STEPS: dict[Normaliser, Callable[[Any], Any]] = {
    Normaliser.TRIM: _on_text(str.strip),
    Normaliser.LOWER: _on_text(str.lower),
    Normaliser.LINES: _on_text(_lines),
    Normaliser.DATE: _on_text(_instant),
    Normaliser.NUMBER: _on_text(_number),
    Normaliser.EMPTY: _on_text(lambda text: text or None),
}
