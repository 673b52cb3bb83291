"""When a record that can't be read counts as gone, and when so many at once are no deletions (semantics §6).

A bare 404 proves nothing: it is also what a lost permission looks like. It counts only while another record of the
same kind can be read with the same credentials (the canary), and only after the grace period.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

MASS = 10
"""So many may vanish within one window, however few there are."""
WINDOW = timedelta(hours=1)
"""In which records that vanish are counted together."""

SERIES = re.compile(r"([A-Za-z][A-Za-z0-9_]*-)\d+")


def series(key: str) -> str:
    """`OPS-` of OPS-7: permissions are often given by what the number hangs on. Empty for keys of another form."""
    found = SERIES.fullmatch(key)
    return found[1] if found else ""


@dataclass(frozen=True, slots=True)
class Around:
    """What the system showed of other records at the same moment."""

    shown: Mapping[str, bool]
    """Key → whether it could be read. Records that we have read before."""

    @property
    def missing(self) -> int:
        return sum(not readable for readable in self.shown.values())

    def canary(self, key: str) -> str | None:
        """A readable record to which the same permission would apply; None if none is known."""
        kin = (other for other, readable in self.shown.items() if readable and series(other) == series(key))
        return next(kin, None)


@dataclass(frozen=True, slots=True)
class Miss:
    """What a record that can't be read amounts to."""

    why: str
    since: datetime | None = None
    """Since when it counts as missing; None while nothing shows that the credentials still work."""
    left: timedelta = timedelta(0)
    """Of the grace period."""

    @property
    def is_proof(self) -> bool:
        return self.since is not None and self.left <= timedelta(0)


def weigh_miss(key: str, around: Around, since: datetime | None, now: datetime, grace: timedelta) -> Miss:
    """Judge a record that the system doesn't show.

    Args:
        key: Of the record.
        around: Other records, asked for at the same time.
        since: Since when it has been missing while a canary could be read; None if this is the first time.
        now: Our clock.
        grace: How long that must last.
    """
    canary = around.canary(key)
    if canary is None:
        seen = "no other record can be read either" if around.shown else "there is no other record to ask for"
        return Miss(f"{key} can't be read, and {seen}: that may be a lost permission")
    first = since or now
    left = first + grace - now
    if left > timedelta(0):
        return Miss(f"{key} can't be read though {canary} can; it counts as deleted in {left}", first, left)
    return Miss(f"{key} can't be read though {canary} can", first)


def is_mass(vanished: int, of: int, share: float) -> bool:
    """Whether so many of so many are more than single deletions."""
    return vanished > MASS and vanished > share * of


def mass_reason(vanished: int, of: int, system: str, integration: str) -> str:
    """What the alert says."""
    return (
        f"{vanished} of {of} records vanished from {system} within one window; no deletion is followed until somebody "
        f"has looked. If they are meant, `accord resume --integration {integration}`; if not, mend {system} first"
    )


def mass_of(vanished: Collection[tuple[int, int]], share: float) -> tuple[int, int] | None:
    """The first of these counts (vanished, of) that is a mass; None if none is."""
    return next(((lost, of) for lost, of in vanished if is_mass(lost, of, share)), None)
