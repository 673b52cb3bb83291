import asyncio

import pytest

from store import reviews
from store.database import Database, Tx
from store.pairs import PairRow
from store.reviews import ReviewRow
from tests.store.builders import INTEGRATION, a_pair, a_request, at

pytestmark = pytest.mark.stack


def tokens(rows: list[ReviewRow]) -> list[str]:
    return [row.token for row in rows]


async def test_a_new_conflict_opens_a_review(tx: Tx, pair: PairRow) -> None:
    changes = await reviews.sync(tx, pair.id, [a_request("c1")], at(0))
    assert (tokens(changes.opened), tokens(changes.open)) == (["c1"], ["c1"])
    found = await reviews.get(tx, "c1")
    assert found is not None
    assert (found.state, found.opened_at, found.request) == ("open", at(0), a_request("c1"))


async def test_the_same_conflict_leaves_its_review_as_it_is(tx: Tx, pair: PairRow) -> None:
    await reviews.sync(tx, pair.id, [a_request("c1")], at(0))
    changes = await reviews.sync(tx, pair.id, [a_request("c1")], at(9))
    assert changes.opened == changes.reopened == changes.moved == changes.closed == []
    assert changes.open[0].opened_at == at(0)


async def test_a_conflict_that_moves_on_keeps_the_first_opening_and_its_reminders(
    tx: Tx, pair: PairRow
) -> None:
    await reviews.sync(tx, pair.id, [a_request("c1")], at(0))
    await reviews.mark(tx, "c1", "reminded", at(30))
    changes = await reviews.sync(tx, pair.id, [a_request("c2")], at(40))
    assert (tokens(changes.moved), changes.opened, changes.closed) == (["c2"], [], [])
    moved = await reviews.get(tx, "c2")
    assert moved is not None
    assert (moved.state, moved.opened_at, moved.reminded_at) == ("open", at(0), at(30))


async def test_the_review_left_behind_names_its_successor(tx: Tx, pair: PairRow) -> None:
    await reviews.sync(tx, pair.id, [a_request("c1")], at(0))
    await reviews.sync(tx, pair.id, [a_request("c2")], at(1))
    left = await reviews.get(tx, "c1")
    assert left is not None
    assert (left.state, left.moved_to) == ("closed", "c2")


async def test_a_conflict_that_returns_to_an_earlier_id_goes_on_with_that_review(
    tx: Tx, pair: PairRow
) -> None:
    for minute, token in enumerate(["c1", "c2", "c1"]):
        changes = await reviews.sync(tx, pair.id, [a_request(token)], at(minute))
    assert tokens(changes.moved) == ["c1"]
    found = await reviews.get(tx, "c1")
    assert found is not None
    assert (found.state, found.opened_at, found.moved_to, found.closed_at) == ("open", at(0), None, None)


async def test_a_conflict_that_vanishes_closes_its_review(tx: Tx, pair: PairRow) -> None:
    await reviews.sync(tx, pair.id, [a_request("c1"), a_request("c2", "state")], at(0))
    changes = await reviews.sync(tx, pair.id, [a_request("c2", "state")], at(5))
    assert (tokens(changes.closed), tokens(changes.open)) == (["c1"], ["c2"])
    closed = await reviews.get(tx, "c1")
    assert closed is not None
    assert (closed.state, closed.closed_at) == ("closed", at(5))


async def test_a_conflict_that_comes_back_reopens_its_review_from_now(tx: Tx, pair: PairRow) -> None:
    await reviews.sync(tx, pair.id, [a_request("c1")], at(0))
    await reviews.mark(tx, "c1", "escalated", at(3))
    await reviews.sync(tx, pair.id, [], at(5))
    changes = await reviews.sync(tx, pair.id, [a_request("c1")], at(60))
    assert (tokens(changes.reopened), changes.opened) == (["c1"], [])
    found = await reviews.get(tx, "c1")
    assert found is not None
    assert (found.state, found.opened_at, found.escalated_at) == ("open", at(60), None)


async def test_a_settled_review_is_closed_as_decided(tx: Tx, pair: PairRow) -> None:
    await reviews.sync(tx, pair.id, [a_request("c1")], at(0))
    assert await reviews.settle(tx, "c1", "rita")
    assert not await reviews.settle(tx, "c1", "rob")
    changes = await reviews.sync(tx, pair.id, [], at(1))
    assert changes.closed == []
    found = await reviews.get(tx, "c1")
    assert found is not None
    assert (found.state, found.decided_by) == ("decided", "rita")


async def test_a_unit_has_one_open_review(database: Database, pair: PairRow) -> None:
    async def ask(token: str) -> None:
        async with database.begin() as tx:
            await reviews.sync(tx, pair.id, [a_request(token)], at(0))

    await asyncio.gather(*(ask(f"c{n}") for n in range(5)))
    async with database.begin() as tx:
        assert len(await reviews.open_reviews(tx)) == 1


async def test_reviews_of_a_pair_that_ends_are_withdrawn(tx: Tx, pair: PairRow) -> None:
    await reviews.sync(tx, pair.id, [a_request("c1"), a_request("c2", "state")], at(0))
    assert sorted(await reviews.withdraw(tx, pair.id, "the incident is deleted")) == ["c1", "c2"]
    found = await reviews.get(tx, "c1")
    assert found is not None
    assert (found.state, found.closed_because) == ("withdrawn", "the incident is deleted")


async def test_open_reviews_are_listed_the_longest_waiting_first(tx: Tx, pair: PairRow) -> None:
    other = await a_pair(tx, "inc2", "iss2", integration="problems")
    await reviews.sync(tx, pair.id, [a_request("late")], at(9))
    await reviews.sync(tx, other.id, [a_request("early")], at(1))
    assert tokens(await reviews.open_reviews(tx)) == ["early", "late"]
    assert tokens(await reviews.open_reviews(tx, integration=INTEGRATION)) == ["late"]
    assert tokens(await reviews.open_reviews(tx, pair_id=other.id)) == ["early"]


async def test_an_unknown_token_has_no_review(tx: Tx) -> None:
    assert await reviews.get(tx, "never") is None
