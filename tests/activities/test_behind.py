"""What happened around a write while nobody looked: every edit is judged or named, whoever died meanwhile."""

from typing import Any

import pytest

from activities.superseding import keep_hit
from connectors.memory.connector import Interfere, Moment, Operation, leave_alone
from domain.errors import SystemUnavailable
from domain.sides import Pair, Side
from domain.view import Overwritten
from store import work
from store.errors import Fenced, Moved
from tests.activities.conftest import Build
from tests.activities.world import (
    LOST,
    NO_CAS,
    NOTES,
    OWNER,
    PRIORITY,
    TITLE,
    World,
    declaration,
    each,
    once,
    planned,
    raising,
    two_steps,
)

pytestmark = pytest.mark.stack


async def raced(world: World) -> None:
    """A's title is written to B; somebody edits B between our last read and our write."""
    world.edit(Side.A, title="Printer on fire")
    plan_id = await planned(world)

    def meanwhile() -> None:
        world.clock.advance(minutes=1)
        world.systems.b.edit("1", {"summary": "Call the fire brigade"})
        world.clock.advance(minutes=1)

    world.connectors.b.interfere = once("before", "write", meanwhile)
    done = await world.apply(plan_id)
    assert done.outcome == "again"
    assert "our write hit an edit of title in Right TICKET-1" in done.story


async def hit_and_lost(world: World, end: Interfere) -> int:
    """A's title is written to B, the write hits an edit, and the attempt ends there without a word; its plan."""
    world.edit(Side.A, title="Printer on fire")
    plan_id = await planned(world)
    hit = once("before", "write", lambda: world.systems.b.edit("1", {"summary": "Call the fire brigade"}))
    world.connectors.b.interfere = each(hit, end)
    with pytest.raises(SystemUnavailable):
        await world.apply(plan_id)
    return plan_id


async def test_an_edit_that_our_write_hit_is_judged_by_policy_and_can_win(build: Build) -> None:
    world = await build(settings=NO_CAS)
    await raced(world)
    assert world.shows(Side.B, "summary") == "Printer on fire"
    await world.settle()
    assert world.shows(Side.A, "title") == world.shows(Side.B, "summary") == "Call the fire brigade"
    assert [row.line.kind for row in await world.log()] == ["race"]
    assert (await world.work()).overwritten.b == {}


async def test_an_edit_that_our_write_hit_can_lose_and_is_named(build: Build) -> None:
    title = {**TITLE, "policy": [{"source_priority": "a"}]}
    world = await build(declaration(title), settings=NO_CAS)
    await raced(world)
    await world.settle()
    assert world.shows(Side.A, "title") == world.shows(Side.B, "summary") == "Printer on fire"
    (line,) = [row.line for row in await world.log()]
    assert [lost.value for lost in line.overruled] == ["Call the fire brigade"]


async def test_a_race_that_an_attempt_saw_before_it_died_is_still_judged(build: Build) -> None:
    world = await build(settings=Pair({"compare_and_set": False}, {}))
    plan_id = await two_steps(world, summary="Printer on fire")
    edit = lambda: world.systems.a.edit("1", {"title": "Call the fire brigade"})  # noqa: E731 - one act
    world.connectors.a.interfere = once("before", "write", edit)
    with pytest.raises(SystemUnavailable):
        await world.apply(plan_id)
    done = await world.apply(plan_id)
    assert (done.outcome, done.story) == ("again", "our write hit an edit of title in Left TICKET-1")
    assert await world.base("title") == ("Printer", "Printer")
    await world.settle()
    assert [row.line.kind for row in await world.log() if row.line.unit == "title"] == ["race"]


async def test_a_race_behind_a_lost_answer_is_found(build: Build) -> None:
    world = await build(settings=NO_CAS)
    plan_id = await hit_and_lost(world, once("before", "history", LOST))
    done = await world.apply(plan_id)
    assert done.outcome == "again"
    assert list((await world.work()).overwritten.b) == ["summary"]


async def test_the_history_is_not_asked_where_the_counter_proves_that_nobody_came_between(
    build: Build,
) -> None:
    world = await build(settings=NO_CAS)
    world.edit(Side.A, title="Printer on fire")
    plan_id = await planned(world)
    world.connectors.b.interfere = once("before", "history", raising(AssertionError("asked in vain")))
    assert (await world.apply(plan_id)).outcome == "settled"


async def test_an_edit_that_our_write_hit_and_that_was_edited_again_is_named(build: Build) -> None:
    world = await build(settings=NO_CAS)
    await raced(world)
    world.edit(Side.B, summary="Call the police")
    await world.settle()
    assert world.shows(Side.A, "title") == world.shows(Side.B, "summary") == "Call the police"
    race, conflict = [row.line for row in await world.log()]
    assert (race.kind, race.rule, race.winner) == ("race", "edited again", "b")
    assert [(lost.value, lost.beaten_by) for lost in race.overruled] == [
        ("Call the fire brigade", "Call the police")
    ]
    assert conflict.kind == "conflict"
    assert (await world.work()).overwritten.b == {}


async def test_an_edit_that_our_write_hit_and_that_was_saved_again_is_no_loss(build: Build) -> None:
    world = await build(settings=NO_CAS)
    await raced(world)
    world.edit(Side.B, summary="Call the fire brigade")
    await world.settle()
    assert world.shows(Side.A, "title") == "Call the fire brigade"
    assert [row.line.kind for row in await world.log()] == ["conflict"]


@pytest.mark.parametrize(
    "lacks", [(), ("compare_and_set",), ("change_history",), ("compare_and_set", "change_history")]
)
@pytest.mark.parametrize("beside", [{}, {"urgency": "High"}])
async def test_an_old_value_put_back_behind_a_lost_answer_is_an_edit(
    build: Build, lacks: tuple[str, ...], beside: dict[str, str]
) -> None:
    can = dict.fromkeys(lacks, False)
    world = await build(declaration(TITLE, PRIORITY), settings=Pair({}, can))
    world.edit(Side.A, title="Printer on fire", priority="3")
    plan_id = await planned(world)
    world.connectors.b.interfere = once("after", "write", LOST)
    with pytest.raises(SystemUnavailable):
        await world.apply(plan_id)
    world.clock.advance(minutes=1)
    world.edit(Side.B, summary="Printer", **beside)
    assert (await world.apply(plan_id)).outcome == "stale"
    await world.settle()
    assert world.shows(Side.A, "title") == world.shows(Side.B, "summary") == "Printer"
    lost = [(lost.side, lost.value) for row in await world.log() for lost in row.line.overruled]
    has_stood_in_step = "change_history" not in lacks
    assert lost == ([] if has_stood_in_step else [("a", "Printer on fire")])


async def test_an_edit_hit_by_a_lost_request_and_edited_again_is_named(build: Build) -> None:
    world = await build(settings=NO_CAS)
    world.edit(Side.A, title="Printer on fire")
    plan_id = await planned(world)
    hit, lost = (
        once("before", "write", lambda: world.systems.b.edit("1", {"summary": "first"})),
        once("after", "write", LOST),
    )
    world.connectors.b.interfere = each(hit, lost)
    with pytest.raises(SystemUnavailable):
        await world.apply(plan_id)
    world.edit(Side.B, summary="second")
    assert (await world.apply(plan_id, attempt=2)).outcome == "stale"
    await world.settle()
    assert world.shows(Side.A, "title") == world.shows(Side.B, "summary") == "second"
    named = [(lost.side, lost.value) for row in await world.log() for lost in row.line.overruled]
    assert ("b", "first") in named


@pytest.mark.parametrize("end", [Fenced, SystemUnavailable])
async def test_an_edit_hit_by_an_attempt_that_was_taken_for_dead_is_judged(
    build: Build, end: type[Exception]
) -> None:
    world = await build(settings=NO_CAS)
    world.edit(Side.A, title="Printer on fire")
    plan_id = await planned(world)

    async def overtaken(moment: str, operation: str, record_id: str | None) -> None:
        if (moment, operation) == ("before", "write"):
            world.connectors.b.interfere = leave_alone
            assert (await world.apply(plan_id, attempt=2)).outcome == "settled"
            world.edit(Side.B, summary="Call the fire brigade")
            if end is SystemUnavailable:
                world.connectors.b.interfere = once("after", "write", LOST)
        del record_id

    world.connectors.b.interfere = overtaken
    with pytest.raises(end):
        await world.apply(plan_id, attempt=1)
    assert world.shows(Side.B, "summary") == "Printer on fire"
    world.clock.advance(minutes=1)
    await world.settle()
    assert [row.line.kind for row in await world.log()] == ["race"]
    assert "Call the fire brigade" in [value.value for row in await world.log() for value in row.line.values]


async def test_a_lost_request_is_sent_again_though_somebody_edited_another_field(build: Build) -> None:
    world = await build(settings=Pair({}, {"change_history": False}))
    world.edit(Side.A, title="Printer on fire")
    plan_id = await planned(world)
    world.connectors.b.interfere = once("before", "write", LOST)
    with pytest.raises(SystemUnavailable):
        await world.apply(plan_id)
    world.edit(Side.B, urgency="High")
    assert (await world.apply(plan_id)).outcome != "stale"
    assert world.shows(Side.B, "summary") == "Printer on fire"


async def test_an_old_value_put_back_upon_our_write_is_an_edit(build: Build) -> None:
    world = await build(settings=NO_CAS)
    await raced(world)
    world.edit(Side.B, summary="Printer")
    await world.settle()
    assert world.shows(Side.A, "title") == world.shows(Side.B, "summary") == "Printer"
    named = {lost.value for row in await world.log() for lost in row.line.overruled}
    assert named == {"Call the fire brigade", "Printer on fire"}


async def test_a_value_that_a_person_brought_before_our_write_is_theirs(build: Build) -> None:
    world = await build(declaration(OWNER), settings=NO_CAS)
    world.edit(Side.A, owner="ada")
    plan_id = await planned(world)
    world.clock.advance(minutes=1)
    world.edit(Side.A, owner="ines")
    world.edit(Side.B, assignee="ada")
    assert (await world.apply(plan_id)).outcome == "stale"
    world.edit(Side.A, owner="bea")
    await world.settle()
    assert world.shows(Side.B, "assignee") == "ada"
    assert [row.line.stage for row in await world.log()] == ["opened"]


async def test_one_of_several_values_that_a_person_brought_before_our_write_is_theirs(build: Build) -> None:
    world = await build(declaration(OWNER, TITLE), settings=NO_CAS)
    world.edit(Side.A, owner="ada", title="Printer on fire")
    plan_id = await planned(world)
    world.clock.advance(minutes=1)
    world.edit(Side.A, owner="ines")
    world.edit(Side.B, assignee="ada")
    assert (await world.apply(plan_id)).outcome == "stale"
    await world.settle()
    assert world.shows(Side.B, "assignee") == "ada"


async def test_a_person_who_saves_what_we_are_just_writing_is_asked_once_the_other_side_moves(
    build: Build,
) -> None:
    world = await build(declaration(OWNER, TITLE), settings=NO_CAS)
    world.edit(Side.A, owner="ada", title="Printer on fire")
    plan_id = await planned(world)
    world.connectors.b.interfere = once(
        "before", "write", lambda: world.systems.b.edit("1", {"assignee": "ada"})
    )
    assert (await world.apply(plan_id)).outcome == "again"
    world.edit(Side.A, owner="bea")
    await world.settle()
    assert world.shows(Side.B, "assignee") == "ada"
    assert [row.line.unit for row in await world.log()] == ["owner"]


async def test_both_sides_meet_only_if_they_say_the_same_at_one_time(build: Build) -> None:
    world = await build(declaration(OWNER))
    world.edit(Side.A, owner="ada")

    def while_we_read() -> None:
        world.edit(Side.A, owner="bea")
        world.edit(Side.B, assignee="ada")

    world.connectors.b.interfere = once("before", "read", while_we_read)
    await world.settle()
    assert (world.shows(Side.A, "owner"), world.shows(Side.B, "assignee")) == ("bea", "ada")
    assert [row.line.stage for row in await world.log()] == ["opened"]


async def test_what_a_lost_request_brought_is_in_step_though_one_of_it_was_edited(build: Build) -> None:
    world = await build(declaration(TITLE, PRIORITY), settings=NO_CAS)
    world.edit(Side.A, title="Printer on fire", priority="3")
    plan_id = await planned(world)
    world.connectors.b.interfere = once("after", "write", LOST)
    with pytest.raises(SystemUnavailable):
        await world.apply(plan_id)
    world.edit(Side.B, summary="Call the fire brigade")
    assert (await world.apply(plan_id)).outcome == "stale"
    assert await world.base("priority") == ("3", "Low")
    assert await world.base("title") == ("Printer on fire", "Printer on fire")


async def test_the_end_of_a_link_names_what_its_last_write_has_hit(build: Build) -> None:
    world = await build(settings=NO_CAS)
    await raced(world)
    assert (await world.end_link(reason="unlinked", by="ines")).outcome == "detached"
    (line,) = [row.line for row in await world.log()]
    assert (line.kind, line.rule) == ("race", "the link has ended")
    assert [lost.value for lost in line.overruled] == ["Call the fire brigade"]


async def test_an_edit_hit_by_a_lost_request_is_judged_though_its_value_stands(build: Build) -> None:
    world = await build(declaration(TITLE, PRIORITY), settings=NO_CAS)
    world.edit(Side.A, title="Printer on fire", priority="3")
    plan_id = await planned(world)
    hit, lost = (
        once("before", "write", lambda: world.systems.b.edit("1", {"summary": "theirs"})),
        once("after", "write", LOST),
    )
    world.connectors.b.interfere = each(hit, lost)
    with pytest.raises(SystemUnavailable):
        await world.apply(plan_id)
    world.connectors.b.interfere = once("before", "history", LOST)
    with pytest.raises(SystemUnavailable):
        await world.apply(plan_id, attempt=2)
    world.clock.advance(minutes=1)
    world.edit(Side.B, urgency="High")
    await world.settle()
    assert "theirs" in {value.value for row in await world.log() for value in row.line.values}


async def test_a_judged_hit_is_settled_though_the_first_attempt_died(build: Build) -> None:
    world = await build(settings=NO_CAS)
    await raced(world)
    plan_id = await planned(world)  # the edit that was hit wins, and goes back to where it stood
    world.connectors.b.interfere = once("after", "read", LOST)
    with pytest.raises(SystemUnavailable):
        await world.apply(plan_id)
    done = await world.apply(plan_id, attempt=2)
    assert (done.outcome, (await world.work()).overwritten.b) == ("settled", {})
    assert await world.base("title") == ("Call the fire brigade", "Call the fire brigade")


async def test_a_hit_edit_that_was_put_back_and_edited_again_before_its_plan_was_done_is_named(
    build: Build,
) -> None:
    world = await build(settings=Pair(NO_CAS.b, {}))
    world.edit(Side.B, summary="Printer on fire")
    plan_id = await planned(world)
    world.connectors.a.interfere = once(
        "before", "write", lambda: world.edit(Side.A, title="Call the fire brigade")
    )
    assert (await world.apply(plan_id)).outcome == "again"
    world.connectors.a.interfere = leave_alone

    plan_id = await planned(world)  # to A, where the edit stands again, then to B
    world.connectors.b.interfere = once("before", "write", lambda: world.edit(Side.B, summary="Out of order"))
    assert (await world.apply(plan_id)).outcome == "stale"
    assert world.shows(Side.A, "title") == "Call the fire brigade"
    world.edit(Side.A, title="Printer on fire")
    await world.settle()
    assert world.shows(Side.A, "title") == world.shows(Side.B, "summary") == "Printer on fire"
    named = [lost.value for row in await world.log() for lost in row.line.overruled]
    assert named == ["Printer on fire", "Call the fire brigade", "Out of order"]


async def test_what_a_lost_request_brought_was_in_step_though_it_was_edited_since(build: Build) -> None:
    world = await build(declaration(PRIORITY), settings=NO_CAS)
    world.edit(Side.A, priority="3")
    plan_id = await planned(world)
    world.connectors.b.interfere = once("after", "write", LOST)
    with pytest.raises(SystemUnavailable):
        await world.apply(plan_id)
    world.edit(Side.B, urgency="High")
    assert (await world.apply(plan_id, attempt=2)).outcome == "stale"
    assert await world.base("priority") == ("3", "Low")
    world.clock.advance(minutes=1)
    world.edit(Side.A, priority="2")  # where it was before
    await world.settle()
    assert world.shows(Side.A, "priority") == "2"
    assert [lost.value for row in await world.log() for lost in row.line.overruled] == ["High"]


async def test_an_edit_between_the_decision_and_our_write_is_compared_though_nobody_tells_of_it(
    build: Build,
) -> None:
    world = await build(declaration(TITLE, OWNER), settings=NO_CAS)
    world.edit(Side.A, title="Printer on fire")
    plan_id = await planned(world)
    world.edit(Side.B, assignee="ada")
    done = await world.apply(plan_id)
    assert (done.outcome, done.story) == ("again", "Right TICKET-1 changed owner along with our write")


async def test_a_hit_edit_is_named_when_a_later_write_hits_the_next_one(build: Build) -> None:
    world = await build(settings=NO_CAS)
    await raced(world)
    world.systems.b.edit("1", {"summary": "Out of order"})
    (version,) = [one for one in world.record(Side.B).history if one.value == "Out of order"]
    async with world.database.begin() as tx:
        found = await work.load(tx, world.pair.pair_id)
        rules = await world.context.rules.at(tx, found.pair.integration, found.newest_version)
        for _ in range(2):
            await keep_hit(tx, found.pair, rules, Side.B, Overwritten(version, "Printer on fire"))
    assert [lost.value for row in await world.log() for lost in row.line.overruled] == [
        "Call the fire brigade"
    ]
    assert (await world.work()).overwritten.b["summary"].version == version


async def test_the_end_of_a_link_names_what_a_lost_request_has_hit(build: Build) -> None:
    world = await build(settings=NO_CAS)
    await hit_and_lost(world, once("after", "write", LOST))
    assert (await world.end_link(reason="unlinked", by="ines")).outcome == "detached"
    assert [lost.value for row in await world.log() for lost in row.line.overruled] == [
        "Call the fire brigade"
    ]


async def test_a_look_that_another_attempt_has_overtaken_commits_no_plan(build: Build) -> None:
    world = await build(settings=NO_CAS)
    world.edit(Side.A, title="Printer on fire")

    async def overtaken(moment: str, operation: str, record_id: str | None) -> None:
        world.connectors.b.interfere = leave_alone
        await world.settle()

    world.connectors.b.interfere = overtaken
    with pytest.raises(Moved):
        await world.detect()
    assert (await world.work()).plan is None


async def test_somebody_who_saves_what_we_write_is_seen_though_saves_are_counted(build: Build) -> None:
    world = await build(settings=NO_CAS)
    world.edit(Side.A, title="Printer on fire")
    plan_id = await planned(world)
    theirs = once("before", "write", lambda: world.systems.b.edit("1", {"summary": "Printer on fire"}))
    world.connectors.b.interfere = theirs
    assert (await world.apply(plan_id)).outcome == "again"


@pytest.mark.parametrize("moment", ["before the look", "between its readings"])
async def test_a_late_request_that_a_person_took_back_is_seen(build: Build, moment: str) -> None:
    world = await build(declaration(TITLE, PRIORITY), settings=NO_CAS)
    world.edit(Side.A, title="Printer on fire", priority="3")
    plan_id = await planned(world)

    async def late(moment: str, operation: str, record_id: str | None) -> None:
        if (moment, operation) == ("before", "write"):
            world.connectors.b.interfere = leave_alone
            world.edit(Side.B, summary="Out of order")
            assert (await world.apply(plan_id, attempt=2)).outcome == "stale"

    world.connectors.b.interfere = late
    with pytest.raises(Fenced):
        await world.apply(plan_id)
    world.clock.advance(minutes=1)
    take_back = lambda: world.edit(Side.B, urgency="Medium")  # noqa: E731 - one act
    if moment == "before the look":
        take_back()
    else:
        again = once("before", "read", take_back)
        first = once("before", "history", lambda: setattr(world.connectors.b, "interfere", again))
        world.connectors.b.interfere = first
    await world.settle()
    assert world.shows(Side.A, "priority") == "2"
    assert "3" in {lost.value for row in await world.log() for lost in row.line.overruled}


async def test_a_hit_edit_that_its_person_makes_again_is_judged_though_it_was_in_step_once(
    build: Build,
) -> None:
    world = await build(declaration(PRIORITY), settings=NO_CAS)
    world.edit(Side.B, urgency="Low")
    world.clock.advance(minutes=1)
    world.edit(Side.A, priority="1")
    plan_id = await planned(world)
    world.connectors.b.interfere = once("before", "write", lambda: world.edit(Side.B, urgency="Medium"))
    assert (await world.apply(plan_id)).outcome == "again"
    world.clock.advance(minutes=1)
    world.edit(Side.B, urgency="Medium")
    await world.settle()
    assert (world.shows(Side.A, "priority"), world.shows(Side.B, "urgency")) == ("2", "Medium")


async def test_an_edit_before_a_write_is_compared_though_the_attempt_that_saw_it_died(build: Build) -> None:
    world = await build(declaration(NOTES, OWNER), settings=Pair(NO_CAS.b, {}))
    plan_id = await two_steps(world)
    world.edit(Side.A, owner="ada")
    with pytest.raises(SystemUnavailable):
        await world.apply(plan_id)
    assert (await world.apply(plan_id, attempt=2)).outcome == "again"


@pytest.mark.parametrize("later", [{"attempt": 2}, {"follows": True}])
async def test_a_look_that_was_taken_for_dead_keeps_nothing_that_its_successor_has_not_seen(
    build: Build, later: dict[str, Any]
) -> None:
    """Its answer counts for nobody: kept as seen, an edit whose notice got lost would never be found by a sweep."""
    world = await build()
    assert (await world.detect()).outcome == "in_step"

    async def meanwhile(moment: Moment, operation: Operation, record_id: str | None) -> None:
        del moment, operation, record_id
        world.connectors.b.interfere = leave_alone
        assert (await world.detect(**later)).outcome == "in_step"
        world.edit(Side.B, summary="Printer on fire")

    world.connectors.b.interfere = meanwhile
    with pytest.raises(Fenced, match="a later attempt to look has begun"):
        await world.detect()
    last = (await world.work()).last.b
    assert last is not None
    assert last.snapshot.fields["summary"] == "Printer"
    assert (await world.detect()).outcome == "plan"


async def test_an_attempt_taken_for_dead_closes_no_plan_on_which_its_successor_has_written(
    build: Build,
) -> None:
    """To a precondition the successor's write looks like anybody's. Closed as overtaken, what it brought would not have stood in step."""
    world = await build()
    world.edit(Side.A, priority="3")
    plan_id = await planned(world)

    async def meanwhile(moment: Moment, operation: Operation, record_id: str | None) -> None:
        del record_id
        if (moment, operation) == ("before", "write"):
            world.connectors.b.interfere = once("after", "write", LOST)
            with pytest.raises(SystemUnavailable):
                await world.apply(plan_id, attempt=2)

    world.connectors.b.interfere = meanwhile
    with pytest.raises(Fenced):
        await world.apply(plan_id)
    world.edit(Side.B, urgency="Medium")
    await world.settle()
    assert world.shows(Side.A, "priority") == "2"
    assert world.shows(Side.B, "urgency") == "Medium"


async def test_behind_a_lost_answer_an_edit_back_to_the_old_value_is_one_from_what_we_brought(
    build: Build,
) -> None:
    """Both sides stood at High; were the baseline still at Medium, a later edit back to there would be none."""
    world = await build(settings=NO_CAS)
    world.edit(Side.A, priority="1")
    plan_id = await planned(world)
    world.connectors.b.interfere = once("after", "write", LOST)
    with pytest.raises(SystemUnavailable):
        await world.apply(plan_id)
    world.edit(Side.B, urgency="Medium")
    assert (await world.apply(plan_id, attempt=2)).outcome == "stale"
    assert await world.base("priority") == ("1", "High")
    assert (await world.work()).overwritten.b == {}
    world.edit(Side.B, urgency="High")
    world.edit(Side.A, priority="2")
    await world.settle()
    assert world.shows(Side.A, "priority") == "2"
    assert world.shows(Side.B, "urgency") == "Medium"
    assert await world.log() == []
