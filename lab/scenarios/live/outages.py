"""An outage in a case: of a system, or of a process of the product. How long it lasts by either clock."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from time import time


@dataclass(slots=True)
class Outage:
    """It lasts from its making until `end`."""

    what: str
    """The case's word for a side or for a process."""
    began: float
    until: float
    """In seconds of the case."""
    pace: float | None
    """Seconds of the case in one by the clock on the wall; None where it need last only until it is noticed."""
    true_began: float = field(default_factory=time)
    true_ended: float | None = None

    @property
    def lasts(self) -> bool:
        return self.true_ended is None

    async def outlast(self) -> None:
        """Wait for its time to pass, as far as it hasn't yet."""
        if self.pace is not None:
            await asyncio.sleep(max(0.0, self.true_began + (self.until - self.began) / self.pace - time()))

    def end(self) -> None:
        self.true_ended = time()
