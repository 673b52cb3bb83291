"""Looks after connections: those that are closed get their workflow, changed secrets are taken up, their end is foretold."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import structlog

from connectors.registry import Connections
from domain.errors import ConfigError, SyncError
from gateway.assembly import Accord
from gateway.temporal import keep_one
from store import alerts, connections
from workflows.connection import ConnectionState, ConnectionWorkflow

log = structlog.get_logger(__name__)

RHYTHM = timedelta(seconds=1)
AGAIN = 20.0
"""Seconds. A workflow that somebody terminated is back after this long."""
EXPIRY_RHYTHM = timedelta(hours=1)
FORETOLD = timedelta(days=14)


async def refresh_settings(known: Connections) -> list[str]:
    """Take up what changed in the connections' file or a secret's; the names concerned. A mistake changes nothing."""
    try:
        changed = await known.refresh()
    except ConfigError as error:
        log.error("settings_not_reloaded", reason=error.message)  # noqa: TRY400 - the message says it all
        return []
    if changed:
        log.info("settings_reloaded", connections=changed)
    return changed


async def keep_fresh(known: Connections) -> None:
    """Do that again and again. A background task of each worker."""
    while True:
        await refresh_settings(known)
        await asyncio.sleep(RHYTHM.total_seconds())


async def see_to(accord: Accord, name: str, *, probe_now: bool) -> None:
    """Have a workflow find out when a closed connection works again, and wake what waits for it.

    Raises:
        ConfigError: It isn't configured.
        SystemUnavailable: Temporal doesn't answer.
    """
    system = accord.connections.get(name).system
    await keep_one(
        accord.temporal,
        ConnectionWorkflow.run,
        ConnectionState(connection=name, system=system),
        id=f"connection/{name}",
        task_queue=accord.settings.task_queue,
        signal="probe_now" if probe_now else None,
        summary=f"{system}: {name} is closed",
    )


@dataclass(slots=True)
class Watch:
    """A background task of each gateway. Several do no harm: a workflow's id is its connection's."""

    accord: Accord
    _started: dict[str, float] = field(default_factory=dict)
    """Connection → when its workflow was last seen to."""
    _corrected: set[str] = field(default_factory=set)
    """Connections whose settings changed, until their workflow is told."""
    _foretold_at: float | None = None

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            try:
                await self.look()
            except SyncError as error:
                log.warning("connections_not_watched", reason=error.message)
            await asyncio.sleep(RHYTHM.total_seconds())

    async def look(self) -> None:
        """Once.

        Raises:
            SystemUnavailable: Store or Temporal doesn't answer.
        """
        self._corrected |= set(await refresh_settings(self.accord.connections))
        async with self.accord.database.alone() as tx:
            closed = {row.name for row in await connections.closed(tx)}
        await self._ensure(closed & self.accord.connections.configs.keys())
        await self._foretell()

    async def _ensure(self, closed: Collection[str]) -> None:
        """Have each closed connection probed; at once where its settings were corrected."""
        now = time.monotonic()
        self._started = {name: at for name, at in self._started.items() if name in closed}
        self._corrected &= set(closed)
        for name in sorted(closed):
            if name in self._corrected or now - self._started.get(name, -AGAIN) >= AGAIN:
                self._started[name] = now
                try:
                    await see_to(self.accord, name, probe_now=name in self._corrected)
                except ConfigError as error:  # of this one alone
                    log.error("connection_not_watched", connection=name, reason=error.message)  # noqa: TRY400 - as above
                self._corrected.discard(name)

    async def _foretell(self) -> None:
        now = time.monotonic()
        if self._foretold_at is None or now - self._foretold_at >= EXPIRY_RHYTHM.total_seconds():
            await self.foretell(datetime.now(UTC).date())
            self._foretold_at = now

    async def foretell(self, today: date) -> None:
        """Raise an alert for credentials that end soon, and clear it where they were replaced."""
        for name, config in self.accord.connections.configs.items():
            key = f"expiry/{name}"
            async with self.accord.database.begin() as tx:
                if config.expires is None or config.expires - today > FORETOLD:
                    await alerts.clear(tx, [key])
                else:
                    message = f"connection {name}: its credentials end on {config.expires}; replace them, then `expires`"
                    await alerts.raise_(tx, key, "expiry", None, message)
