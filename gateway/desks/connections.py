"""Connections as operators see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from domain.errors import ConfigError
from gateway.answers import ConnectionShown
from gateway.desks.desk import Desk
from gateway.desks.hearing import capture_of
from integrations.budget import Budget
from integrations.connections import ConnectionConfig
from store import connections, deliveries, waiting
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

    def _shown(
        self, config: ConnectionConfig, row: ConnectionRow | None, waits: int, heard: datetime | None
    ) -> ConnectionShown:
        ways, exposure = self._heard_by(config.name)
        return ConnectionShown(
            name=config.name,
            system=config.system,
            state=_state(row, heard),
            since=row.since if row else None,
            reason=row.reason if row else "",
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
    return "paused" if row.paused else row.health


def _left(budget: Budget, row: ConnectionRow | None) -> int:
    """As the next lease would find it."""
    if row is None or row.budget is None or row.budget_at is None:
        return int(budget.burst)
    elapsed = (datetime.now(UTC) - row.budget_at).total_seconds()
    return int(min(budget.burst, row.budget + max(0.0, elapsed) * budget.rate))
