"""Requests of a connection's budget, leased from the store by need: as many at once as wait for it."""

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
PATIENCE = 5.0
"""Seconds that a request waits for its turn; then its activity gives the worker's slot to others."""


@dataclass(slots=True)
class Line:
    """Requests of one urgency that wait for their lease; the first one leases for all, the others stand behind it."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0
    granted: int = 0


@dataclass(slots=True)
class Allowance:
    """What this process may still send on one connection.

    Nothing is leased in store: what is leased now and sent later would swell a window that others fill meanwhile.
    """

    name: str
    budget: Budget
    database: Database
    _urgent: Line = field(default_factory=Line)
    _background: Line = field(default_factory=Line)
    _known: bool = False

    async def take(self) -> None:
        """Take one request, waiting for it if need be.

        Raises:
            RateLimited: There was none for too long.
            SystemUnavailable: The store doesn't answer.
        """
        line = self._background if is_background() else self._urgent
        deadline = time.monotonic() + PATIENCE
        line.waiting += 1
        try:
            await self._stand_in(line, deadline)
        finally:
            line.waiting -= 1
            if not line.waiting:
                line.granted = 0

    async def _stand_in(self, line: Line, deadline: float) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await line.turn.acquire()
        except TimeoutError:
            raise self._used_up() from None
        try:
            while not line.granted:
                line.granted = await self._lease(line)
                if not line.granted:
                    await self._until_more(deadline)
            line.granted -= 1
        finally:
            line.turn.release()

    async def _until_more(self, deadline: float) -> None:
        if time.monotonic() >= deadline:
            raise self._used_up()
        await asyncio.sleep(min(1.0, max(0.05, 1 / self.budget.rate)))

    def _used_up(self) -> RateLimited:
        pause = timedelta(seconds=max(1.0, 1 / self.budget.rate))
        return RateLimited(
            f"connection {self.name}: its budget of {self.budget} is used up", retry_after=pause
        )

    async def _lease(self, line: Line) -> int:
        budget = self.budget
        async with self.database.begin() as tx:
            if not self._known:
                await connections.know(tx, self.name)
            granted = await connections.lease(
                tx,
                self.name,
                wanted=min(MOST, line.waiting),
                rate=budget.rate,
                burst=budget.burst,
                reserve=budget.reserve if line is self._background else 0,
            )
        self._known = True
        return granted
