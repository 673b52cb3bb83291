"""Hear of changes as they happen: from a system's stream into the store, from where the relay signals them.

A connection's stream is read by one activity at a time, for a few minutes: a **leg**. What it tells is kept in the
same transaction that moves the stream's cursor on, so nothing is kept twice or passed over, however a leg ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity

from activities.context import Context
from activities.heartbeat import say
from activities.watching import Watched, watched
from connectors.base import Connector, StreamBatch
from domain.errors import LookAgain
from domain.records import ChangeNotice, Model
from store import alerts, audit, connections, cursors, deliveries
from store.database import Tx

LEG = timedelta(minutes=5)
"""How long one activity reads; then the next one begins with the declarations and settings as they are by then."""
CURSOR = ("*", "stream")
"""Record type and query of a stream's cursor: it spans the whole connection."""
PAGE = 500


class StreamInput(Model):
    connection: str


class Streamed(Model):
    """How a leg went."""

    outcome: str
    """`read`; `paused`, by an operator; `ended`, as there is nothing to read."""
    story: str
    told: int = 0
    """Change notices kept."""
    position: str | None = None


class StreamActivities:
    """Reads connections that offer a stream of changes."""

    def __init__(self, context: Context, leg: timedelta = LEG) -> None:
        self.context = context
        self.leg = leg

    @activity.defn
    async def read_stream(self, asked: StreamInput) -> Streamed:
        """Keep what the connection's stream tells, for one leg.

        Safe to run twice, also at once: a batch is kept by moving the cursor on from the very place where it began,
        so of two readers one is refused.
        """
        connector = self.context.connections.get(asked.connection)
        declared = [one for one in await watched(self.context) if one.connection == asked.connection]
        if not connector.capabilities.change_stream:
            return Streamed(outcome="ended", story=f"{asked.connection} offers no stream")
        if not declared:
            return Streamed(outcome="ended", story=f"no integration has records of {asked.connection}")
        return await Leg(self.context, connector, declared).read(self.leg)


@dataclass(slots=True)
class Leg:
    """One activity's reading."""

    context: Context
    connector: Connector
    watched: list[Watched]
    told: int = 0
    position: str | None = None

    async def read(self, length: timedelta) -> Streamed:
        """Read until the time is over, the worker stops, or the connection is paused."""
        loop = asyncio.get_running_loop()
        until = loop.time() + length.total_seconds()
        async with self.context.database.begin() as tx:
            self.position = await cursors.get(tx, self._name, *CURSOR)
        types = list(dict.fromkeys(one.record_type for one in self.watched))
        async with aclosing(self.connector.stream_changes(types, self.position)) as batches:
            async for batch in batches:
                if await self._is_paused():
                    return self._over("paused", f"{self._name} is paused")
                await self._keep(batch)
                if loop.time() >= until or _is_stopping():
                    break
        return self._over("read", f"{self.told} changes heard of")

    async def _keep(self, batch: StreamBatch) -> None:
        if batch.gap:
            await self._look_at_everything(batch.gap)
        if batch.position != self.position:
            async with self.context.database.begin() as tx:
                await self._move(tx, batch)
        self.told += len(batch.notices)
        self.position = batch.position
        say(self.position, self.told)

    async def _move(self, tx: Tx, batch: StreamBatch) -> None:
        """Cursor and delivery in one: without the one the other would be lost, or come twice."""
        moved = await cursors.move_from(
            tx, self._name, *CURSOR, expected=self.position, cursor=batch.position
        )
        if not moved:
            raise LookAgain(
                f"the stream of {self._name} is read by another attempt too; going on from its place"
            )
        if batch.notices:
            # No delivery id: the cursor's move is what keeps a batch from being kept twice.
            await deliveries.keep(tx, self._name, None, batch.notices)
        if batch.gap:
            await audit.append(tx, "accord", "stream_gap", connection=self._name, reason=batch.gap)
            await alerts.clear(tx, [self._alert])

    # ---------------------------------------------------------------------------------------------------- a gap
    async def _look_at_everything(self, gap: str) -> None:
        """Changes may be missing: have every record in scope looked at, before the stream goes on.

        Done again from its beginning if it is interrupted: the cursor has not moved yet.
        """
        message = (
            f"{self._name}: changes may be missing from its stream ({gap}); every record is looked at again, "
            "records deleted meanwhile are found by the sweep"
        )
        async with self.context.database.begin() as tx:
            await alerts.raise_(tx, self._alert, "stream_gap", None, message)
        for one in self.watched:
            await self._list(one)

    async def _list(self, one: Watched) -> None:
        cursor, more = None, True
        while more:
            page = await self.connector.list_changes(
                one.record_type, scope=one.scope, cursor=cursor, limit=PAGE
            )
            await self._keep_listed(page.notices)
            cursor, more = page.cursor, page.more
            say(f"listing {one.record_type}", cursor)

    async def _keep_listed(self, notices: Iterable[ChangeNotice]) -> None:
        listed = list(notices)
        if listed:
            async with self.context.database.begin() as tx:
                await deliveries.keep(tx, self._name, None, listed)

    # ----------------------------------------------------------------------------------------------- in between
    @property
    def _name(self) -> str:
        return self.connector.connection

    @property
    def _alert(self) -> str:
        return f"stream_gap/{self._name}"

    async def _is_paused(self) -> bool:
        async with self.context.database.begin() as tx:
            row = await connections.get(tx, self._name)
        return row is not None and row.is_paused

    def _over(self, outcome: str, story: str) -> Streamed:
        return Streamed(outcome=outcome, story=story, told=self.told, position=self.position)


def _is_stopping() -> bool:
    """A worker that was told to stop shouldn't have to wait for the end of the leg."""
    return activity.is_worker_shutdown()
