"""Who edited a value, and when: the interval of true time in which it must have happened (semantics §3).

Idea of the intervals: Corbett et al., "Spanner", 2012 (TrueTime): inside the uncertainty nobody is later.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from domain.mapping import is_same
from domain.reading import FieldReading, UnitReading
from domain.records import FieldVersion, Origin
from domain.sides import Side
from domain.view import PairView

EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Edit:
    """The last edit of one field on one side, as far as the system tells."""

    at: datetime | None = None
    """The system's own stamp, uncorrected."""
    by: str | None = None
    origin: Origin = Origin.UNKNOWN
    since: datetime | None = None
    """The edit lies between this stamp and `at`. Equal to `at` where the stamp is the field's own."""


@dataclass(frozen=True, slots=True)
class Interval:
    """True time from `start` up to, not including, `end`."""

    start: datetime
    end: datetime

    def is_before(self, other: Interval) -> bool:
        return self.end <= other.start


@dataclass(frozen=True, slots=True)
class Untimed:
    """No interval can be told."""

    why: str
    is_future: bool = False


def last_edit(view: PairView, reading: FieldReading, side: Side) -> Edit:
    """The best account of who set the value that counts, and when.

    Best first: an edit that our write hit; a stamp of the field in the read itself; the change history, if its
    last entry is the value that stands; else the record's stamp, widened down to when the old value was last seen.
    """
    version = _own_version(view, reading, side)
    if version is not None:
        return Edit(version.at, version.by, version.origin, since=version.at)
    snapshot = view.snapshots[side]
    return Edit(snapshot.modified_at, snapshot.modified_by, since=_widened(view, reading, side))


def _own_version(view: PairView, reading: FieldReading, side: Side) -> FieldVersion | None:
    native = reading.field.native(side)
    if reading.raced[side]:
        return view.facts[side].overwritten[native].version
    history = [version for version in view.facts[side].history if version.field == native]
    for version in (view.snapshots[side].changes.get(native), history[-1] if history else None):
        if version is not None and is_same(reading.field, side, version.value, reading.values[side]):
            return version
    return None


def _widened(view: PairView, reading: FieldReading, side: Side) -> datetime | None:
    """Where the record's stamp widens down to; None: without bound."""
    native, facts, snapshot = reading.field.native(side), view.facts[side], view.snapshots[side]
    seen = facts.seen_sequence.get(native)
    if seen is not None and snapshot.sequence == seen + 1:
        return snapshot.modified_at  # the only save since: the record's stamp is the field's
    # The baseline moved past an edit that our write hit: what was seen last says nothing about when it was made.
    return facts.seen_at.get(native) if reading.changed[side] else None


def interval(view: PairView, edit: Edit, side: Side) -> Interval | Untimed:
    """True time of one edit: `[since − o − u, at − o + g + u)`."""
    if edit.at is None:
        return Untimed(f"{view.systems[side]} gives no stamp")
    clock = view.clocks[side]
    if clock.is_future(edit.at, view.now):
        return Untimed(
            f"the stamp of {view.systems[side]} lies in the future ({edit.at.isoformat()})", is_future=True
        )
    end = edit.at - clock.offset + clock.granularity + clock.uncertainty
    start = EVER if edit.since is None else min(edit.since, edit.at) - clock.offset - clock.uncertainty
    return Interval(start, end)


def unit_interval(reading: UnitReading, side: Side) -> Interval | Untimed:
    """When the side last touched the unit: the latest of its members' edits."""
    edits = [last_edit(reading.view, m, side) for m in contested_on(reading, side)]
    found = [interval(reading.view, edit, side) for edit in edits]
    for one in found:
        if isinstance(one, Untimed):
            return one
    known = [one for one in found if isinstance(one, Interval)]
    if not known:
        return Untimed(f"{reading.view.systems[side]} did not touch it")
    return Interval(max(one.start for one in known), max(one.end for one in known))


def contested_on(reading: UnitReading, side: Side) -> tuple[FieldReading, ...]:
    """The members that the side moved; all of them where only an edit that our write hit made the conflict."""
    moved = tuple(m for m in reading.members if m.changed[side] or m.raced[side])
    return moved or tuple(m for m in reading.members if not m.is_quiet)
