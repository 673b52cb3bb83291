"""Unlinked records: found, created exactly once, or held for a person."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from activities.creating import first_values
from connectors.memory.connector import leave_alone
from domain.errors import LookAgain, RateLimited, SystemUnavailable
from domain.sides import Pair, Side
from store import creations, deliveries, held_matches, pairs
from store.creations import Creation
from store.held_matches import HeldMatch
from store.pairs import PairRow
from tests.activities.conftest import Build
from tests.activities.world import NAME, NAMES, OWNER, PRIORITY, TITLE, World, declaration, once, raising

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


def count_creates(world: World) -> list[str]:
    """Grows by one for each create that is asked of B from now on."""
    asked: list[str] = []

    async def count(moment: str, operation: str, record_id: str | None) -> None:
        if (moment, operation) == ("before", "create"):
            asked.append(operation)

    world.connectors.b.interfere = count
    return asked


async def creation(world: World) -> Creation:
    async with world.database.begin() as tx:
        return await creations.reserve(tx, NAME, world.ref(Side.A))


async def held(world: World) -> list[HeldMatch]:
    async with world.database.begin() as tx:
        return await held_matches.listing(tx)


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


OPS_ONLY = {"connection": NAMES.a, "record_type": "ticket", "scope": "team=OPS"}


async def test_a_record_outside_the_scope_gets_no_counterpart_until_it_comes_in(build: Build) -> None:
    world = await unlinked(build, others=0, a=OPS_ONLY, match=["title"], create=CREATE | {"when": "true"})
    asked = count_creates(world)
    world.systems.a.edit("1", {"team": "WEB"})
    matched = await world.match(Side.A)
    assert (matched.outcome, matched.story) == ("nothing", "TICKET-1 lies outside the scope 'team=OPS'")
    assert (asked, await held(world), await world.alerts()) == ([], [], [])
    world.systems.a.edit("1", {"team": "OPS"})
    assert (await world.match(Side.A)).outcome == "created"


async def test_a_record_outside_the_scope_is_not_linked_though_its_twin_stands_there(build: Build) -> None:
    world = await unlinked(build, a=OPS_ONLY, match=["title"])
    assert (await world.match(Side.A)).outcome == "nothing"
    assert await links(world) == []


async def test_what_is_held_is_let_go_once_it_leaves_the_scope(build: Build) -> None:
    world = await unlinked(build, others=2, a=OPS_ONLY, match=["title"])
    world.systems.a.edit("1", {"team": "OPS"})
    assert (await world.match(Side.A)).outcome == "held"
    world.systems.a.edit("1", {"team": "WEB"})
    await world.match(Side.A)
    assert (await held(world), await world.alerts()) == ([], [])


async def test_what_a_person_ordered_is_created_also_outside_the_scope(build: Build) -> None:
    world = await unlinked(build, others=0, a=OPS_ONLY)
    async with world.database.begin() as tx:
        await held_matches.decide(tx, NAME, world.ref(Side.A), "create", "ines")
    assert (await world.match(Side.A)).outcome == "created"


async def test_of_several_candidates_none_is_guessed(build: Build) -> None:
    world = await unlinked(build, others=2, match=["title"], create=CREATE)
    matched = await world.match(Side.A)
    assert matched.outcome == "held"
    assert await links(world) == []
    assert [alert.kind for alert in await world.alerts()] == ["duplicate_candidate"]
    assert len(world.systems.b.records) == 2


async def test_the_first_of_two_twins_to_look_does_not_win(build: Build) -> None:
    world = await unlinked(build, others=2, match=["title"], create=CREATE | {"direction": "both"})
    found = [await world.match(Side.B, "1"), await world.match(Side.B, "2"), await world.match(Side.A)]
    assert {matched.outcome for matched in found} == {"held"}
    (one,) = await held(world)
    assert [[end.key for end in ends] for ends in one.records] == [["TICKET-1"], ["TICKET-1", "TICKET-2"]]
    assert len(await world.alerts()) == 1


async def test_what_is_no_longer_ambiguous_is_linked_and_its_alert_goes(build: Build) -> None:
    world = await unlinked(build, others=2, match=["title"])
    await world.match(Side.A)
    world.systems.b.edit("2", {"summary": "Scanner"})
    assert (await world.match(Side.B, "2")).outcome == "nothing"
    assert (await held(world), await world.alerts()) == ([], [])
    async with world.database.begin() as tx:
        waiting = await deliveries.unsignalled(tx)
    assert {notice.ref for one in waiting for notice in one.notices} == {
        world.ref(Side.A),
        world.ref(Side.B),
    }, "the others are looked at again"
    assert (await world.match(Side.A)).outcome == "linked"


async def test_what_a_person_left_alone_is_not_matched_and_no_candidate(build: Build) -> None:
    world = await unlinked(build, others=2, match=["title"])
    async with world.database.begin() as tx:
        await held_matches.decide(tx, NAME, world.ref(Side.B, "2"), "ignore", "ines")
    assert (await world.match(Side.B, "2")).story == "TICKET-2 is left alone: ines said so"
    assert (await world.match(Side.A)).outcome == "linked"


async def test_a_link_that_was_ended_is_not_made_again_by_machine(build: Build) -> None:
    world = await unlinked(build, match=["title"], create=CREATE)
    matched = await world.match(Side.A)
    assert matched.pair is not None
    async with world.database.begin() as tx:
        await pairs.unlink(tx, matched.pair.pair_id, "detached", "unlinked by ines")
    for side in (Side.A, Side.B):
        assert (await world.match(side)).outcome == "nothing"
    assert len(world.systems.b.records) == 1


async def test_a_candidate_that_has_a_partner_is_not_taken_away(build: Build) -> None:
    world = await unlinked(build, match=["title"])
    await world.match(Side.A, "1")
    world.systems.a.create("ticket", {"title": "Printer", "priority": "2", "owner": "ines"})
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


async def test_an_edit_between_create_and_link_is_an_edit_not_a_first_difference(build: Build) -> None:
    world = await unlinked(build, others=0, create=CREATE)

    async def meanwhile(moment: str, operation: str, record_id: str | None) -> None:
        if (moment, operation) == ("after", "create"):
            world.connectors.b.interfere = leave_alone
            world.systems.b.edit("1", {"summary": "Printer on fire"})
            raise SystemUnavailable("no answer")

    world.connectors.b.interfere = meanwhile
    with pytest.raises(SystemUnavailable):
        await world.match(Side.A)
    matched = await world.match(Side.B)
    assert matched.pair is not None
    world.pair = matched.pair
    await world.settle()
    assert (world.shows(Side.A, "title"), await world.log()) == ("Printer on fire", [])


async def test_our_own_new_record_links_back_and_creates_nothing(build: Build) -> None:
    world = await unlinked(build, others=0, create=CREATE)
    key = (await creation(world)).key
    world.systems.b.create("ticket", {"summary": "Printer"}, marker=key)
    matched = await world.match(Side.B)
    assert (matched.outcome, matched.story) == ("linked", "matched by our own marker")
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


async def test_two_at_once_create_one_record(build: Build) -> None:
    world = await unlinked(build, others=0, create=CREATE)

    async def match() -> str:
        try:
            return (await world.match(Side.A)).outcome
        except (LookAgain, RateLimited):
            return "again"

    ends = set(await asyncio.gather(*(match() for _ in range(5))))
    assert "created" in ends
    assert ends <= {"created", "linked", "again"}
    assert len(world.systems.b.records) == 1


async def test_a_refused_create_is_held_with_its_reason_and_tried_again_once_the_record_changes(
    build: Build,
) -> None:
    refusing = Pair({}, {"allowed": {"summary": ["Printer on fire"]}})
    world = await unlinked(build, others=0, create=CREATE, settings=refusing)
    matched = await world.match(Side.A)
    assert matched.outcome == "held"
    (alert,) = await world.alerts()
    assert "TICKET-1 gets no counterpart: right refused summary" in alert.message
    attempts = count_creates(world)
    for _ in range(3):
        assert (await world.match(Side.A)).outcome == "held"
    assert attempts == [], "nothing has changed: no request"
    world.edit(Side.A, title="Printer on fire")
    assert (await world.match(Side.A)).outcome == "created"
    assert (await world.alerts(), await held(world)) == ([], [])


async def test_a_refused_create_is_tried_again_if_an_operator_says_so(build: Build) -> None:
    refusing = Pair({}, {"refused": {"summary": "read only"}})
    world = await unlinked(build, others=0, create=CREATE, settings=refusing)
    await world.match(Side.A)
    attempts = count_creates(world)
    assert (await world.match(Side.A, retried=True)).outcome == "held"
    assert len(attempts) == 1
    assert len(await world.alerts()) == 1


async def test_a_counterpart_that_was_deleted_is_not_created_again(build: Build) -> None:
    world = await unlinked(build, others=0, create=CREATE)
    matched = await world.match(Side.A)
    world.systems.b.delete("1")
    assert matched.pair is not None
    async with world.database.begin() as tx:
        await pairs.unlink(tx, matched.pair.pair_id, "detached", "deleted")
    assert (await world.match(Side.A)).outcome == "nothing"
    assert len(world.systems.b.records) == 1


async def test_a_counterpart_that_vanished_before_it_was_linked_is_not_created_again(build: Build) -> None:
    world = await unlinked(build, others=0, create=CREATE)
    world.connectors.b.interfere = once("after", "create", raising(SystemUnavailable("no answer")))
    with pytest.raises(SystemUnavailable):
        await world.match(Side.A)
    async with world.database.begin() as tx:
        made = (await creations.reserve(tx, NAME, world.ref(Side.A))).key
        await creations.settle(tx, made, "adopted", world.ref(Side.B))
    world.systems.b.delete("1")
    assert (await world.match(Side.A)).outcome == "nothing"
    assert len(world.systems.b.records) == 1


async def test_a_copy_of_our_own_record_is_held(build: Build) -> None:
    world = await unlinked(build, others=0, create=CREATE)
    await world.match(Side.A)
    marker = (await creation(world)).key
    world.systems.b.create("ticket", {"summary": "Printer"}, marker=marker)
    assert (await world.match(Side.B, "2")).outcome == "held"
    assert len(world.systems.a.records) == 1


async def test_an_unknown_outcome_without_markers_is_a_persons_affair(build: Build) -> None:
    world = await unlinked(build, others=0, create=CREATE)
    can = world.connectors.b.capabilities
    world.connectors.b.capabilities = can.model_copy(update={"creates_with_marker": False})
    world.connectors.b.interfere = once("before", "create", raising(SystemUnavailable("no answer")))
    with pytest.raises(SystemUnavailable):
        await world.match(Side.A)
    world.clock.advance(seconds=90)
    matched = await world.match(Side.A)
    assert matched.outcome == "held"
    assert "look whether the record is there" in matched.story
    assert world.systems.b.records == {}


async def test_values_without_counterpart_or_way_are_left_out_of_a_new_record(build: Build) -> None:
    one_way = {"name": "note", "a": "note", "b": "note", "flow": "b_to_a"}
    world = await build(declaration(TITLE, PRIORITY, one_way), linked=False)
    world.edit(Side.A, priority="0", note="mine")
    async with world.database.begin() as tx:
        rules = await world.context.rules.at(tx, NAME, 1)
    record = await world.connectors.a.read(world.ref(Side.A))
    assert first_values(rules.integration.fields, Side.A, record) == {"summary": "Printer"}
