"""Signals what was kept but not signalled: by a stream, a poll or a sweep; or Temporal was out, or the process died.

So what was heard of arrives, even if its sender never repeats it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from domain.errors import SyncError, SystemUnavailable
from gateway.assembly import Accord
from gateway.signaller import Signaller
from store import deliveries
from store.deliveries import DeliveryRow

log = structlog.get_logger(__name__)

RHYTHM = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(seconds=10)
IN_HAND = timedelta(seconds=5)
"""Younger webhooks are still being signalled by the request that brought them."""
PAGE = 200


@dataclass(slots=True)
class Relay:
    """A background task of each gateway. Several at once tell a pair twice at worst, which does no harm."""

    accord: Accord
    signaller: Signaller
    _told: set[int] = field(default_factory=set)

    async def run(self) -> None:
        """Relay until cancelled; what a dead predecessor left goes first, whatever its age."""
        in_hand, pause = timedelta(0), RHYTHM
        while True:
            try:
                found = await self.relay(in_hand)
                in_hand, pause = IN_HAND, timedelta(0) if found == PAGE else RHYTHM
            except SystemUnavailable as error:
                pause = min(max(pause, RHYTHM) * 2, LONGEST_PAUSE)
                log.warning("relay_waits", reason=error.message)
            await asyncio.sleep(pause.total_seconds())

    async def relay(self, older_than: timedelta = timedelta(0)) -> int:
        """Signal all that waits, oldest first; how many deliveries were signalled.

        Raises:
            SystemUnavailable: Store or Temporal is out.
        """
        async with self.accord.database.begin() as tx:
            waiting = await deliveries.unsignalled(tx, PAGE, older_than)
        return sum([await self._relay(delivery) for delivery in waiting])

    async def _relay(self, delivery: DeliveryRow) -> bool:
        """One delivery; one that can't be addressed (a broken declaration) doesn't hold up the others."""
        try:
            async with self.accord.database.begin() as tx:
                calls = await self.signaller.route(tx, delivery.notices)
            await self.signaller.send(calls)
        except SystemUnavailable:
            raise
        except SyncError as error:
            self._tell_once(delivery, error)
            return False
        async with self.accord.database.begin() as tx:
            await deliveries.mark_signalled(tx, [delivery.id])
        return True

    def _tell_once(self, delivery: DeliveryRow, error: SyncError) -> None:
        if delivery.id not in self._told:
            self._told.add(delivery.id)
            log.error("delivery_not_addressed", delivery=delivery.id, reason=error.message)
