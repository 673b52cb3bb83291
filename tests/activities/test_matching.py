"""Unlinked records: found, created exactly once, or held for a person."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from activities.creating import first_values
from domain.errors import LookAgain, RateLimited, SystemUnavailable
from domain.sides import Pair, Side
from store import creations, pairs
from store.creations import Creation
from store.pairs import PairRow
from tests.activities.conftest import Build
from tests.activities.world import NAME, OWNER, PRIORITY, TITLE, World, declaration, once, raising

pytestmark = pytest.mark.stack

CREATE = {"when": "a.priority in ['1', '2']", "direction": "a_to_b", "with": {"b": {"project": "OPS"}}}


async def unlinked(build: Build, *, others: int = 1, **words: Any) -> World:
    """A's ticket is unlinked; B has so many tickets with its title."""
    settings = words.pop("settings", None)
    world = await build(declaration(TITLE, PRIORITY, OWNER, **words), linked=False, settings=settings)
    world.systems.b.records.clear()
    for _ in range(others):
        world.systems.b.create("ticket", {"summary": "Printer", "urgency": "Medium", "assignee": "ines"})
    return world


async def links(world: World) -> list[PairRow]:
    async with world.database.begin() as tx:
        return await pairs.of_record(tx, "left", "1")


async def creation(world: World) -> Creation:
    async with world.database.begin() as tx:
        return await creations.reserve(tx, NAME, world.ref(Side.A))


# ------------------------------------------------------------------------------------------------- finding
async def test_a_record_is_linked_to_the_only_one_that_a_declared_key_finds(build: Build) -> None:
    world = await unlinked(build, match=["title"])
    matched = await world.match(Side.A)
    assert (matched.outcome, matched.story) == ("linked", "matched by title")
    assert matched.pair is not None
    assert matched.pair.both == "Left TICKET-1 ↔ Right TICKET-1"
    assert matched.workflow == "PairWorkflow"


async def test_a_record_is_linked_to_the_one_that_carries_its_marker(build: Build) -> None:
    world = await unlinked(build, match=["correlation_id"])
    world.systems.a.set_marker("1", "known to both")
    world.systems.b.set_marker("1", "known to both")
    assert (await world.match(Side.A)).story == "matched by correlation_id"


async def test_of_several_candidates_none_is_guessed(build: Build) -> None:
    world = await unlinked(build, others=2, match=["title"], create=CREATE)
    matched = await world.match(Side.A)
    assert matched.outcome == "held"
    assert await links(world) == []
    assert [alert.kind for alert in await world.alerts()] == ["duplicate_candidate"]
    assert len(world.systems.b.records) == 2


async def test_a_candidate_that_has_a_partner_is_not_taken_away(build: Build) -> None:
    world = await unlinked(build, match=["title"])
    world.systems.a.create("ticket", {"title": "Printer", "priority": "2", "owner": "ines"})
    await world.match(Side.A, "1")
    assert (await world.match(Side.A, "2")).outcome == "nothing"


async def test_what_is_linked_already_stays_so(build: Build) -> None:
    world = await unlinked(build, match=["title"])
    first = await world.match(Side.A)
    second = await world.match(Side.A)
    assert second.pair == first.pair
    assert second.story == "TICKET-1 is linked already"


async def test_both_sides_looking_at_once_make_one_pair(build: Build) -> None:
    world = await unlinked(build, match=["title"])
    found = await asyncio.gather(world.match(Side.A), world.match(Side.B))
    assert [matched.outcome for matched in found] == ["linked", "linked"]
    assert len({matched.pair.pair_id for matched in found if matched.pair}) == 1


async def test_a_counterpart_that_finds_the_record_during_its_search_is_no_reason_to_create(
    build: Build,
) -> None:
    world = await unlinked(build, match=["title"], create=CREATE)

    async def meanwhile(moment: str, operation: str, record_id: str | None) -> None:
        if (moment, operation) == ("before", "search"):
            await world.link()

    world.connectors.b.interfere = meanwhile
    matched = await world.match(Side.A)
    assert (matched.outcome, matched.pair) == ("linked", world.pair)
    assert len(world.systems.b.records) == 1


async def test_a_record_too_many_is_told(build: Build) -> None:
    world = await unlinked(build, others=0, create=CREATE)

    async def meanwhile(moment: str, operation: str, record_id: str | None) -> None:
        if (moment, operation) == ("after", "create"):
            world.systems.b.create("ticket", {"summary": "Printer"})
            await world.link("1", "2")

    world.connectors.b.interfere = meanwhile
    assert (await world.match(Side.A)).outcome == "held"
    (alert,) = await world.alerts()
    assert "created as TICKET-1" in alert.message


async def test_a_record_that_vanished_before_the_look_is_nothing(build: Build) -> None:
    world = await unlinked(build, match=["title"])
    world.systems.a.delete("1")
    assert (await world.match(Side.A)).outcome == "nothing"


async def test_the_declaration_names_the_workflow_that_keeps_its_pairs(build: Build) -> None:
    world = await unlinked(build, match=["title"], workflow="MajorIncidentPair")
    assert (await world.match(Side.A)).workflow == "MajorIncidentPair"


# ------------------------------------------------------------------------------------------------- creating
async def test_nothing_is_created_unless_the_declaration_says_when(build: Build) -> None:
    world = await unlinked(build, others=0, match=["title"])
    assert (await world.match(Side.A)).outcome == "nothing"
    assert world.systems.b.records == {}


async def test_a_record_that_does_not_meet_the_condition_gets_no_counterpart(build: Build) -> None:
    world = await unlinked(build, others=0, create=CREATE)
    world.edit(Side.A, priority="3")
    assert "does not hold" in (await world.match(Side.A)).story


async def test_a_counterpart_gets_the_mapped_values_the_declared_ones_and_our_marker(build: Build) -> None:
    world = await unlinked(build, others=0, match=["title"], create=CREATE)
    assert (await world.match(Side.A)).outcome == "created"
    made = world.record(Side.B)
    assert made.fields == {"summary": "Printer", "urgency": "Medium", "assignee": "ines", "project": "OPS"}
    assert made.marker == (await creation(world)).key


async def test_the_new_pair_is_in_step_at_its_first_look(build: Build) -> None:
    world = await unlinked(build, others=0, create=CREATE)
    matched = await world.match(Side.A)
    assert matched.pair is not None
    world.pair = matched.pair
    done = await world.one_pass()
    assert (done.found.outcome, world.versions()) == ("in_step", (1, 1))


async def test_our_own_new_record_links_back_and_creates_nothing(build: Build) -> None:
    world = await unlinked(build, others=0, create=CREATE)
    key = (await creation(world)).key
    world.systems.b.create("ticket", {"summary": "Printer"}, marker=key)
    matched = await world.match(Side.B)
    assert (matched.outcome, matched.story) == ("linked", "we created it")
    assert len(world.systems.a.records) == 1


async def test_a_create_whose_answer_got_lost_is_adopted_by_its_marker(build: Build) -> None:
    world = await unlinked(build, others=0, create=CREATE)
    world.connectors.b.interfere = once("after", "create", raising(SystemUnavailable("no answer")))
    with pytest.raises(SystemUnavailable):
        await world.match(Side.A)
    assert (await world.match(Side.A)).outcome == "created"
    assert len(world.systems.b.records) == 1
    assert (await creation(world)).state == "adopted"


async def test_a_create_that_never_arrived_is_sent_again(build: Build) -> None:
    world = await unlinked(build, others=0, create=CREATE)
    world.connectors.b.interfere = once("before", "create", raising(SystemUnavailable("no answer")))
    with pytest.raises(SystemUnavailable):
        await world.match(Side.A)
    world.clock.advance(seconds=5)
    assert (await world.match(Side.A)).outcome == "created"
    assert len(world.systems.b.records) == 1


async def test_the_index_lag_is_waited_out_before_a_create_goes_out_again(build: Build) -> None:
    lagging = Pair({}, {"index_lag": "30s"})
    world = await unlinked(build, others=0, create=CREATE, settings=lagging)
    world.connectors.b.interfere = once("after", "create", raising(SystemUnavailable("no answer")))
    with pytest.raises(SystemUnavailable):
        await world.match(Side.A)
    with pytest.raises(RateLimited) as waits:
        await world.match(Side.A)
    assert waits.value.retry_after > timedelta(seconds=20)
    world.clock.advance(seconds=40)
    assert (await world.match(Side.A)).outcome == "created"
    assert len(world.systems.b.records) == 1


async def test_a_create_that_may_still_be_on_its_way_is_waited_for(build: Build) -> None:
    world = await unlinked(build, others=0, create=CREATE)
    sent, arrive = asyncio.Event(), asyncio.Event()

    async def slow(moment: str, operation: str, record_id: str | None) -> None:
        if (moment, operation) == ("before", "create"):
            sent.set()
            await arrive.wait()

    world.connectors.b.interfere = slow
    first = asyncio.create_task(world.match(Side.A))
    await sent.wait()
    world.clock.advance(seconds=5)
    with pytest.raises(RateLimited):
        await world.match(Side.A)
    arrive.set()
    assert (await first).outcome == "created"
    assert len(world.systems.b.records) == 1


async def test_an_attempt_that_died_after_the_create_is_taken_up(build: Build) -> None:
    world = await unlinked(build, others=0, create=CREATE)
    world.connectors.b.interfere = once("after", "create", raising(LookAgain("killed")))
    with pytest.raises(LookAgain):
        await world.match(Side.A)
    await world.match(Side.A)
    assert (await world.match(Side.A)).story == "TICKET-1 is linked already"
    assert len(world.systems.b.records) == 1


async def test_values_without_counterpart_or_way_are_left_out_of_a_new_record(build: Build) -> None:
    one_way = {"name": "note", "a": "note", "b": "note", "flow": "b_to_a"}
    world = await build(declaration(TITLE, PRIORITY, one_way), linked=False)
    world.edit(Side.A, priority="0", note="mine")
    async with world.database.begin() as tx:
        rules = await world.context.rules.at(tx, NAME, 1)
    record = await world.connectors.a.read(world.ref(Side.A))
    assert first_values(rules.integration.fields, Side.A, record) == {"summary": "Printer"}
