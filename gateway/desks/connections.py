"""Connections as operators see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from domain.errors import ConfigError
from gateway.answers import ConnectionShown, Told
from gateway.desks.desk import Desk
from gateway.desks.hearing import capture_of
from gateway.finding import Unknown
from gateway.watching import see_to
from integrations.budget import Budget
from integrations.connections import ConnectionConfig
from store import audit, connections, deliveries, waiting
from store.connections import ConnectionRow


@dataclass(frozen=True, slots=True)
class ConnectionDesk:
    desk: Desk

    async def listed(self) -> list[ConnectionShown]:
        """Every configured connection, by name."""
        async with self.desk.accord.database.begin() as tx:
            rows = {row.name: row for row in await connections.get_all(tx)}
            waits, heard = await waiting.counts(tx), await deliveries.all_last_heard(tx)
        configs = self.desk.accord.connections.configs
        return [
            self._shown(configs[name], rows.get(name), waits.get(name, 0), heard.get(name))
            for name in sorted(configs)
        ]

    async def pause(self, name: str, *, by: str, reason: str = "") -> Told:
        """Stop all requests on one connection: a system's maintenance, say. What is heard meanwhile is kept.

        Raises:
            Unknown: It isn't configured.
        """
        self._known(name)
        async with self.desk.accord.database.begin() as tx:
            if await connections.pause(tx, name, by, reason):
                await audit.append(tx, by, "pause", connection=name, reason=reason)
            row = await connections.get(tx, name)
        story = row.story if row else ""
        return Told(what="pause", pairs=0, message=f"connection {name} {story}; nothing is asked of it")

    async def resume(self, name: str, *, by: str) -> Told:
        """Let requests go again; what waited is woken once the system answers.

        Raises:
            Unknown: It isn't configured.
            SystemUnavailable: Temporal is out: the requests may go, what waits finds out within minutes.
        """
        self._known(name)
        async with self.desk.accord.database.begin() as tx:
            resumed = await connections.resume(tx, name)
            if resumed:
                await audit.append(tx, by, "resume", connection=name)
            waits = (await waiting.counts(tx)).get(name, 0)
        if not resumed:
            return Told(what="resume", pairs=0, message=f"connection {name} isn't paused")
        await see_to(self.desk.accord, name, probe_now=True)
        return Told(
            what="resume",
            pairs=waits,
            message=f"connection {name} goes on; {waits} pairs are woken once it answers",
        )

    def _known(self, name: str) -> None:
        configs = self.desk.accord.connections.configs
        if name not in configs:
            raise Unknown(f"no connection is called {name!r}; configured are {', '.join(sorted(configs))}")

    def _shown(
        self, config: ConnectionConfig, row: ConnectionRow | None, waits: int, heard: datetime | None
    ) -> ConnectionShown:
        ways, exposure = self._heard_by(config.name)
        return ConnectionShown(
            name=config.name,
            system=config.system,
            state=_state(row, heard),
            since=(row.paused_at or row.since) if row else None,
            reason=_reason(row),
            waiting=waits,
            budget=str(config.budget or ""),
            budget_left=None if config.budget is None else _left(config.budget, row),
            expires=config.expires,
            heard_at=heard,
            ways=ways,
            exposure=exposure,
        )

    def _heard_by(self, name: str) -> tuple[str, timedelta | None]:
        """Settings that are wrong don't hide the others."""
        try:
            capture, exposure = capture_of(self.desk.accord, name)
        except ConfigError:
            return "", None
        return capture.ways, exposure


def _state(
    row: ConnectionRow | None, heard: datetime | None
) -> Literal["ok", "unreachable", "refused", "limited", "paused", "unused"]:
    """A connection has a row from the first time on that something was wrong, or that budget was leased."""
    if row is None:
        return "unused" if heard is None else "ok"
    return "paused" if row.is_paused else row.health


def _reason(row: ConnectionRow | None) -> str:
    if row is None or not row.is_paused:
        return row.reason if row else ""
    return f"by {row.paused_by}" + (f": {row.paused_for}" if row.paused_for else "")


def _left(budget: Budget, row: ConnectionRow | None) -> int:
    """As the next lease would find it."""
    if row is None or row.budget is None or row.budget_at is None:
        return int(budget.burst)
    elapsed = (datetime.now(UTC) - row.budget_at).total_seconds()
    return int(min(budget.burst, row.budget + max(0.0, elapsed) * budget.rate))
