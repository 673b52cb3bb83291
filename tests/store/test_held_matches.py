import asyncio

import pytest

from domain.sides import Pair
from store import held_matches, pairs
from store.database import Database, Tx
from store.held_matches import HeldMatch
from store.pairs import EndRow, PairRow
from tests.store.builders import INTEGRATION, a_ref, ends

pytestmark = pytest.mark.stack


def a_hold(held_id: str, a: str, *others: str) -> HeldMatch:
    there = tuple(EndRow(a_ref(other, "jira"), other.upper()) for other in others)
    records = Pair((EndRow(a_ref(a), a.upper()),), there)
    return HeldMatch(held_id, INTEGRATION, "duplicate_candidate", "title", "why", records)


async def test_it_is_kept_once_and_found_by_each_of_its_records(tx: Tx) -> None:
    assert await held_matches.hold(tx, a_hold("h1", "inc7", "iss7", "iss8"))
    assert not await held_matches.hold(tx, a_hold("h1", "inc7", "iss7", "iss8"))
    for ref in (a_ref("inc7"), a_ref("iss8", "jira")):
        (found,) = await held_matches.of_records(tx, INTEGRATION, [ref])
        assert found.records == a_hold("h1", "inc7", "iss7", "iss8").records
    assert await held_matches.of_records(tx, "problems", [a_ref("inc7")]) == []


async def test_a_newer_one_takes_the_place_of_those_that_share_a_record(tx: Tx) -> None:
    for one in (a_hold("h1", "inc7", "iss7"), a_hold("h2", "inc8", "iss8")):
        await held_matches.hold(tx, one)
    await held_matches.hold(tx, a_hold("h3", "inc7", "iss7", "iss9"))
    assert {one.id for one in await held_matches.listing(tx)} == {"h2", "h3"}


async def test_two_who_hold_the_same_records_at_once_keep_one(database: Database, pair: PairRow) -> None:
    async def hold(number: int) -> None:
        async with database.begin() as tx:
            await held_matches.hold(tx, a_hold(f"h{number}", "inc7", "iss7"))

    await asyncio.gather(*(hold(number) for number in range(5)))
    async with database.begin() as tx:
        assert len(await held_matches.listing(tx, pair.integration)) == 1


async def test_what_is_settled_is_released_with_all_its_records(tx: Tx) -> None:
    await held_matches.hold(tx, a_hold("h1", "inc7", "iss7", "iss8"))
    (ended,) = await held_matches.release(tx, INTEGRATION, [a_ref("iss7", "jira")])
    assert a_ref("iss8", "jira") in ended.refs
    assert await held_matches.listing(tx) == []


async def test_the_last_word_about_a_record_counts_until_it_is_forgotten(tx: Tx) -> None:
    await held_matches.decide(tx, INTEGRATION, a_ref("inc7"), "ignore", "ines")
    await held_matches.decide(tx, INTEGRATION, a_ref("inc7"), "create", "tom")
    assert await held_matches.decision_of(tx, INTEGRATION, a_ref("inc7")) == ("create", "tom")
    await held_matches.forget(tx, INTEGRATION, a_ref("inc7"))
    assert await held_matches.decision_of(tx, INTEGRATION, a_ref("inc7")) is None


async def test_former_partners_are_those_of_ended_links(tx: Tx, pair: PairRow) -> None:
    here, there = ends()
    assert await held_matches.former_partners(tx, INTEGRATION, here.ref) == set()
    await pairs.unlink(tx, pair.id, "detached", "unlinked by ines")
    assert await held_matches.former_partners(tx, INTEGRATION, here.ref) == {there.ref}
    assert await held_matches.former_partners(tx, INTEGRATION, there.ref) == {here.ref}
