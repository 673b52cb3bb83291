"""Ask a system what has changed: pages from the cursor on, into the store, from where the relay signals them.

A **round** reads one query from its cursor to its end. Each page's notices are kept in the transaction that moves the
cursor past it, so whenever a round breaks off, the next one goes on right there. How far a round reads back behind
what it has read (granularity of stamps, lag of the index, uncertainty of clocks) is the connector's affair, part of
its cursor; what it thereby finds again, or a webhook has told, is known by record and version and dropped.

The first round of a query finds its place: of the records that it lists, only linked ones that their pair has not read
in this version are told. Linking what stood there before is the backfill's work, planned and counted.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime
from temporalio import activity

from activities.context import Context
from activities.heartbeat import say
from activities.watching import Watched, watched
from connectors.base import ChangePage, Connector
from domain.capture import Capture, Changes
from domain.errors import ForeignCursor, LookAgain, SyncError, TryAgain
from domain.records import Model
from domain.rhythm import Rhythm
from store import alerts, audit, connections, cursors, deliveries, unread
from store.database import Tx

LEG = timedelta(minutes=2)
"""How long one activity reads; a longer round goes on in the next one, with the settings as they are by then."""
PAUSE = timedelta(minutes=1)
"""Between two looks at a paused connection."""


class PollInput(Model):
    connection: str
    record_type: str
    scope: str | None = None


class Polled(Model):
    """How a round went."""

    outcome: Literal["polled", "frozen", "paused", "ended"]
    story: str
    told: int = 0
    """Change notices kept; not those that were heard of before."""
    listed: int = 0
    more: bool = False
    """The end isn't reached: go on at once."""
    next_at: AwareDatetime | None = None
    """When to look again; None after the end."""


class PollActivities:
    """Polls connections, one query at a time."""

    def __init__(self, context: Context, leg: timedelta = LEG) -> None:
        self.context = context
        self.leg = leg

    @activity.defn
    async def poll_changes(self, asked: PollInput) -> Polled:
        """Keep what changed since the last round.

        Safe to run twice, also at once: a page is kept by moving the cursor on from the very place where it began, so
        of two readers one is refused.
        """
        one = Watched(asked.connection, asked.record_type, asked.scope)
        config = self.context.connections.configs.get(one.connection)
        if config is None:
            return Polled(outcome="ended", story=f"no connection {one.connection} is configured")
        connector = self.context.connections.get(one.connection)
        capture = config.capture(stream=connector.capabilities.change_stream)
        try:
            polled = await self._poll(one, connector, config.changes, capture)
        except SyncError as error:
            await self._tell_if_late(one, config.changes, error)
            raise
        async with self.context.database.begin() as tx:
            await alerts.clear(tx, [late_alert(one)])
        return polled

    async def _poll(self, one: Watched, connector: Connector, changes: Changes, capture: Capture) -> Polled:
        if capture.polled is None:
            return Polled(outcome="ended", story=f"{one.connection} isn't polled")
        successors = await self._successors(one)
        if successors == []:
            return Polled(outcome="ended", story=f"no integration has {one.record_type} of {one.connection}")
        polled = await Round(self.context, connector, one, changes, capture.polled).read(self.leg)
        is_replaced = successors is not None and await self._have_begun(successors)
        if is_replaced and polled.outcome == "polled" and not polled.more:
            return polled.model_copy(update={"outcome": "ended", "story": "another query has taken over"})
        return polled

    async def _successors(self, one: Watched) -> list[Watched] | None:
        """The queries that have come in this one's place; None while it is declared itself."""
        declared = await watched(self.context)
        kind = (one.connection, one.record_type)
        return None if one in declared else [w for w in declared if (w.connection, w.record_type) == kind]

    async def _have_begun(self, successors: list[Watched]) -> bool:
        """Whether all have found their place. Until then the old query is asked as well, so nothing falls between."""
        async with self.context.database.begin() as tx:
            rows = [await cursors.find(tx, w.connection, w.record_type, w.query) for w in successors]
        return all(row is not None and row.caught_up_at is not None for row in rows)

    async def _tell_if_late(self, one: Watched, changes: Changes, error: SyncError) -> None:
        """One alert if it goes on failing; none where the connection is known to be out, which has its own."""
        info = activity.info()
        lasts = self.context.now() - info.scheduled_time
        if isinstance(error, LookAgain) or (isinstance(error, TryAgain) and lasts < changes.late_after):
            return
        async with self.context.database.begin() as tx:
            row = await connections.get(tx, one.connection)
            if row is None or row.is_open:
                await alerts.raise_(tx, late_alert(one), "poll_late", None, _late(one, error))


@dataclass(slots=True)
class Round:
    """One reading of one query, from its cursor on."""

    context: Context
    connector: Connector
    one: Watched
    changes: Changes
    rhythm: Rhythm
    told: int = 0
    listed: int = 0

    async def read(self, length: timedelta) -> Polled:
        """Read to the end, or until a freeze begins, the time is over, or somebody pauses the connection."""
        loop = asyncio.get_running_loop()
        began, until = self.context.now(), loop.time() + length.total_seconds()
        place = await self._place()
        while True:
            if stopped := await self._may_not_ask():
                return stopped
            page, place = await self._page(place)
            if not page.more:
                return self._over(began)
            if loop.time() >= until or activity.is_worker_shutdown():
                return self._over(began, more=True)
            await asyncio.sleep(self.changes.pause.total_seconds())

    async def _place(self) -> cursors.CursorRow | None:
        async with self.context.database.begin() as tx:
            return await cursors.find(tx, *self._at)

    async def _may_not_ask(self) -> Polled | None:
        now = self.context.now()
        if end := self.rhythm.frozen_until(now):
            return self._stopped("frozen", self.rhythm.thawed(end))
        async with self.context.database.begin() as tx:
            row = await connections.get(tx, self.one.connection)
        return self._stopped("paused", now + PAUSE) if row is not None and row.is_paused else None

    async def _page(self, place: cursors.CursorRow | None) -> tuple[ChangePage, cursors.CursorRow]:
        """Ask for a page, keep what it tells, move the cursor; the last of all is the commit."""
        page = await self._ask(place)
        async with self.context.database.begin() as tx:
            told = await self._keep(tx, place, page)
            await self._move(tx, place, page)
            reached = await cursors.find(tx, *self._at)
        assert reached is not None, "it was moved just now"
        self.told, self.listed = self.told + told, self.listed + len(page.notices)
        say(f"{self.listed} listed, {self.told} told")
        return page, reached

    async def _ask(self, place: cursors.CursorRow | None) -> ChangePage:
        cursor = place.cursor if place and place.cursor else None
        try:
            return await self.connector.list_changes(
                self.one.record_type, scope=self.one.scope, cursor=cursor, limit=self.changes.page
            )
        except ForeignCursor as error:
            async with self.context.database.begin() as tx:
                await cursors.drop(tx, *self._at)
                await audit.append(
                    tx, "accord", "poll_began_anew", connection=self.one.connection, reason=error.message
                )
            raise LookAgain(f"{error.message}; it is") from error

    async def _keep(self, tx: Tx, place: cursors.CursorRow | None, page: ChangePage) -> int:
        notices = list(page.notices)
        if place is None or place.caught_up_at is None:
            notices = await unread.unread(tx, self.one.connection, self.one.record_type, notices)
        return await deliveries.keep_each(tx, self.one.connection, notices)

    async def _move(self, tx: Tx, place: cursors.CursorRow | None, page: ChangePage) -> None:
        expected = place.cursor if place else None
        moved = page.cursor == expected or await cursors.move_from(
            tx, *self._at, expected=expected, cursor=page.cursor
        )
        if not moved or not (page.more or await cursors.catch_up(tx, *self._at, page.cursor)):
            raise LookAgain(
                f"{self.one.connection} is polled by another attempt too; going on from its place"
            )

    # ----------------------------------------------------------------------------------------------- in between
    @property
    def _at(self) -> tuple[str, str, str]:
        return self.one.connection, self.one.record_type, self.one.query

    def _over(self, began: datetime, *, more: bool = False) -> Polled:
        now = self.context.now()
        next_at = now if more else self.rhythm.next_look(began, now, "/".join(self._at))
        return Polled(
            outcome="polled",
            story=f"{self.listed} listed, {self.told} told",
            told=self.told,
            listed=self.listed,
            more=more,
            next_at=next_at,
        )

    def _stopped(self, outcome: Literal["frozen", "paused"], until: datetime) -> Polled:
        story = f"{self.one.connection} is {outcome}"
        return Polled(outcome=outcome, story=story, told=self.told, listed=self.listed, next_at=until)


def late_alert(one: Watched) -> str:
    """The key of the alert that this query can't be read."""
    return f"poll_late/{one.connection}/{one.record_type}/{one.query}"


def _late(one: Watched, error: SyncError) -> str:
    return (
        f"{one.connection} {one.record_type}: polling fails, edits that no webhook tells stand unseen ({error.message}); "
        "it is tried again by itself"
    )
