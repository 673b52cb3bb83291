"""The flap breaker: two automations that undo each other would write for ever (semantics §4.10)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile

from domain.integration import Flap
from domain.records import FieldVersion, Origin
from domain.values import Value, canonical, same


def frees(cause: str, versions: Sequence[FieldVersion]) -> bool:
    """Whether these edits put a stopped unit back into service: a person's do.

    An unknown actor counts as one, except where two automations pulled the unit to and fro.
    """
    people = {Origin.PERSON} if cause == "flap" else {Origin.PERSON, Origin.UNKNOWN}
    return any(version.origin in people for version in versions)


def is_flapping(versions: Sequence[FieldVersion], limit: Flap, now: datetime) -> bool:
    """Whether one field went to and fro, or round and round, more often than borne, with no person involved.

    A-B-A-B is the usual loop; three automations make A-B-C-A-B-C. A round counts once it was gone twice.

    Args:
        versions: Changes of one native field on one side, oldest first, with their stamps in true time. One without
            a stamp ends the run: it can't be said to lie within the window.
        limit: How many changes within how long are still borne.
        now: The end of the window.
    """
    recent = takewhile(lambda v: _counts(v, limit, now), reversed(versions))
    values: list[Value] = [version.value for version in recent]
    rounds = range(2, len(values) // 2 + 1)
    return any(_repeats(values, of) > max(limit.changes, 2 * of - 1) for of in rounds)


def _counts(version: FieldVersion, limit: Flap, now: datetime) -> bool:
    """A person's edit ends the run. An unknown actor is no person here, though one everywhere else."""
    is_recent = version.at is not None and version.at >= now - limit.within
    return is_recent and version.origin is not Origin.PERSON


def _repeats(values: Sequence[Value], of: int) -> int:
    """How many changes, from the newest back, repeat a round of so many different values."""
    if len({canonical(value) for value in values[:of]}) < of:
        return 0
    again = takewhile(lambda at: same(values[at], values[at - of]), range(of, len(values)))
    return of + sum(1 for _ in again)
