"""A token bucket for the whole system, switchable while it runs."""

from dataclasses import dataclass, field
from time import monotonic

from lab.systems.settings import RateLimit


@dataclass(slots=True)
class Bucket:
    """Tokens left under a limit. A changed limit starts with a full bucket."""

    _limit: RateLimit | None = None
    tokens: float = 0
    _filled_at: float = field(default_factory=monotonic)

    def take(self, limit: RateLimit) -> float:
        """Take a token; 0 if there was one, else the seconds until there will be."""
        self._refill(limit)
        if self.tokens < 1:
            return (1 - self.tokens) / limit.per_second
        self.tokens -= 1
        return 0

    def _refill(self, limit: RateLimit) -> None:
        now = monotonic()
        if limit != self._limit:
            self._limit, self.tokens = limit, limit.burst
        self.tokens = min(limit.burst, self.tokens + (now - self._filled_at) * limit.per_second)
        self._filled_at = now
