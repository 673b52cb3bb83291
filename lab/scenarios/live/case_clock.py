"""The time of a case on real systems: t = 0 lies so far back that its last event is just over.

Between events the systems' clocks are turned to the case's time, so that Accord's own writes bear stamps between
those of the edits before and after them, as they would if the case really took its hours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from time import time

from domain.sides import SIDES, Pair, Side
from lab.scenarios.corpus import Case, Given
from lab.scenarios.translation import word_of
from lab.systems.control import LabControl

MARGIN = 5.0
"""Seconds between the case's last event and now."""
BEFORE = -3600.0
"""When the records stood in step, in seconds of case time."""


def start_of_time(case: Case, now: float) -> float:
    """True time of t = 0; whole steps of the coarsest stamp, so that stamps are cut as the case expects."""
    last = max((event.t for event in case.events), default=0.0)
    step = max(1.0, *(case.given.clock.gran.values() or [1.0]))
    return math.floor((now - last - MARGIN) / step) * step


@dataclass(slots=True)
class CaseClock:
    """Turns both systems' clocks and says when an edit is to be made."""

    given: Given
    controls: Pair[LabControl]
    start: float
    _shift: float = field(default=0.0)

    async def turn_to(self, seconds: float) -> None:
        """From now on the systems believe that it is this moment of the case (each by its own skew)."""
        self._shift = self.start + seconds - time()
        for side in SIDES:
            await self.controls[side].change_settings(skew=self._skew(side) + self._shift)

    def at(self, seconds: float) -> float:
        """The time to name for an edit, so that its stamp is that of this moment of the case."""
        return self.start + seconds - self._shift

    def _skew(self, side: Side) -> float:
        return self.given.clock.skew.get(word_of(side), 0)
