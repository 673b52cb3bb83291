"""Find out whether a closed connection works again, and wake what waited for it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Literal

import structlog
from temporalio import activity

from activities.context import Context
from activities.gating import close, reopen
from activities.heartbeat import say
from domain.errors import ConfigError, CredentialsRefused, RateLimited, SyncError, SystemUnavailable
from domain.records import ChangeNotice, Model
from store import connections, deliveries, waiting
from store.connections import Health

log = structlog.get_logger(__name__)

WAKE_AT_ONCE = 10
"""Pairs per step of waking."""
WAKE_RATE = 50.0
"""Pairs a second, where no budget asks for less: what one Temporal server does without people's edits queueing."""
CALLS_PER_PAIR = 4
"""Requests that a woken pair makes of one side at most as a rule: read, write, look at the history, read."""


class ProbeInput(Model):
    connection: str


class Probed(Model):
    """How the connection stands."""

    outcome: Literal["open", "closed", "gone"]
    """gone: no longer configured."""
    story: str
    health: Health = "ok"
    retry_in: timedelta | None = None
    """The pause that the system asked for."""


class WakeInput(Model):
    connection: str


class Woken(Model):
    pairs: int
    story: str


class ConnectionActivities:
    """What `ConnectionWorkflow` does."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @activity.defn
    async def probe_connection(self, asked: ProbeInput) -> Probed:
        """One cheap read with the newest secrets; the connection is opened, or its state noted. Safe to run twice."""
        name = asked.connection
        await self._take_up_settings()
        async with self.context.database.alone() as tx:
            row = await connections.get(tx, name)
        if row is None or row.is_open:
            return Probed(outcome="open", story=f"{name} works")
        if row.is_paused:
            return Probed(outcome="closed", story=f"{name} {row.story}", health=row.health)
        left = row.until - datetime.now(UTC) if row.until else timedelta(0)
        if left > timedelta(0):
            return Probed(outcome="closed", story=f"{name} {row.story}", health=row.health, retry_in=left)
        if name not in self.context.connections.configs:
            return Probed(outcome="gone", story=f"{name} is configured no more")
        return await self._probe(name)

    async def _take_up_settings(self) -> None:
        try:
            await self.context.connections.refresh()
        except ConfigError as error:
            log.warning("settings_not_reloaded", reason=error.message)

    async def _probe(self, name: str) -> Probed:
        health, pause = "unreachable", None
        try:
            await self.context.connections.get(name).probe()
        except RateLimited as error:
            health, pause, reason = "limited", error.retry_after, error.message
        except CredentialsRefused as error:
            health, reason = "refused", error.message
        except SystemUnavailable as error:
            reason = error.message
        except SyncError as error:
            health, reason = "refused", error.message
        else:
            async with self.context.database.begin() as tx:
                await reopen(tx, name)
            return Probed(outcome="open", story=f"{name} works again")
        return await self._still_closed(name, health, reason, pause)  # type: ignore[arg-type] # these are healths

    async def _still_closed(self, name: str, health: Health, reason: str, pause: timedelta | None) -> Probed:
        until = None if pause is None else datetime.now(UTC) + pause
        async with self.context.database.begin() as tx:
            await close(tx, name, health, reason, until=until)
        return Probed(outcome="closed", story=f"{name}: {reason}"[:500], health=health, retry_in=pause)

    @activity.defn
    async def wake_waiting(self, asked: WakeInput) -> Woken:
        """Have every pair that waits for the connection look again, at a rate that its budget bears.

        Safe to run twice: a pair that is told again looks once more. It goes on where the attempt before had come to.
        """
        name, rate = asked.connection, self._rate(asked.connection)
        after, woken = _come_to()
        while True:
            async with self.context.database.begin() as tx:
                found = await waiting.page(tx, name, after=after, most=WAKE_AT_ONCE)
                if not found:
                    return Woken(pairs=woken, story=f"{woken} pairs that waited look again")
                notices = [ChangeNotice(ref=one.ref, source="connection") for one in found]
                await deliveries.keep(tx, name, None, notices)
            after, woken = found[-1].pair_id, woken + len(found)
            say(after, woken)
            await asyncio.sleep(len(found) / rate)

    def _rate(self, name: str) -> float:
        config = self.context.connections.configs.get(name)
        if config is None or config.budget is None:
            return WAKE_RATE
        return min(WAKE_RATE, config.budget.rate / CALLS_PER_PAIR)


def _come_to() -> tuple[str, int]:
    details = activity.info().heartbeat_details
    return (str(details[0]), int(details[1])) if len(details) > 1 else ("", 0)
