"""Sweeps that die on their way: the next attempt goes on at the page where the last one stood."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.sweeping import SweepActivities, SweepInput, Swept
from domain.capture import Changes
from domain.sides import SIDES, Side
from integrations.connections import ConnectionConfig
from store import deliveries
from store.schema import sweep_records
from tests.activities.conftest import Build
from tests.activities.world import FIRST, NAME, NAMES, TITLE, World, declaration

pytestmark = pytest.mark.stack

RECORDS = 6
PAGE = 2
PAGES = 2 * RECORDS // PAGE
"""Of both sides."""


@dataclass
class Sweeper:
    """Sweeps a world of six pairs, two records a page, as a worker does."""

    world: World
    asked: list[Side] = field(default_factory=list)
    """Each page that was asked for, by its side."""
    die_after: int = 1_000

    def listen(self) -> None:
        for side in SIDES:
            configs: Any = self.world.context.connections.configs
            changes = Changes(pause=timedelta(0), page=PAGE)
            configs[NAMES[side]] = ConnectionConfig(name=NAMES[side], system="memory", changes=changes)
            self.world.connectors[side].interfere = self._counting(side)

    def _counting(self, side: Side) -> Callable[[str, str, str | None], Awaitable[None]]:
        async def count(moment: str, operation: str, record_id: str | None) -> None:
            if (moment, operation) == ("before", "search"):
                if len(self.asked) >= self.die_after:
                    raise asyncio.CancelledError  # what nothing in the activity may catch: a death
                self.asked.append(side)

        return count

    async def sweep(self, name: str = "first") -> Swept:
        asked = SweepInput(integration=NAME, sweep=name)
        return await ActivityEnvironment().run(SweepActivities(self.world.context).sweep_integration, asked)

    async def dies_after(self, pages: int, name: str = "first") -> None:
        self.die_after = len(self.asked) + pages
        with pytest.raises(asyncio.CancelledError):
            await self.sweep(name)
        self.die_after = 1_000

    async def told(self) -> list[str]:
        """Records that a delivery waits for, each as often as it was told."""
        async with self.world.database.begin() as tx:
            kept = await deliveries.unsignalled(tx, older_than=timedelta(0))
        return sorted(str(notice.ref) for one in kept for notice in one.notices)


async def a_sweeper(build: Build) -> Sweeper:
    """Six pairs in step; then two records were edited and one vanished, and nobody told."""
    world = await build(declaration(TITLE), linked=False)
    for number in range(1, RECORDS + 1):
        for side in SIDES:
            if str(number) not in world.systems[side].records:
                world.systems[side].create("ticket", FIRST[side])
        await world.link(str(number), str(number))
        await world.settle()
    world.systems.a.edit("1", {"title": "first"})
    world.systems.b.edit("6", {"summary": "last"})
    world.systems.b.records["3"].deleted = True
    sweeper = Sweeper(world)
    sweeper.listen()
    return sweeper


@pytest.mark.parametrize("pages", [1, 2, 3, 5])
async def test_a_sweep_that_was_killed_between_pages_goes_on_and_tells_the_same_once(
    build: Build, pages: int
) -> None:
    whole = await a_sweeper(build)
    await whole.dies_after(pages)
    found = await whole.sweep()
    assert (found.listed, found.behind, found.unlisted) == (2 * RECORDS - 1, 2, 1)
    assert len(whole.asked) == PAGES, "no page was asked for twice"
    assert await whole.told() == [
        str(whole.world.ref(Side.A, "1")),
        str(whole.world.ref(Side.B, "3")),
        str(whole.world.ref(Side.B, "6")),
    ]


async def test_the_next_sweep_begins_anew_and_nothing_of_the_last_one_is_kept(build: Build) -> None:
    sweeper = await a_sweeper(build)
    await sweeper.dies_after(3, "first")
    assert (await sweeper.sweep("second")).listed == 2 * RECORDS - 1
    assert len(sweeper.asked) == 3 + PAGES
    async with sweeper.world.database.begin() as tx:
        assert (await tx.execute(sweep_records.select())).all() == []


async def test_an_attempt_that_is_repeated_after_its_end_says_the_same_and_asks_nothing(build: Build) -> None:
    sweeper = await a_sweeper(build)
    first = await sweeper.sweep()
    assert await sweeper.sweep() == first
    assert len(sweeper.asked) == PAGES


async def test_two_attempts_at_once_tell_everything_once(build: Build) -> None:
    sweeper = await a_sweeper(build)
    first, second = await asyncio.gather(sweeper.sweep(), sweeper.sweep())
    assert first == second
    assert len(await sweeper.told()) == 3
