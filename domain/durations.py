"""Durations as people write them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
PATTERN = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")


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
    return sum((timedelta(**{UNITS[unit]: float(n)}) for n, unit in parts), timedelta())


def spell_duration(span: timedelta) -> str:
    """The shortest honest spelling: `2h`, `1h 30m`, `45s`."""
    seconds = int(span.total_seconds())
    parts = [
        (seconds // 86400, "d"),
        (seconds % 86400 // 3600, "h"),
        (seconds % 3600 // 60, "m"),
        (seconds % 60, "s"),
    ]
    return " ".join(f"{n}{unit}" for n, unit in parts if n) or "0s"
