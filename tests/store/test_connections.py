import asyncio
from datetime import timedelta

import pytest

from domain.records import Clock
from store import connections
from store.database import Database, Tx
from tests.store.builders import at

pytestmark = pytest.mark.stack

SECOND = timedelta(seconds=1)


async def test_a_connection_appears_with_the_first_thing_known_of_it(tx: Tx) -> None:
    assert await connections.get(tx, "jira") is None
    await connections.set_health(tx, "jira", "ok")
    found = await connections.get(tx, "jira")
    assert found is not None
    assert (found.health, found.is_paused, found.clock(SECOND)) == ("ok", False, None)


async def test_health_dates_from_its_change(database: Database) -> None:
    since = []
    for health, reason in (("refused", "401"), ("refused", "401 still"), ("ok", "")):
        async with database.begin() as tx:
            await connections.set_health(tx, "jira", health, reason)  # type: ignore[arg-type] # these are healths
            [row] = await connections.get_all(tx)
            since.append(row.since)
    assert since[0] == since[1] < since[2]


async def test_a_measured_clock_serves_stamps_of_any_granularity(tx: Tx) -> None:
    offset = timedelta(seconds=-3.25)
    await connections.set_clock(tx, "jira", offset, SECOND / 2, at(0))
    found = await connections.get(tx, "jira")
    assert found is not None
    assert found.clock(60 * SECOND) == Clock(offset=offset, uncertainty=SECOND / 2, granularity=60 * SECOND)


async def test_pausing_leaves_health_and_clock_alone(tx: Tx) -> None:
    await connections.set_health(tx, "jira", "unreachable", "no route")
    await connections.set_clock(tx, "jira", SECOND, SECOND, at(0))
    assert await connections.pause(tx, "jira", "ines", "upgrade")
    found = await connections.get(tx, "jira")
    assert found is not None
    assert (found.is_paused, found.health, found.clock_offset_ms) == (True, "unreachable", 1000)
    assert await connections.resume(tx, "jira")
    [row] = await connections.get_all(tx)
    assert (row.is_paused, row.is_open) == (False, False)


async def test_a_paused_connection_is_closed_and_says_who_closed_it(tx: Tx) -> None:
    assert await connections.pause(tx, "jira", "ines", "upgrade")
    assert not await connections.pause(tx, "jira", "otto", "I too")
    [row] = await connections.closed(tx)
    assert row.story.startswith("is paused by ines since ")
    assert row.story.endswith(": upgrade")
    assert await connections.resume(tx, "jira")
    assert not await connections.resume(tx, "jira")
    assert await connections.closed(tx) == []


async def test_no_more_is_leased_than_the_budget_holds(tx: Tx) -> None:
    await connections.set_health(tx, "jira", "ok")
    granted = [await connections.lease(tx, "jira", wanted=3, rate=1, burst=5) for _ in range(3)]
    assert granted == [3, 2, 0]


async def test_processes_share_one_budget(database: Database) -> None:
    async with database.begin() as tx:
        await connections.set_health(tx, "jira", "ok")

    async def lease() -> int:
        async with database.begin() as tx:
            return await connections.lease(tx, "jira", wanted=4, rate=0, burst=10)

    assert sum(await asyncio.gather(*(lease() for _ in range(5)))) == 10


async def test_the_budget_fills_with_time(database: Database) -> None:
    granted = []
    for rate in (0.0, 1e9):
        async with database.begin() as tx:
            await connections.set_health(tx, "jira", "ok")
            granted.append(await connections.lease(tx, "jira", wanted=10, rate=rate, burst=10))
    assert granted == [10, 10]


async def test_an_unknown_connection_has_no_budget(tx: Tx) -> None:
    assert await connections.lease(tx, "nobody", wanted=1, rate=1, burst=1) == 0
