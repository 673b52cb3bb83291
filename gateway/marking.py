"""Deliveries that were signalled are marked so together, a few times a second: one commit for many.

Dying before the commit is harmless: the relay signals again what isn't marked, and a pair that is told twice looks twice.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import structlog

from domain.errors import SyncError
from store import deliveries
from store.database import Database

log = structlog.get_logger(__name__)

RHYTHM = 0.2
"""Seconds."""


@dataclass(slots=True)
class Marking:
    """A background task of each gateway, and what it still has to mark."""

    database: Database
    _waiting: set[int] = field(default_factory=set)

    def __contains__(self, number: int) -> bool:
        """Whether this delivery was signalled, though the store may not say so yet."""
        return number in self._waiting

    def add(self, number: int) -> None:
        self._waiting.add(number)

    async def run(self) -> None:
        """Mark until cancelled, and then what is left."""
        try:
            while True:
                await asyncio.sleep(RHYTHM)
                await self._mark()
        finally:
            await self._mark()

    async def _mark(self) -> None:
        numbers = sorted(self._waiting)
        if not numbers:
            return
        try:
            async with self.database.alone() as tx:
                await deliveries.mark_signalled(tx, numbers)
        except SyncError as error:
            log.warning("signalled_not_marked", deliveries=len(numbers), reason=error.message)
            return
        self._waiting.difference_update(numbers)
