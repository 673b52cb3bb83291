"""How far a system's clock stands from ours, learnt from the `Date` header of any answer.

The idea is Cristian's: the server read its clock somewhere between our sending and our receiving, so the middle of
the round trip is the best guess and half the round trip bounds the error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from connectors.base import ClockReading

GRANULARITY = timedelta(seconds=1)
"""An HTTP date carries whole seconds (RFC 9110 §5.6.7)."""
KEPT_FOR = timedelta(minutes=10)
"""An older reading says little: clocks drift, and are set."""


def parse_http_date(written: str | None) -> datetime | None:
    """The moment that an HTTP date names; None if there is none or it can't be read."""
    try:
        moment = parsedate_to_datetime(written) if written else None
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


def compare(date: datetime, *, received: datetime, round_trip: timedelta) -> ClockReading:
    """One reading. The header is cut down to the second, so half a second is added to its middle."""
    middle = received - round_trip / 2
    return ClockReading(date + GRANULARITY / 2 - middle, round_trip / 2 + GRANULARITY)


def contradicts(left: ClockReading, right: ClockReading) -> bool:
    """Whether no clock that stands still against ours could have given both."""
    return abs(left.offset - right.offset) > left.uncertainty + right.uncertainty


@dataclass(slots=True)
class ClockWatch:
    """The best recent comparison of one system's clock with ours."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    best: ClockReading | None = None
    _taken: datetime | None = None

    def hear(self, headers: Mapping[str, str], round_trip: timedelta) -> None:
        """Take note of an answer just received. Its own `Age` means a cache spoke, not the system."""
        date = parse_http_date(headers.get("date"))
        if date is None or headers.get("age", "0") != "0":
            return
        received = self.now()
        reading = compare(date, received=received, round_trip=round_trip)
        if self._is_better(reading, received):
            self.best, self._taken = reading, received

    def _is_better(self, reading: ClockReading, received: datetime) -> bool:
        if self.best is None or self._taken is None or received - self._taken > KEPT_FOR:
            return True
        # A clock that was set makes the precise old reading worse than any new one.
        return reading.uncertainty <= self.best.uncertainty or contradicts(reading, self.best)
