"""One gate per connection and process: notices that a system is out, says so once, and lets nothing through until it is back.

What a gate sees of a connection it keeps to itself until it is sure: three failures in a row make it probe, and only a
probe that fails too closes the connection for everybody, in the store. `ConnectionWorkflow` opens it again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from activities.allowance import Allowance
from connectors.base import Connector
from connectors.refusals import Aim
from domain.errors import ConnectionClosed, CredentialsRefused, RateLimited, SyncError, SystemUnavailable
from integrations.connections import ConnectionConfig
from store import alerts, audit, connections
from store.connections import ConnectionRow, Health
from store.database import Database, Tx

log = structlog.get_logger(__name__)

DOUBT = 3
"""Failures in a row, with no answer in between, that make a gate probe."""
STORM = 3
"""Refusals for too many requests in a row that close the connection for all processes."""
LONG_PAUSE = timedelta(seconds=10)
"""A pause that a system asks for: longer ones close the connection for all processes."""
SHORT_WAIT = 2.0
"""Seconds of an asked pause that a request waits out; longer ones give the worker's slot to others."""
LOOK_EVERY = 1.0
"""Seconds between two looks of a gate into the store."""


def alert_of(connection: str) -> str:
    """Key of the one alert."""
    return f"connection/{connection}"


def refuse_closed(row: ConnectionRow | None) -> None:
    """Let nothing begin that needs a closed connection.

    Raises:
        ConnectionClosed: It is closed.
    """
    if row is not None and not row.is_open:
        raise ConnectionClosed(f"connection {row.name} {row.story}")


async def close(tx: Tx, name: str, health: Health, reason: str, *, until: datetime | None = None) -> None:
    """Close a connection for all processes, with one alert while it stays closed."""
    was_open = await connections.set_health(tx, name, health, reason, until=until)
    if was_open:
        message = (
            f"connection {name} {connections.SAID[health]}: {reason}; its pairs wait and go on by themselves"
        )
        if health == "refused":
            message += ", once the credentials are corrected"
        await alerts.raise_(tx, alert_of(name), "connection", None, message)
        await audit.append(tx, "accord", "connection_closed", connection=name, reason=reason)


async def reopen(tx: Tx, name: str) -> None:
    """Let requests go again; the alert is cleared."""
    if not await connections.set_health(tx, name, "ok"):
        await alerts.clear(tx, [alert_of(name)])
        await audit.append(tx, "accord", "connection_opened", connection=name)


@dataclass(slots=True)
class ConnectionGate:
    """What one process knows of one connection."""

    name: str
    database: Database
    probe: Callable[[], Awaitable[object]]
    allowance: Allowance | None = None
    may_close: bool = True
    """Whether what this process sees counts for all: not where it may sit in another network."""
    _shut: str | None = None
    _looked_at: float | None = None
    _hold_until: float = 0.0
    _failures: int = 0
    _refusals: int = 0
    _probing: bool = False

    async def enter(self, aim: Aim) -> None:
        await self._wait_out_pause()
        if aim is not Aim.PROBE:
            await self._look()
        if self.allowance is not None:
            await self.allowance.take()

    def answered(self, pause: timedelta | None = None) -> None:
        self._failures = self._refusals = 0
        if pause is not None:
            self._hold(pause)

    async def failed(self, aim: Aim, error: SyncError) -> None:
        match error:
            case RateLimited():
                await self._refused_for_now(error)
            case CredentialsRefused() if aim is not Aim.PROBE:
                await self._close("refused", error.message)
            case SystemUnavailable() if aim is not Aim.PROBE:
                await self._doubt()
            case SystemUnavailable() | CredentialsRefused():
                pass  # whoever probed concludes
            case _:
                self.answered()

    # ------------------------------------------------------------------------------------------------- entering
    async def _wait_out_pause(self) -> None:
        left = self._hold_until - time.monotonic()
        if left > SHORT_WAIT:
            message = f"connection {self.name}: the system asked for a pause of another {left:.0f} s"
            raise RateLimited(message, retry_after=timedelta(seconds=left))
        if left > 0:
            await asyncio.sleep(left)

    async def _look(self) -> None:
        """Ask the store, now and then, whether it is closed: another process may have seen to that, or an operator."""
        now = time.monotonic()
        if self._looked_at is None or now - self._looked_at >= LOOK_EVERY:
            self._looked_at = now
            async with self.database.alone() as tx:
                row = await connections.get(tx, self.name)
            self._shut = None if row is None or row.is_open else row.story
        if self._shut is not None:
            raise ConnectionClosed(f"connection {self.name} {self._shut}")

    # ------------------------------------------------------------------------------------------------- closing
    async def _refused_for_now(self, error: RateLimited) -> None:
        if error.evidence.get("concerns") == "one record":
            self.answered()
            return
        self._hold(error.retry_after)
        self._refusals += 1
        if error.retry_after >= LONG_PAUSE or self._refusals >= STORM:
            await self._close("limited", error.message, until=datetime.now(UTC) + error.retry_after)

    def _hold(self, pause: timedelta) -> None:
        self._hold_until = max(self._hold_until, time.monotonic() + pause.total_seconds())

    async def _doubt(self) -> None:
        self._failures += 1
        if self._failures < DOUBT or self._probing:
            return
        self._probing = True
        try:
            await self.probe()
        except CredentialsRefused as error:
            await self._close("refused", error.message)
        except RateLimited:
            return  # heard of as it failed
        except SystemUnavailable as error:
            await self._close("unreachable", error.message)
        except SyncError as error:
            log.warning("probe_failed", connection=self.name, reason=error.message)
        finally:
            self._probing = False
            self._failures = 0

    async def _close(self, health: Health, reason: str, *, until: datetime | None = None) -> None:
        if not self.may_close or self._shut is not None:
            return
        self._shut, self._looked_at = reason, time.monotonic()
        try:
            async with self.database.begin() as tx:
                await close(tx, self.name, health, reason, until=until)
        except SystemUnavailable as error:
            self._shut = None
            log.warning("connection_not_closed", connection=self.name, reason=error.message)


@dataclass(frozen=True, slots=True)
class Gates:
    """Sets a gate before each connector that a process opens."""

    database: Database
    may_close: bool = True

    def guard(self, connector: Connector, config: ConnectionConfig) -> None:
        """Have every request of this connector pass a gate of its own."""
        budget = None if config.budget is None else Allowance(config.name, config.budget, self.database)
        connector.guard(ConnectionGate(config.name, self.database, connector.probe, budget, self.may_close))
