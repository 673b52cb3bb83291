import pytest

from domain.sides import Pair, Side
from store import baselines, brakes, connections, integrations, parked, reviews, snapshots, work
from store.database import Tx
from store.pairs import PairRow
from tests.store.builders import INTEGRATION, a_pair, a_request, an_open_plan, at, both

pytestmark = pytest.mark.stack


async def test_a_new_pair_has_no_work_yet(tx: Tx, pair: PairRow) -> None:
    found = await work.load(tx, pair.id)
    assert found.pair == pair
    assert (found.baselines, found.plan, found.reviews, found.parked, found.brake) == ({}, None, [], {}, None)
    assert found.last == found.connections == Pair(None, None)
    assert found.overwritten == Pair({}, {})
    assert found.newest_version == 1


async def test_one_load_brings_all_that_a_pass_looks_at(tx: Tx, pair: PairRow) -> None:
    plan = await an_open_plan(tx, pair.id)
    ids = await snapshots.save(tx, pair.id, both("2", priority="3"))
    await baselines.move(tx, pair.id, {"priority": ("p", "q", "2", None)})
    await reviews.sync(tx, pair.id, [a_request()], at(0))
    await parked.park(tx, pair.id, "state", "flap", "flaps")
    await connections.set_health(tx, "jira", "refused", "401")
    await brakes.pull(tx, INTEGRATION, "maintenance", "ines")
    await integrations.apply(tx, INTEGRATION, "name: incidents # 2", "ines")

    found = await work.load(tx, pair.id)
    assert found.plan == plan
    assert found.last.map(lambda row: row and row.id) == ids
    assert found.last.map(lambda row: row and row.snapshot) == both("2", priority="3")
    assert found.baselines["priority"].baseline.half(Side.B) is None
    assert [review.token for review in found.reviews] == ["c1"]
    assert found.parked == {"state": "flaps"}
    assert found.connections.map(lambda row: row and row.health) == Pair(None, "refused")
    assert (found.brake, found.newest_version, found.pair.version) == ("maintenance", 2, 1)


async def test_other_pairs_stay_out_of_it(tx: Tx, pair: PairRow) -> None:
    other = await a_pair(tx, "inc2", "iss2", integration="problems")
    await an_open_plan(tx, other.id)
    await baselines.move(tx, other.id, {"priority": ("p", "p", 1, 1)})
    await reviews.sync(tx, other.id, [a_request()], at(0))
    found = await work.load(tx, pair.id)
    assert (found.baselines, found.plan, found.reviews) == ({}, None, [])


async def test_a_closed_review_is_no_work(tx: Tx, pair: PairRow) -> None:
    await reviews.sync(tx, pair.id, [a_request()], at(0))
    await reviews.sync(tx, pair.id, [], at(1))
    assert (await work.load(tx, pair.id)).reviews == []


async def test_an_unknown_pair_is_a_key_error(tx: Tx) -> None:
    with pytest.raises(KeyError):
        await work.load(tx, "nobody")
