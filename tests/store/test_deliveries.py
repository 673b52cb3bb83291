import asyncio
from datetime import timedelta

import pytest

from domain.records import ChangeNotice
from store import deliveries
from store.database import Database, Tx
from tests.store.builders import a_ref

pytestmark = pytest.mark.stack

NOTICES = [ChangeNotice(ref=a_ref("inc1"), source="webhook", version="7")]
NOW = timedelta(0)


async def test_a_delivery_that_was_kept_but_not_signalled_is_not_seen_yet(tx: Tx) -> None:
    first = await deliveries.keep(tx, "servicenow", "d1", NOTICES)
    assert first is not None
    assert await deliveries.keep(tx, "servicenow", "d1", NOTICES) == first


async def test_a_signalled_delivery_is_dropped_when_it_comes_again(tx: Tx) -> None:
    first = await deliveries.keep(tx, "servicenow", "d1", NOTICES)
    assert first is not None
    await deliveries.mark_signalled(tx, [first])
    assert await deliveries.keep(tx, "servicenow", "d1", NOTICES) is None


async def test_ids_of_two_connections_are_two_deliveries(tx: Tx) -> None:
    assert await deliveries.keep(tx, "jira", "d1", []) != await deliveries.keep(tx, "servicenow", "d1", [])


async def test_deliveries_without_an_id_are_all_kept(tx: Tx) -> None:
    assert await deliveries.keep(tx, "jira", None, []) != await deliveries.keep(tx, "jira", None, [])


async def test_the_same_delivery_twice_at_once_is_kept_once(database: Database) -> None:
    async def keep() -> int | None:
        async with database.begin() as tx:
            return await deliveries.keep(tx, "jira", "d1", NOTICES)

    assert len(set(await asyncio.gather(*(keep() for _ in range(5))))) == 1


async def test_the_relay_finds_what_was_not_signalled_oldest_first(database: Database) -> None:
    kept = []
    for name in ("d1", "d2", "d3"):
        async with database.begin() as tx:
            kept.append(await deliveries.keep(tx, "jira", name, NOTICES))
    async with database.begin() as tx:
        await deliveries.mark_signalled(tx, [kept[1] or 0])
        found = await deliveries.unsignalled(tx, older_than=NOW)
        assert [row.id for row in found] == [kept[0], kept[2]]
        assert found[0].notices == NOTICES
        assert [row.id for row in await deliveries.unsignalled(tx, 1, NOW)] == [kept[0]]
        assert await deliveries.unsignalled(tx, older_than=timedelta(hours=1)) == []


async def test_what_no_request_has_in_hand_is_to_be_signalled_at_once(tx: Tx) -> None:
    streamed = [ChangeNotice(ref=a_ref("inc1"), source="stream", version="7")]
    await deliveries.keep(tx, "servicenow", "d1", NOTICES)
    kept = await deliveries.keep(tx, "servicenow", None, streamed)
    waiting = await deliveries.unsignalled(tx, older_than=timedelta(hours=1))
    assert [delivery.id for delivery in waiting] == [kept]
