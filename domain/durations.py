"""Durations as people write them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Field, PlainSerializer

UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
PATTERN = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
PLACES = (("d", 86400), ("h", 3600), ("m", 60))


def parse_duration(written: Any) -> Any:
    """Read `90s`, `1h 30m`, `2d`; anything but text passes through for the caller's own check.

    Raises:
        ValueError: The text is no duration; the message shows the form.
    """
    if isinstance(written, bool | int | float):
        raise ValueError(  # noqa: TRY004 - pydantic reports ValueError only
            f"a duration needs a unit: write {written}s, {written}m or {written}h"
        )
    if not isinstance(written, str):
        return written
    parts = PATTERN.findall(written)
    if not parts or PATTERN.sub("", written).strip():
        raise ValueError(f"{written!r} is no duration; write for example 30s, 15m, 2h or 1d")
    return _sum_of(parts, written)


def _sum_of(parts: list[tuple[str, str]], written: str) -> timedelta:
    try:
        return sum((timedelta(**{UNITS[unit]: float(n)}) for n, unit in parts), timedelta())
    except OverflowError as error:
        raise ValueError(f"{written!r} is longer than any duration can be") from error


def spell_duration(span: timedelta) -> str:
    """The shortest spelling that reads back to the same span: `2h`, `1h 30m`, `1.5s`."""
    left = abs(span)
    words: list[str] = []
    for unit, size in PLACES:
        count, left = divmod(left, timedelta(seconds=size))
        words += [f"{count}{unit}"] if count else []
    if left:
        words.append(f"{left.total_seconds():.6f}".rstrip("0").rstrip(".") + "s")
    return ("-" if span < timedelta() else "") + (" ".join(words) or "0s")


DurationText: TypeAlias = Annotated[
    str,
    Field(pattern=rf"^\s*({PATTERN.pattern}\s*)+$", description="30s, 15m, 2h, 1d", examples=["30s", "2h"]),
]
Duration: TypeAlias = Annotated[
    timedelta,
    BeforeValidator(parse_duration, json_schema_input_type=DurationText),
    PlainSerializer(spell_duration, return_type=str, when_used="json"),
]
"""`90s`, `30m`, `2h`, `1d`; YAML numbers are refused because nobody knows their unit."""
