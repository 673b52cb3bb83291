"""The per-issue write limit: 20 writes in 2 seconds and 100 in 30, counted on each issue alone."""

from collections import deque
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

WINDOWS: Final = ((20, 2.0), (100, 30.0))
"""(writes, seconds). Source: developer.atlassian.com, "Rate limiting"."""


@dataclass(slots=True)
class WriteLimit:
    """The recent writes of each issue, in memory."""

    _times: dict[str, deque[float]] = field(default_factory=dict)

    def take(self, issue_id: str) -> float:
        """Count a write; 0 if it is allowed, else the seconds until one will be."""
        now = monotonic()
        times = self._times.setdefault(issue_id, deque(maxlen=WINDOWS[-1][0]))
        for writes, seconds in WINDOWS:
            if len(times) >= writes and now - times[-writes] < seconds:
                return seconds - (now - times[-writes])
        times.append(now)
        return 0
