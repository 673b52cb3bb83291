import pytest

from store import parked, work
from store.database import Tx
from store.pairs import PairRow

pytestmark = pytest.mark.stack


async def test_a_unit_stays_parked_until_it_is_released(tx: Tx, pair: PairRow) -> None:
    await parked.park(tx, pair.id, "priority", "flap", "changed 6 times in 10m")
    await parked.park(tx, pair.id, "state", "refused", "Jira: no such transition")
    assert (await work.load(tx, pair.id)).parked == {
        "priority": "changed 6 times in 10m",
        "state": "Jira: no such transition",
    }
    assert await parked.release(tx, pair.id, ["priority", "other"]) == ["priority"]
    assert await parked.release(tx, pair.id) == ["state"]
    assert (await work.load(tx, pair.id)).parked == {}


async def test_a_unit_parked_again_shows_the_newest_reason(tx: Tx, pair: PairRow) -> None:
    for reason in ("first", "second"):
        await parked.park(tx, pair.id, "state", "refused", reason)
    assert (await work.load(tx, pair.id)).parked == {"state": "second"}
