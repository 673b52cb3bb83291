import asyncio

import pytest

from store import alerts
from store.database import Database, Tx
from store.pairs import PairRow

pytestmark = pytest.mark.stack


async def raise_(tx: Tx, key: str) -> bool:
    return await alerts.raise_(tx, key, "unmapped", None, f"{key}: add the value to the map")


async def standing(tx: Tx) -> list[str]:
    return [alert.key for alert in await alerts.open_alerts(tx)]


async def test_an_alert_is_raised_once_while_it_stands(tx: Tx, pair: PairRow) -> None:
    assert await alerts.raise_(tx, "k", "unmapped", pair.id, "add it")
    assert not await alerts.raise_(tx, "k", "unmapped", pair.id, "add it")
    [alert] = await alerts.open_alerts(tx)
    assert (alert.key, alert.kind, alert.pair_id, alert.message) == ("k", "unmapped", pair.id, "add it")


async def test_a_cleared_alert_can_be_raised_again(tx: Tx) -> None:
    await raise_(tx, "k")
    assert await alerts.clear(tx, ["k", "other"]) == ["k"]
    assert await standing(tx) == []
    assert await raise_(tx, "k")


async def test_alerts_whose_cause_is_gone_are_cleared_but_for_those_that_hold(tx: Tx) -> None:
    for key in ("p1/state", "p1/priority", "p12/state", "p_/state"):
        await raise_(tx, key)
    assert await alerts.clear_under(tx, "p1/", keep=["p1/priority"]) == ["p1/state"]
    assert await alerts.clear_under(tx, "p_/") == ["p_/state"]
    assert sorted(await standing(tx)) == ["p1/priority", "p12/state"]


async def test_of_many_who_raise_at_once_one_tells(database: Database) -> None:
    async def tell() -> bool:
        async with database.begin() as tx:
            return await raise_(tx, "k")

    assert sum(await asyncio.gather(*(tell() for _ in range(5)))) == 1
