"""The later edit wins, by the originating systems' time, and only where one is later beyond doubt."""

from __future__ import annotations

from domain.deciding.answers import Passes, Takes
from domain.deciding.edits import Interval, Untimed, unit_interval
from domain.reading import UnitReading
from domain.sides import SIDES, Pair, Side

RULE = "last_write_wins"


def decide(reading: UnitReading) -> Takes | Passes:
    """Take the side whose interval lies wholly after the other's; pass inside the uncertainty."""
    found = Pair.of(lambda side: unit_interval(reading, side))
    for side in SIDES:
        unknown = found[side]
        if isinstance(unknown, Untimed):
            return Passes(unknown.why, alert=unknown.why if unknown.is_future else None)
    later = _later(found)
    if later is None:
        return Passes("the edits lie closer together than the clocks can tell")
    names = reading.view.systems
    return Takes(later, RULE, f"{names[later]} was edited later than {names[later.other]}")


def newer(reading: UnitReading) -> Side | None:
    """The side that was edited later beyond doubt."""
    answer = decide(reading)
    return answer.side if isinstance(answer, Takes) else None


def _later(found: Pair[Interval | Untimed]) -> Side | None:
    for side in SIDES:
        earlier, later = found[side.other], found[side]
        if isinstance(earlier, Interval) and isinstance(later, Interval) and earlier.is_before(later):
            return side
    return None
