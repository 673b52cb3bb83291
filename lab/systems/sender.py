"""Sends queued webhooks in the background: several records at once, the events of one record in order, with retries."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import time

import httpx

from lab.systems.outbox import Delivery, Outbox
from lab.systems.settings import Settings, Switches

RETRIED = frozenset({408, 429, *range(500, 600)})


@dataclass(frozen=True, slots=True)
class Message:
    """A webhook as it goes over the wire."""

    body: bytes
    headers: dict[str, str]


@dataclass(slots=True)
class Sender:
    """One task of the system's event loop. `compose` builds and signs a message at the moment of sending."""

    outbox: Outbox
    switches: Switches[Settings]
    compose: Callable[[Delivery], Message]
    retried: frozenset[int] = RETRIED
    _busy: set[str] = field(default_factory=set)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Send until cancelled."""
        self.outbox.on_change = self._wake.set
        async with httpx.AsyncClient(trust_env=False) as client, asyncio.TaskGroup() as sending:
            while True:
                self._wake.clear()
                now = time()
                for delivery in self._ready(now):
                    self._busy.add(delivery.lane)
                    # Composed here, not in the task: a reset in between would take the save away.
                    sending.create_task(self._deliver(client, delivery, self.compose(delivery)))
                await self._rest(self.outbox.next_due(now))

    def _ready(self, now: float) -> Iterator[Delivery]:
        """Due deliveries whose lane is free, as many as may be in flight."""
        parallel = self.switches.now.webhook_parallel
        for delivery in self.outbox.due(now, limit=8 * parallel):
            if len(self._busy) < parallel and delivery.lane not in self._busy:
                yield delivery

    async def _rest(self, due_at: float | None) -> None:
        """Until something changes, or the next delivery falls due."""
        try:
            await asyncio.wait_for(self._wake.wait(), None if due_at is None else max(0.0, due_at - time()))
        except TimeoutError:
            return

    async def _deliver(self, client: httpx.AsyncClient, delivery: Delivery, message: Message) -> None:
        status = await self._post(client, delivery.subscription.url, message)
        if status is not None and 200 <= status < 300:
            self.outbox.succeed(delivery)
        else:
            self.outbox.fail(delivery, final=status is not None and status not in self.retried)
        self._busy.discard(delivery.lane)
        self._wake.set()

    async def _post(self, client: httpx.AsyncClient, url: str, message: Message) -> int | None:
        """The receiver's status; None if it gave no answer in time."""
        timeout = self.switches.now.webhook_timeout
        try:
            answer = await client.post(url, content=message.body, headers=message.headers, timeout=timeout)
        except (httpx.HTTPError, httpx.InvalidURL):
            return None
        except AttributeError:  # of anyio over uvloop: the receiver hung up as soon as it was reached
            return None
        return answer.status_code
