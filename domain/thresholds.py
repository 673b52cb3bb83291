"""Limits as owners write them: `5 in 10m`, `20%`, `conflict_rate > 10 per 1h`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from domain.durations import parse_duration

METRICS = ("conflict_rate", "review_rate", "unmapped_rate")
"""What an alert can watch. All are counts of conflict-log lines within a time: conflicts, reviews opened, values held."""

RATE = re.compile(r"(\w+)\s*>\s*(\d+(?:\.\d+)?)\s+per\s+(\S.*)")
COUNT_IN_SPAN = re.compile(r"(\d+)\s+in\s+(\S.*)")
PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")


def parse_rate(written: str) -> tuple[str, float, timedelta]:
    """Read `conflict_rate > 10 per 1h`: what is counted, how many are too many, within which time.

    Raises:
        ValueError: Another form, or a metric that nobody counts.
    """
    found = RATE.fullmatch(written.strip())
    if not found:
        raise ValueError(f"{written!r} is no alert; write for example `conflict_rate > 10 per 1h`")
    if found[1] not in METRICS:
        raise ValueError(f"nobody counts {found[1]!r}; write one of {', '.join(METRICS)}")
    return found[1], float(found[2]), parse_duration(found[3])


def parse_count_in_span(written: Any) -> Any:
    """Read `5 in 10m`; anything but text passes through.

    Raises:
        ValueError: Another form.
    """
    if not isinstance(written, str):
        return written
    found = COUNT_IN_SPAN.fullmatch(written.strip())
    if not found:
        raise ValueError(f"{written!r} is no count in a time; write for example `5 in 10m`")
    return {"changes": int(found[1]), "within": found[2]}


def parse_share(written: Any) -> Any:
    """Read `20%` as 0.2; numbers pass through, and those above 1 meet the field's own bound.

    Raises:
        ValueError: Other text.
    """
    if not isinstance(written, str):
        return written
    found = PERCENT.fullmatch(written.strip())
    if not found:
        raise ValueError(f"{written!r} is no share; write for example `20%`")
    return float(found[1]) / 100
