import asyncio

import pytest
from sqlalchemy.exc import IntegrityError

from domain.sides import Pair
from store import creations
from store.database import Database, Tx
from tests.store.builders import INTEGRATION, a_ref

pytestmark = pytest.mark.stack


async def test_a_record_gets_one_key_however_often_it_is_reserved(tx: Tx) -> None:
    first = await creations.reserve(tx, INTEGRATION, a_ref("inc1"))
    assert (first.state, first.source, first.created) == ("reserved", a_ref("inc1"), None)
    assert await creations.reserve(tx, INTEGRATION, a_ref("inc1")) == first


async def test_two_who_reserve_at_once_get_the_same_key(database: Database) -> None:
    async def reserve() -> str:
        async with database.begin() as tx:
            return (await creations.reserve(tx, INTEGRATION, a_ref("inc1"))).key

    assert len(set(await asyncio.gather(*(reserve() for _ in range(5))))) == 1


async def test_each_record_and_each_integration_has_its_own_key(tx: Tx) -> None:
    wanted = [(INTEGRATION, "inc1"), (INTEGRATION, "inc2"), ("problems", "inc1")]
    keys = {(await creations.reserve(tx, name, a_ref(record))).key for name, record in wanted}
    assert len(keys) == 3


async def test_a_creation_is_followed_from_the_request_to_the_record(tx: Tx) -> None:
    reserved = await creations.reserve(tx, INTEGRATION, a_ref("inc1"))
    key = reserved.key
    assert await creations.claim(tx, reserved, {})
    sent = await creations.by_key(tx, key)
    assert sent is not None
    assert sent.state == "sent"
    assert sent.attempted_at is not None
    await creations.lose(tx, key)
    await creations.settle(tx, key, "adopted", a_ref("iss1", "jira"))
    found = await creations.by_key(tx, key)
    assert found is not None
    assert (found.state, found.created) == ("adopted", a_ref("iss1", "jira"))


async def test_of_two_who_saw_the_same_one_may_send(database: Database) -> None:
    async with database.begin() as tx:
        seen = await creations.reserve(tx, INTEGRATION, a_ref("inc1"))

    async def claim() -> bool:
        async with database.begin() as tx:
            return await creations.claim(tx, seen, {})

    assert sorted(await asyncio.gather(*(claim() for _ in range(5)))) == [False] * 4 + [True]


async def test_a_refused_creation_may_be_sent_again_at_once(tx: Tx) -> None:
    reserved = await creations.reserve(tx, INTEGRATION, a_ref("inc1"))
    await creations.claim(tx, reserved, {})
    await creations.refuse(tx, reserved.key)
    assert await creations.reserve(tx, INTEGRATION, a_ref("inc1")) == reserved


async def test_what_both_held_when_one_was_made_is_found_by_the_two_of_them(tx: Tx) -> None:
    source, made = a_ref("inc1"), a_ref("iss1", "jira")
    reserved = await creations.reserve(tx, INTEGRATION, source)
    await creations.claim(tx, reserved, {"title": ("title", "summary", "t", "t")})
    await creations.settle(tx, reserved.key, "adopted", made)
    for ends in (Pair(source, made), Pair(made, source)):
        found = await creations.of_link(tx, INTEGRATION, ends)
        assert found is not None
        assert found.halves == {"title": ("title", "summary", "t", "t")}
    assert await creations.of_link(tx, INTEGRATION, Pair(source, a_ref("iss2", "jira"))) is None


async def test_a_record_that_was_made_cannot_be_forgotten(tx: Tx) -> None:
    key = (await creations.reserve(tx, INTEGRATION, a_ref("inc1"))).key
    await creations.settle(tx, key, "created", a_ref("iss1", "jira"))
    with pytest.raises(IntegrityError):
        await creations.lose(tx, key)


async def test_a_marker_that_is_not_ours_has_no_creation(tx: Tx) -> None:
    assert await creations.by_key(tx, "somebody's") is None


async def test_a_lost_counterpart_gives_way_to_a_new_key_once(tx: Tx) -> None:
    source, made = a_ref("inc1"), a_ref("iss1", "jira")
    first = await creations.reserve(tx, "incidents", source)
    await creations.settle(tx, first.key, "created", made)
    await creations.forget(tx, "incidents", source, made)
    second = await creations.reserve(tx, "incidents", source)
    assert (second.key != first.key, second.state) == (True, "reserved")
    await creations.forget(tx, "incidents", source, made)
    assert await creations.reserve(tx, "incidents", source) == second
