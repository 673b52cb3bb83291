"""Requests of a connection's budget, leased from the store in chunks: not every request asks the database."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import timedelta

from activities.urgency import is_background
from domain.errors import RateLimited
from integrations.budget import Budget
from store import connections
from store.database import Database

MOST = 50
"""Requests leased at once."""
SPAN = 2.0
"""Seconds that a lease is good for: what is left of an old one has been granted to others meanwhile."""
PATIENCE = 5.0
"""Seconds that a request waits for its turn; then its activity gives the worker's slot to others."""


@dataclass(slots=True)
class Allowance:
    """What this process may still send on one connection."""

    name: str
    budget: Budget
    database: Database
    _left: int = 0
    _until: float = 0.0
    _known: bool = False
    _leasing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def take(self) -> None:
        """Take one request, waiting for it if need be.

        Raises:
            RateLimited: There was none for too long.
            SystemUnavailable: The store doesn't answer.
        """
        deadline = time.monotonic() + PATIENCE
        while not self._take():
            async with self._leasing:
                granted = self._is_filled() or await self._lease()
            if granted:
                continue
            if time.monotonic() >= deadline:
                pause = timedelta(seconds=max(1.0, 1 / self.budget.rate))
                raise RateLimited(
                    f"connection {self.name}: its budget of {self.budget} is used up", retry_after=pause
                )
            await asyncio.sleep(min(1.0, max(0.05, 1 / self.budget.rate)))

    def _take(self) -> bool:
        if not self._is_filled():
            return False
        self._left -= 1
        return True

    def _is_filled(self) -> bool:
        return self._left > 0 and time.monotonic() < self._until

    async def _lease(self) -> bool:
        """Lease a chunk: about what goes out within its span."""
        budget = self.budget
        wanted = max(1, min(MOST, int(budget.rate * SPAN), int(budget.burst / 2)))
        async with self.database.begin() as tx:
            if not self._known:
                await connections.know(tx, self.name)
            self._left = await connections.lease(
                tx,
                self.name,
                wanted=wanted,
                rate=budget.rate,
                burst=budget.burst,
                reserve=budget.reserve if is_background() else 0,
            )
        self._known = True
        self._until = time.monotonic() + SPAN
        return self._left > 0
