"""Two times: the true one, and the one that a simulated system believes in and stamps its records with."""

import math
from datetime import UTC, datetime
from email.utils import formatdate
from time import time

from lab.systems.settings import Settings, Switches


class Clock:
    """Stamps are epoch seconds: true time plus `skew`, cut down to whole steps of `granularity`."""

    def __init__(self, switches: Switches[Settings]) -> None:
        self._switches = switches

    def true_time(self) -> float:
        return time()

    def stamp(self, at: float) -> float | None:
        """What the system writes beside a change that truly happened `at`; None if it stamps nothing."""
        settings = self._switches.now
        if settings.missing_stamps:
            return None
        skewed = at + settings.skew
        step = settings.granularity
        return math.floor(skewed / step) * step if step else skewed

    def http_date(self) -> str:
        """The `Date` header: the skewed clock in whole seconds (RFC 9110 §5.6.7), also where records carry no stamps."""
        return formatdate(time() + self._switches.now.skew, usegmt=True)


def iso(stamp: float | None) -> str | None:
    """`2026-01-06T10:38:52.000Z`, or None where there is no stamp."""
    if stamp is None:
        return None
    return datetime.fromtimestamp(stamp, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
