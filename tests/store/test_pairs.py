import asyncio

import pytest
from sqlalchemy.exc import IntegrityError

from domain.sides import Pair, Side
from store import integrations, pairs, snapshots
from store.database import Database, Tx
from store.errors import AlreadyLinked
from store.pairs import PairRow
from tests.store.builders import INTEGRATION, a_pair, a_snapshot, both, ends

pytestmark = pytest.mark.stack


async def test_a_new_pair_is_active_and_waits_for_nothing(tx: Tx, pair: PairRow) -> None:
    assert pair.ends == ends()
    assert (pair.link, pair.waits_for, pair.paused, pair.quarantine) == ("active", "", False, None)
    assert await pairs.get(tx, pair.id) == pair
    assert pair.workflow_id == f"pair/incidents/{pair.id}"


async def test_linking_the_same_two_records_again_gives_the_same_pair(tx: Tx, pair: PairRow) -> None:
    assert (await a_pair(tx)).id == pair.id


@pytest.mark.parametrize(("a", "b"), [("inc1", "iss2"), ("inc2", "iss1")])
async def test_a_record_has_one_partner_within_an_integration(tx: Tx, pair: PairRow, a: str, b: str) -> None:
    with pytest.raises(AlreadyLinked, match=pair.id) as refusal:
        await a_pair(tx, a, b)
    assert refusal.value.pair_id == pair.id
    assert len(await pairs.listing(tx)) == 1


async def test_the_rule_holds_whichever_side_the_record_is_on(tx: Tx, pair: PairRow) -> None:
    with pytest.raises(AlreadyLinked):
        await pairs.create(tx, INTEGRATION, 1, ends("inc1", "iss9").swapped())


async def test_a_record_may_be_linked_by_several_integrations(tx: Tx, pair: PairRow) -> None:
    other = await a_pair(tx, integration="pages")
    assert {found.id for found in await pairs.of_record(tx, "servicenow", "inc1")} == {pair.id, other.id}


async def test_both_sides_may_live_on_one_connection(tx: Tx) -> None:
    two_issues = Pair(ends("x", "iss7").b, ends("x", "iss8").b)
    assert (await pairs.create(tx, INTEGRATION, 1, two_issues)).ends == two_issues


async def test_two_who_link_at_once_make_one_pair(database: Database) -> None:
    async with database.begin() as tx:
        await integrations.apply(tx, INTEGRATION, "name: incidents", "ines")

    async def link() -> str:
        async with database.begin() as tx:
            return (await pairs.create(tx, INTEGRATION, 1, ends())).id

    assert len(set(await asyncio.gather(*(link() for _ in range(5))))) == 1


async def test_a_pair_needs_an_applied_declaration(tx: Tx) -> None:
    with pytest.raises(IntegrityError):
        await pairs.create(tx, INTEGRATION, 99, ends("inc2", "iss2"))


async def test_an_unlinked_record_is_free_for_another_partner(tx: Tx, pair: PairRow) -> None:
    await pairs.unlink(tx, pair.id, "detached", "wrong issue")
    assert await pairs.of_record(tx, "servicenow", "inc1") == []
    await a_pair(tx, "inc1", "iss2")
    ended = await pairs.get(tx, pair.id)
    assert (ended.link, ended.link_reason) == ("detached", "wrong issue")


async def test_a_link_that_has_ended_keeps_its_first_reason(tx: Tx, pair: PairRow) -> None:
    await pairs.unlink(tx, pair.id, "detached", "first")
    await pairs.unlink(tx, pair.id, "closed", "second")
    assert (await pairs.get(tx, pair.id)).link_reason == "first"


async def test_unlinking_one_pair_leaves_the_others(tx: Tx, pair: PairRow) -> None:
    other = await a_pair(tx, "inc2", "iss2")
    await pairs.unlink(tx, pair.id, "detached", "wrong issue")
    assert [found.id for found in await pairs.of_record(tx, "jira", "iss2")] == [other.id]


async def test_a_pair_is_found_by_either_key_in_any_case_or_the_beginning_of_its_id(
    tx: Tx, pair: PairRow
) -> None:
    await a_pair(tx, "inc2", "iss2")
    for words in ("INC1", "iss1", pair.id, pair.id[:8]):
        assert [found.id for found in await pairs.search(tx, words)] == [pair.id]
    assert await pairs.search(tx, "%") == []


async def test_active_pairs_are_found_before_ended_ones(tx: Tx, pair: PairRow) -> None:
    await pairs.unlink(tx, pair.id, "detached", "wrong issue")
    active = await a_pair(tx, "inc1", "iss2")
    assert [found.id for found in await pairs.search(tx, "INC1")] == [active.id, pair.id]


async def test_a_list_goes_on_after_the_last_id_and_can_be_narrowed(tx: Tx, pair: PairRow) -> None:
    other = await a_pair(tx, "inc2", "iss2", integration="problems")
    await pairs.set_state(tx, other.id, ["pending_review", "partial"], "priority waits for a decision")
    first, second = sorted([pair.id, other.id])
    assert [found.id for found in await pairs.listing(tx, limit=1)] == [first]
    assert [found.id for found in await pairs.listing(tx, after=first)] == [second]
    assert [found.id for found in await pairs.listing(tx, state="partial")] == [other.id]
    assert [found.id for found in await pairs.listing(tx, integration=INTEGRATION)] == [pair.id]


async def test_only_a_pass_moves_the_time_of_the_last_pass(tx: Tx, pair: PairRow) -> None:
    await pairs.set_state(tx, pair.id, ["unreachable"], "waits for Jira", passed=False)
    assert (await pairs.get(tx, pair.id)).last_pass_at is None
    await pairs.set_state(tx, pair.id, ["in_sync"], "")
    found = await pairs.get(tx, pair.id)
    assert (found.state, found.waits_for) == (["in_sync"], "")
    assert found.last_pass_at is not None


async def test_a_pair_can_be_paused_and_quarantined_and_moved_to_a_version(tx: Tx, pair: PairRow) -> None:
    await integrations.apply(tx, INTEGRATION, "name: incidents # 2", "ines")
    await pairs.set_paused(tx, pair.id, paused=True)
    await pairs.quarantine(tx, pair.id, "always rejected")
    await pairs.set_version(tx, pair.id, 2)
    found = await pairs.get(tx, pair.id)
    assert (found.paused, found.quarantine, found.version) == (True, "always rejected", 2)
    await pairs.quarantine(tx, pair.id, None)
    assert (await pairs.get(tx, pair.id)).quarantine is None


async def test_a_record_that_is_renamed_is_found_by_its_new_key(tx: Tx, pair: PairRow) -> None:
    moved = a_snapshot(summary="x").model_copy(update={"key": "OPS-7", "url": "https://jira.example/OPS-7"})
    await snapshots.save(tx, pair.id, both(summary="x").replace(Side.A, moved))
    found = (await pairs.search(tx, "ops-7"))[0]
    assert (found.id, found.ends.a.url) == (pair.id, "https://jira.example/OPS-7")


async def test_an_unknown_pair_is_a_key_error(tx: Tx) -> None:
    with pytest.raises(KeyError):
        await pairs.get(tx, "nobody")
