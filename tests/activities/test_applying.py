"""apply: safe to run twice, also at once; a refused field stops nothing else; nobody's edit is written over unseen."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta

import pytest
from pydantic import JsonValue

from connectors.base import WriteResult
from connectors.memory.connector import MemoryConnector
from connectors.memory.system import MemoryRecord
from domain.errors import RateLimited, RecordRejected, SystemUnavailable
from domain.outcome import Decision
from domain.records import Snapshot
from domain.sides import Pair, Side
from store import audit, ledger, plans
from store.errors import Fenced
from tests.activities.conftest import Build
from tests.activities.world import (
    LOST,
    NO_CAS,
    NOTES,
    PRIORITY,
    TITLE,
    World,
    declaration,
    once,
    planned,
    raising,
    two_steps,
)

pytestmark = pytest.mark.stack


class KilledHere(BaseException):
    """The attempt ends here, without a chance to let go of anything."""


async def abandon(world: World) -> None:
    """The claims of dead attempts grow old."""
    async with world.database.begin() as tx:
        plan = (await world.work()).plan
        assert plan is not None
        held = [step for step in plan.steps if step.state == "claimed"]
        for step in held:
            assert await plans.claim(tx, step.id, "somebody who died", abandoned_after=timedelta(0))


# ------------------------------------------------------------------------------------------------- lost answers
async def test_a_lost_answer_is_looked_up_and_nothing_is_written_twice(build: Build) -> None:
    world = await build()
    world.edit(Side.A, title="Printer on fire")
    plan_id = await planned(world)
    world.connectors.b.interfere = once("after", "write", LOST)
    with pytest.raises(SystemUnavailable):
        await world.apply(plan_id)
    done = await world.apply(plan_id, attempt=2)
    assert done.outcome == "settled"
    assert world.versions() == (2, 2)
    assert await world.base("title") == ("Printer on fire", "Printer on fire")


async def test_the_next_attempt_of_a_killed_activity_takes_its_step_over_at_once(build: Build) -> None:
    world = await build()
    world.edit(Side.A, title="Printer on fire")
    plan_id = await planned(world)
    world.connectors.b.interfere = once("before", "write", raising(KilledHere()))
    with pytest.raises(KilledHere):
        await world.apply(plan_id, attempt=1)
    done = await world.apply(plan_id, attempt=2)
    assert done.outcome == "settled"
    assert world.shows(Side.B, "summary") == "Printer on fire"


async def test_a_request_that_never_arrived_is_sent_again(build: Build) -> None:
    world = await build()
    world.edit(Side.A, title="Printer on fire")
    plan_id = await planned(world)
    world.connectors.b.interfere = once("before", "write", LOST)
    with pytest.raises(SystemUnavailable):
        await world.apply(plan_id)
    await world.apply(plan_id)
    assert world.versions() == (2, 2)
    assert world.shows(Side.B, "summary") == "Printer on fire"


async def test_a_step_that_another_activity_holds_is_not_sent(build: Build) -> None:
    world = await build()
    world.edit(Side.A, title="Printer on fire")
    plan_id = await planned(world)
    world.connectors.b.interfere = once("before", "write", raising(KilledHere()))
    with pytest.raises(KilledHere):
        await world.apply(plan_id, attempt=1)
    with pytest.raises(Fenced, match="held by another attempt"):
        await world.apply(plan_id, activity_id="2")
    assert world.versions() == (2, 1)


async def test_two_attempts_at_once_write_once_and_commit_once(build: Build) -> None:
    world = await build(settings=NO_CAS)
    world.edit(Side.A, title="Printer on fire")
    plan_id = await planned(world)
    results = await asyncio.gather(*(world.apply(plan_id, attempt=n) for n in (1, 2)), return_exceptions=True)
    assert sum(isinstance(result, Fenced) for result in results) <= 1
    assert world.versions() == (2, 2)
    assert await world.base("title") == ("Printer on fire", "Printer on fire")


async def test_an_attempt_that_lost_its_step_commits_nothing(build: Build) -> None:
    world = await build()
    world.edit(Side.A, title="Printer on fire")
    plan_id = await planned(world)
    written, late = asyncio.Event(), asyncio.Event()

    async def wait(moment: str, operation: str, record_id: str | None) -> None:
        if (moment, operation) == ("after", "write"):
            written.set()
            await late.wait()

    world.connectors.b.interfere = wait
    zombie = asyncio.create_task(world.apply(plan_id, attempt=1))
    await written.wait()
    await abandon(world)
    late.set()
    with pytest.raises(Fenced):
        await zombie
    assert await world.base("title") == ("Printer", "Printer")


async def test_where_the_closing_answer_got_lost_another_pass_looks_on(build: Build) -> None:
    world = await build()
    world.edit(Side.A, title="Printer on fire")
    plan_id = await planned(world)
    await world.apply(plan_id)
    assert (await world.apply(plan_id, attempt=2)).outcome == "again"


# ------------------------------------------------------------------------------------------------- stale targets
async def test_a_stale_version_leads_to_another_look_that_sees_the_edit(build: Build) -> None:
    world = await build()
    world.edit(Side.A, title="Printer on fire")
    plan_id = await planned(world)
    world.edit(Side.B, summary="Printer smokes")
    done = await world.apply(plan_id)
    assert done.outcome == "stale"
    assert world.shows(Side.B, "summary") == "Printer smokes"
    await world.settle()
    assert world.shows(Side.A, "title") == world.shows(Side.B, "summary") == "Printer smokes"


async def test_an_edit_of_another_field_only_costs_another_look(build: Build) -> None:
    world = await build()
    world.edit(Side.A, title="Printer on fire")
    plan_id = await planned(world)
    world.edit(Side.B, urgency="High")
    assert (await world.apply(plan_id)).outcome == "stale"
    await world.settle()
    assert world.shows(Side.A, "priority") == "1"
    assert world.shows(Side.B, "summary") == "Printer on fire"


async def test_without_compare_and_set_the_target_is_read_again_before_the_write(build: Build) -> None:
    world = await build(settings=NO_CAS)
    world.edit(Side.A, title="Printer on fire")
    plan_id = await planned(world)
    world.edit(Side.B, summary="Printer smokes")
    done = await world.apply(plan_id)
    assert (done.outcome, world.shows(Side.B, "summary")) == ("stale", "Printer smokes")


async def test_a_target_that_is_deleted_meanwhile_gets_no_write(build: Build) -> None:
    world = await build()
    world.edit(Side.A, title="Printer on fire")
    plan_id = await planned(world)
    world.systems.b.delete("1")
    assert (await world.apply(plan_id)).outcome == "stale"
    assert (await world.detect()).outcome == "gone"


# ------------------------------------------------------------------------------------------------- refusals
async def test_a_field_that_the_system_names_is_parked_and_the_others_are_written(build: Build) -> None:
    world = await build(settings=Pair({}, {"refused": {"urgency": "closed by a workflow"}}))
    world.edit(Side.A, title="Printer on fire", priority="1")
    done = await world.one_pass()
    assert done.applied is not None
    assert (done.applied.outcome, done.applied.parked) == ("partial", {"priority": "closed by a workflow"})
    assert world.shows(Side.B, "summary") == "Printer on fire"
    assert await world.base("priority") == ("2", "Medium")
    assert [alert.kind for alert in await world.alerts()] == ["refused"]
    row = (await world.work()).pair
    assert row.state == ["parked", "partial"]
    assert "closed by a workflow" in row.waits_for


async def test_a_parked_field_is_left_alone_until_an_operator_lifts_it(build: Build) -> None:
    world = await build(settings=Pair({}, {"refused": {"urgency": "closed by a workflow"}}))
    world.edit(Side.A, priority="1")
    world.edit(Side.A, title="Printer on fire")
    await world.one_pass()
    quiet = await world.one_pass()
    assert (quiet.found.outcome, quiet.standing.states) == ("in_step", ("parked", "partial"))
    world.connectors.b._settings = world.connectors.b._settings.model_copy(update={"refused": {}})
    await world.one_pass(retried_by="ines")
    assert world.shows(Side.B, "urgency") == "High"
    assert await world.alerts() == []


class Unspecific(MemoryConnector):
    """Refuses, but doesn't say which field."""

    system = "Right"
    culprits: frozenset[str] = frozenset({"urgency"})
    requests = 0

    async def update(
        self, expected: Snapshot, fields: Mapping[str, JsonValue], *, marker: str
    ) -> WriteResult:
        self.requests += 1
        if self.culprits & fields.keys():
            raise RecordRejected("400: something is wrong")
        return await super().update(expected, fields, marker=marker)


def unspecific(world: World, *culprits: str) -> Unspecific:
    """B answers 400 without a word about which field."""
    old = world.connectors.b
    connector = Unspecific("right", old.state, old._settings)
    connector.culprits = frozenset(culprits)
    world.connectors = Pair(world.connectors.a, connector)
    world.context.connections._opened["right"] = connector
    return connector


async def test_a_refusal_that_names_nothing_is_split_until_the_field_is_found(build: Build) -> None:
    world = await build()
    unspecific(world, "urgency")
    world.edit(Side.A, title="Printer on fire", priority="1")
    done = await world.one_pass()
    assert done.applied is not None
    assert done.applied.parked == {"priority": "400: something is wrong"}
    assert world.shows(Side.B, "summary") == "Printer on fire"


async def test_what_is_refused_whole_quarantines_the_pair_with_the_reason(build: Build) -> None:
    world = await build()
    unspecific(world, "urgency", "summary")
    world.edit(Side.A, title="Printer on fire", priority="1")
    done = await world.one_pass()
    assert done.applied is not None
    assert done.applied.outcome == "stopped"
    row = (await world.work()).pair
    assert row.state == ["quarantined"]
    assert "400: something is wrong" in (row.quarantine or "")
    assert (await world.detect()).outcome == "stopped"


async def test_after_a_retry_a_quarantined_pair_goes_on(build: Build) -> None:
    world = await build()
    connector = unspecific(world, "urgency", "summary")
    world.edit(Side.A, title="Printer on fire", priority="1")
    await world.one_pass()
    connector.culprits = frozenset()
    await world.one_pass(retried_by="ines")
    assert (world.shows(Side.B, "summary"), world.shows(Side.B, "urgency")) == ("Printer on fire", "High")
    async with world.database.begin() as tx:
        acts = await audit.of_pair(tx, world.pair.pair_id)
    assert [(act.who, act.what) for act in acts] == [("ines", "retry")]


GROUP = {"name": "severity", "fields": ["priority", "owner"], "policy": [{"source_priority": "a"}]}


@pytest.mark.parametrize("named", [True, False])
async def test_a_group_is_never_half_written(build: Build, named: bool) -> None:  # noqa: FBT001 - a case
    refused = Pair({}, {"refused": {"urgency": "no"}} if named else {})
    owner = {"name": "owner", "a": "owner", "b": "assignee"}
    world = await build(declaration(TITLE, PRIORITY, owner, groups=[GROUP]), settings=refused)
    if not named:
        unspecific(world, "urgency")
    world.edit(Side.A, title="Printer on fire", priority="1", owner="tom")
    done = await world.one_pass()
    assert done.applied is not None
    assert list(done.applied.parked) == ["severity"]
    assert world.shows(Side.B, "summary") == "Printer on fire"
    assert (world.shows(Side.B, "urgency"), world.shows(Side.B, "assignee")) == ("Medium", "ines")


async def test_what_an_attempt_saw_refused_before_it_died_moves_no_baseline(build: Build) -> None:
    world = await build(settings=Pair({"refused": {"priority": "closed by a workflow"}}, {}))
    plan_id = await two_steps(world, urgency="High")
    with pytest.raises(SystemUnavailable):
        await world.apply(plan_id)
    done = await world.apply(plan_id)
    assert done.parked == {"priority": "closed by a workflow"}
    assert await world.base("priority") == ("2", "Medium")
    await world.settle()
    assert world.shows(Side.B, "urgency") == "High"


# ------------------------------------------------------------------------------------------------- merges
async def merged(build: Build, *, refused_by: Side) -> World:
    settings: Pair[dict[str, object]] = Pair({}, {})
    native = NOTES[refused_by.value]
    world = await build(settings=settings.replace(refused_by, {"refused": {native: "too long"}}))
    world.edit(Side.A, notes="ONE\ntwo\nthree\n")
    world.edit(Side.B, description="one\ntwo\nTHREE\n")
    return world


async def test_a_merge_reaches_both_sides(build: Build) -> None:
    world = await build()
    world.edit(Side.A, notes="ONE\ntwo\nthree\n")
    world.edit(Side.B, description="one\ntwo\nTHREE\n")
    await world.settle()
    assert world.shows(Side.A, "notes") == world.shows(Side.B, "description") == "ONE\ntwo\nTHREE\n"


@pytest.mark.parametrize("side", [Side.A, Side.B])
async def test_a_merge_that_one_side_refuses_stands_on_neither(build: Build, side: Side) -> None:
    world = await merged(build, refused_by=side)
    await world.one_pass()
    assert world.shows(Side.A, "notes") == "ONE\ntwo\nthree\n"
    assert world.shows(Side.B, "description") == "one\ntwo\nTHREE\n"
    assert await world.base("notes") == ("one\ntwo\nthree\n", "one\ntwo\nthree\n")


async def test_a_merge_that_was_taken_back_is_labelled_in_the_log(build: Build) -> None:
    world = await merged(build, refused_by=Side.B)
    done = await world.one_pass()
    assert done.applied is not None
    assert "refused on the other side and taken back" in done.applied.story
    assert (await world.log())[-1].line.kind == "taken_back"


async def test_a_merge_that_somebody_built_on_is_not_taken_back_but_labelled(build: Build) -> None:
    world = await merged(build, refused_by=Side.B)
    edit = lambda: world.systems.a.edit("1", {"notes": "mine\n"})  # noqa: E731 - one act
    world.connectors.b.interfere = once("before", "write", edit)
    done = await world.one_pass()
    assert done.applied is not None
    assert "Left TICKET-1 keeps the merged value" in done.applied.story
    assert world.shows(Side.A, "notes") == "mine\n"
    assert (await world.log())[-1].line.stage == "opened"


async def torn(build: Build) -> World:
    """A merge that stands on A, built on by somebody; B has refused it for good."""
    world = await merged(build, refused_by=Side.B)
    edit = lambda: world.systems.a.edit("1", {"notes": "mine\n"})  # noqa: E731 - one act
    world.connectors.b.interfere = once("before", "write", edit)
    await world.settle()
    return world


async def test_a_merge_that_could_not_be_taken_back_is_asked_about(build: Build) -> None:
    world = await torn(build)
    (review,) = (await world.work()).reviews
    assert (review.unit, review.request.asked_by) == ("notes", "merge refused")
    assert "keeps the merged value" in review.request.reason
    row = (await world.work()).pair
    assert (row.state, row.quarantine) == (["pending_review"], None)
    assert await world.alerts() == []


async def test_what_a_person_decides_about_a_torn_merge_ends_it(build: Build) -> None:
    world = await torn(build)
    token = (await world.work()).reviews[0].token
    await world.one_pass(Decision(token=token, choice="side", side=Side.B, by="ines"))
    assert world.shows(Side.A, "notes") == world.shows(Side.B, "description") == "one\ntwo\nTHREE\n"
    assert (await world.work()).torn == {}
    assert (await world.one_pass()).standing.states == ("in_sync",)


# ------------------------------------------------------------------------------------------------- what comes back
async def test_what_a_system_trims_is_accepted_and_noted_once(build: Build) -> None:
    world = await build()
    world.systems.b.store = lambda field, value: str(value)[:10] if field == "summary" else value
    world.edit(Side.A, title="Printer on fire, third floor")
    done = await world.one_pass()
    assert done.applied is not None
    assert done.applied.adjusted == ("title",)
    assert (await world.one_pass()).found.outcome == "in_step"
    assert world.shows(Side.A, "title") == "Printer on fire, third floor"
    async with world.database.begin() as tx:
        acts = await audit.of_pair(tx, world.pair.pair_id)
    assert [act.what for act in acts] == ["write_adjusted"]


async def test_an_automation_in_the_same_save_is_looked_at_and_flows(build: Build) -> None:
    world = await build()

    def rule(record: MemoryRecord, kind: str) -> None:
        if record.fields["summary"] == "Printer on fire":
            record.fields["urgency"] = "High"

    world.systems.b.listeners.append(rule)
    world.edit(Side.A, title="Printer on fire")
    first = await world.one_pass()
    assert first.applied is not None
    assert (first.applied.outcome, first.applied.story) == (
        "again",
        "Right TICKET-1 changed priority along with our write",
    )
    await world.settle()
    assert world.shows(Side.A, "priority") == "1"


async def test_a_rule_that_turns_our_value_into_another_class_is_that_systems_edit(build: Build) -> None:
    world = await build()
    world.systems.b.store = lambda field, value: "Low" if (field, value) == ("urgency", "High") else value
    world.edit(Side.A, priority="1")
    await world.settle()
    assert (world.shows(Side.A, "priority"), world.shows(Side.B, "urgency")) == ("3", "Low")


async def test_our_own_write_is_in_the_ledger_with_its_exact_version(build: Build) -> None:
    world = await build()
    world.edit(Side.A, title="Printer on fire")
    await world.one_pass()
    async with world.database.begin() as tx:
        version = str(world.record(Side.B).version)
        found = await ledger.echoes(tx, world.ref(Side.B), version)
    assert found.own == {world.pair.pair_id}


async def test_a_version_that_carries_more_than_our_write_is_no_echo(build: Build) -> None:
    world = await build()
    world.systems.b.listeners.append(lambda record, _: record.fields.update(urgency="High"))
    world.edit(Side.A, title="Printer on fire")
    await world.one_pass()
    async with world.database.begin() as tx:
        version = str(world.record(Side.B).version)
        found = await ledger.echoes(tx, world.ref(Side.B), version)
    assert found.own == set()


async def test_a_pause_that_the_system_asks_for_is_passed_on(build: Build) -> None:
    world = await build()
    world.edit(Side.A, title="Printer on fire")
    plan_id = await planned(world)
    busy = RateLimited("429", retry_after=timedelta(seconds=7))
    world.connectors.b.interfere = once("before", "write", raising(busy))
    with pytest.raises(RateLimited):
        await world.apply(plan_id)
