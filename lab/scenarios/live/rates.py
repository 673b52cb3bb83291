"""Alerts on rates, played: the alert is waited for, and then its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from activities.rating import prefix_of
from lab.scenarios.live.rest import until
from lab.scenarios.live.stage import HOUR
from lab.scenarios.live.world import World
from store import alerts, conflicts
from store.alerts import Span

CASE_HOUR = 3600.0
SOON = timedelta(seconds=60)
"""Within which an alert must be raised, and gone once the window has passed."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """Waits as the case's time passes: for the alert within its hour, for its end afterwards."""

    world: World

    async def pass_time(self, seconds: float) -> None:
        """After all has come to rest at this moment of the case."""
        if self.world.given.alert is None:
            return
        clashes = [e.t for e in self.world.stage.case.events if e.verb == "conflict_each" and e.t <= seconds]
        if clashes and seconds - max(clashes) < CASE_HOUR:
            await until(self._stands, "the alert is raised", SOON)
        elif clashes:
            await until(self._is_quiet, "the alert is cleared", HOUR + SOON)

    async def _stands(self) -> bool:
        async with self.world.accord.database.begin() as tx:
            return any(one.key.startswith(prefix_of(self.world.name)) for one in await alerts.open_alerts(tx))

    async def _is_quiet(self) -> bool:
        return not await self._stands()


async def times_of(world: World) -> tuple[list[datetime], list[Span]]:
    """When the case's conflicts arose, and its alerts on rates stood."""
    async with world.accord.database.begin() as tx:
        lines = await conflicts.search(tx, integration=world.name, limit=10_000)
        spans = await alerts.spans(tx, prefix_of(world.name))
    return sorted(line.at for line in lines if line.n == 1), spans
