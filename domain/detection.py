"""What changed and what conflicts: semantics §2, one field or group at a time.

The table, once: nothing changed → nothing; one side → carry; both and agree → adopt; both and not → conflict;
no baseline → adopt or `on_link`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.integration import Integration, Unit
from domain.reading import UnitReading, read_unit
from domain.sides import SIDES, Pair, Side
from domain.view import PairView


class Situation(StrEnum):
    ABSENT = "absent"  # a system has no such field
    PARKED = "parked"
    UNCHANGED = "unchanged"
    AGREED = "agreed"  # something moved, and both sides say the same
    ONE_SIDED = "one_sided"
    CONFLICT = "conflict"
    DIFFERS = "differs"  # both sides differ and never stood in step


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look says about one unit."""

    reading: UnitReading
    situation: Situation

    @property
    def unit(self) -> str:
        return self.reading.name

    @property
    def sides(self) -> tuple[Side, ...]:
        """The sides that moved since the baseline."""
        return tuple(side for side in SIDES if self.reading.changed[side])

    @property
    def is_contested(self) -> bool:
        return self.situation in {Situation.CONFLICT, Situation.DIFFERS}

    @property
    def conflict_id(self) -> str | None:
        return self.reading.conflict_id() if self.is_contested else None


@dataclass(frozen=True, slots=True)
class Assessment:
    """Everything that one look at a pair finds."""

    findings: tuple[Finding, ...]

    @property
    def contested(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.is_contested)

    @property
    def conflicts(self) -> dict[str, str]:
        """Unit → conflict id. Empty: `decide` needs no histories."""
        return {finding.unit: finding.reading.conflict_id() for finding in self.contested}

    @property
    def meets(self) -> bool:
        """Whether both sides have come to say the same by themselves: it counts only if they said it at one time."""
        return any(one.situation is Situation.AGREED and one.reading.meets for one in self.findings)

    @property
    def contested_natives(self) -> Pair[tuple[str, ...]]:
        """The native fields of either side whose change history would sharpen the decision."""
        members = [member.field for finding in self.contested for member in finding.reading.members]
        return Pair.of(lambda side: tuple(field.native(side) for field in members))


def assess(rules: Integration, view: PairView) -> Assessment:
    """Compare both snapshots with the baseline, unit by unit."""
    return Assessment(tuple(look_at(unit, view) for unit in rules.units))


def look_at(unit: Unit, view: PairView) -> Finding:
    reading = read_unit(unit, view)
    return Finding(reading, _situation(reading))


def _situation(reading: UnitReading) -> Situation:
    if reading.name in reading.view.parked:
        return Situation.PARKED
    if not reading.members:
        return Situation.ABSENT
    if reading.agreed:
        return Situation.UNCHANGED if reading.is_quiet else Situation.AGREED
    if reading.lacks_baseline:
        return Situation.DIFFERS
    # An edit that our write hit is judged against what the write carried, also where the baseline moved since.
    both = all(reading.changed) or reading.has_race
    return Situation.CONFLICT if both else Situation.ONE_SIDED
