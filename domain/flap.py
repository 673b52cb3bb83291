"""The flap breaker: two automations that undo each other would write for ever (semantics §4.10)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile

from domain.integration import Flap
from domain.records import FieldVersion, Origin
from domain.values import Value, same


def is_flapping(versions: Sequence[FieldVersion], limit: Flap, now: datetime) -> bool:
    """Whether one field went to and fro more often than the limit allows, with no person involved.

    Args:
        versions: Changes of one native field on one side, oldest first, with their stamps in true time. One without
            a stamp ends the run: it can't be said to lie within the window.
        limit: How many changes within how long are still borne.
        now: The end of the window.
    """
    recent = takewhile(lambda v: _counts(v, limit, now), reversed(versions))
    return _to_and_fro(list(recent)) > limit.changes


def _counts(version: FieldVersion, limit: Flap, now: datetime) -> bool:
    """A person's edit ends the run. An unknown actor is no person here, though one everywhere else."""
    is_recent = version.at is not None and version.at >= now - limit.within
    return is_recent and version.origin is not Origin.PERSON


def _to_and_fro(newest_first: Sequence[FieldVersion]) -> int:
    """How many changes, from the newest back, alternate between two values."""
    values: list[Value] = [version.value for version in newest_first]
    count = min(len(values), 2)
    for at in range(2, len(values)):
        if not same(values[at], values[at - 2]) or same(values[at], values[at - 1]):
            break
        count += 1
    return count
