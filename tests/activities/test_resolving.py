"""resolve: policies, reviews, and what people decide."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from domain.errors import LookAgain
from domain.outcome import Decision, Refusal
from domain.sides import Pair, Side
from store import decisions, reviews
from store.decisions import DecisionRow
from store.reviews import ReviewRow
from tests.activities.conftest import Build
from tests.activities.world import OWNER, PRIORITY, TITLE, Pass, World, declaration

pytestmark = pytest.mark.stack


async def contested(world: World) -> str:
    """Both sides change the owner, which a person decides; the review's token."""
    world.edit(Side.A, owner="tom")
    world.edit(Side.B, assignee="eva")
    return opened(await world.one_pass())


def opened(done: Pass) -> str:
    assert done.resolved is not None
    (token,) = done.resolved.opened
    return token


async def recorded(world: World) -> list[DecisionRow]:
    async with world.database.begin() as tx:
        return await decisions.of_pair(tx, world.pair.pair_id)


async def review(world: World, token: str) -> ReviewRow:
    async with world.database.begin() as tx:
        row = await reviews.get(tx, token)
    assert row is not None
    return row


def a_side(token: str, side: Side, **said: Any) -> Decision:
    return Decision(token=token, choice="side", side=side, by="ines", **said)


# ------------------------------------------------------------------------------------------------- by policy
async def test_the_later_edit_wins_and_the_other_is_named(build: Build) -> None:
    world = await build()
    world.edit(Side.A, priority="1")
    world.edit(Side.B, urgency="Low")
    done = await world.one_pass()
    assert done.found.outcome == "conflicts"
    assert (world.shows(Side.A, "priority"), world.shows(Side.B, "urgency")) == ("3", "Low")
    (row,) = await world.log()
    assert [lost.value for lost in row.line.overruled] == ["1"]


async def test_an_operator_reads_base_values_policy_and_outcome_in_the_result(build: Build) -> None:
    world = await build()
    world.edit(Side.A, priority="1")
    world.edit(Side.B, urgency="Low")
    done = await world.one_pass()
    assert done.resolved is not None
    (shown,) = done.resolved.contested
    assert (shown.base, shown.values) == ("2 / Medium", {"Left": "1", "Right": "Low"})
    assert (shown.policy, shown.outcome) == ("last_write_wins", "3 / Low")


async def test_a_sensitive_value_is_shown_nowhere(build: Build) -> None:
    world = await build(declaration({**TITLE, "sensitive": True, "policy": ["review"]}))
    world.edit(Side.A, title="the secret of A")
    world.edit(Side.B, summary="the secret of B")
    done = await world.one_pass()
    assert done.resolved is not None
    told = done.found.model_dump_json() + done.resolved.model_dump_json()
    assert "(sensitive)" in told
    assert "the secret" not in told


async def test_resolve_run_twice_logs_once(build: Build) -> None:
    world = await build()
    world.edit(Side.A, owner="tom")
    world.edit(Side.B, assignee="eva")
    found = await world.detect()
    await world.resolve(found)
    second = await world.resolve(found)
    assert len(await world.log()) == 1
    assert (second.outcome, second.opened) == ("waits", ())


async def test_resolve_run_twice_at_once_leaves_one_plan(build: Build) -> None:
    world = await build()
    world.edit(Side.A, priority="1")
    world.edit(Side.B, urgency="Low")
    found = await world.detect()
    results = await asyncio.gather(*(world.resolve(found) for _ in range(2)), return_exceptions=True)
    assert all(not isinstance(r, BaseException) or isinstance(r, LookAgain) for r in results)
    assert (await world.work()).plan is not None
    assert len(await world.log()) == 1


async def test_a_conflict_beside_an_open_plan_waits_for_that_plan(build: Build) -> None:
    world = await build()
    world.edit(Side.A, title="Printer on fire")
    await world.detect()
    world.edit(Side.A, owner="tom")
    world.edit(Side.B, assignee="eva")
    first = await world.one_pass()
    assert (first.found.outcome, first.found.look_again) == ("plan", True)
    second = await world.one_pass()
    assert second.standing.states == ("pending_review",)


# ------------------------------------------------------------------------------------------------- reviews
async def test_only_the_contested_field_waits(build: Build) -> None:
    world = await build()
    await contested(world)
    world.edit(Side.A, title="Printer on fire")
    done = await world.one_pass()
    assert world.shows(Side.B, "summary") == "Printer on fire"
    assert world.shows(Side.B, "assignee") == "eva"
    assert done.standing.states == ("pending_review",)
    assert done.standing.waits_for == "a decision on owner"


async def test_a_review_is_opened_once_and_keeps_its_first_opening(build: Build) -> None:
    world = await build(declaration(OWNER, reviews={"remind_after": "30m"}))
    token = await contested(world)
    first = await review(world, token)
    world.edit(Side.B, assignee="zoe")
    moved = await world.one_pass()
    (shown,) = moved.standing.reviews
    assert shown.token != token
    assert shown.opened_at == first.opened_at
    assert shown.remind_at == first.opened_at + timedelta(minutes=30)
    assert (await review(world, token)).moved_to == shown.token


async def test_a_review_closes_itself_when_the_sides_become_equal(build: Build) -> None:
    world = await build()
    token = await contested(world)
    world.edit(Side.A, owner="eva")
    done = await world.one_pass()
    assert done.standing.states == ("in_sync",)
    assert (await review(world, token)).state == "closed"


async def test_a_review_closes_when_one_side_returns_and_the_other_flows(build: Build) -> None:
    world = await build()
    token = await contested(world)
    world.edit(Side.A, owner="ines")
    await world.one_pass()
    assert world.shows(Side.A, "owner") == "eva"
    assert (await review(world, token)).state == "closed"


# ------------------------------------------------------------------------------------------------- decisions
async def test_a_decision_is_carried_out_and_settles_the_review(build: Build) -> None:
    world = await build()
    token = await contested(world)
    await world.one_pass(a_side(token, Side.B))
    assert world.shows(Side.A, "owner") == "eva"
    assert await world.base("owner") == ("eva", "eva")
    row = await review(world, token)
    assert (row.state, row.decided_by) == ("decided", "ines")


async def test_approving_takes_the_proposal_of_the_later_stamp(build: Build) -> None:
    world = await build()
    token = await contested(world)
    await world.one_pass(Decision(token=token, choice="approve", by="ines"))
    assert world.shows(Side.A, "owner") == world.shows(Side.B, "assignee") == "eva"


async def test_a_third_value_is_written_to_both(build: Build) -> None:
    world = await build()
    token = await contested(world)
    await world.one_pass(Decision(token=token, choice="value", side=Side.A, value="zoe", by="ines"))
    assert world.shows(Side.A, "owner") == world.shows(Side.B, "assignee") == "zoe"


async def test_a_decision_about_what_has_moved_on_is_refused_and_on_record(build: Build) -> None:
    world = await build()
    token = await contested(world)
    world.edit(Side.B, assignee="zoe")
    done = await world.one_pass(a_side(token, Side.A))
    assert done.resolved is not None
    (verdict,) = done.resolved.decisions
    assert (verdict.accepted, verdict.refusal) == (False, Refusal.STALE)
    assert (world.shows(Side.A, "owner"), world.shows(Side.B, "assignee")) == ("tom", "zoe")
    assert [row.verdict.refusal for row in await recorded(world)] == [Refusal.STALE]


async def test_a_refused_signal_raises_an_alert_that_names_the_field_though_it_carried_a_token_only(
    build: Build,
) -> None:
    world = await build()
    token = await contested(world)
    world.edit(Side.B, assignee="kim")
    await world.one_pass(a_side(token, Side.B, channel="signal"))
    assert [alert.key.rpartition("/")[2] for alert in await world.alerts()] == ["owner"]


async def test_a_value_that_the_system_does_not_allow_now_is_refused(build: Build) -> None:
    world = await build(settings=Pair({}, {"allowed": {"assignee": ["ines", "tom", "eva"]}}))
    token = await contested(world)
    done = await world.one_pass(Decision(token=token, choice="value", side=Side.A, value="zoe", by="ines"))
    assert done.resolved is not None
    assert [verdict.refusal for verdict in done.resolved.decisions] == [Refusal.INVALID]
    assert (await review(world, token)).state == "open"


async def test_of_two_decisions_the_first_counts(build: Build) -> None:
    world = await build()
    token = await contested(world)
    done = await world.one_pass(a_side(token, Side.A), a_side(token, Side.B, note="no, this one"))
    assert done.resolved is not None
    assert [verdict.refusal for verdict in done.resolved.decisions] == [None, Refusal.DOUBLE]
    assert world.shows(Side.B, "assignee") == "tom"


async def test_a_decision_whose_answer_got_lost_is_not_refused_the_second_time(build: Build) -> None:
    world = await build()
    token = await contested(world)
    found, said = await world.detect(), a_side(token, Side.B)
    first = await world.resolve(found, said)
    second = await world.resolve(found, said)
    assert second.outcome == "look_again"
    assert [verdict.accepted for verdict in second.decisions] == [True]
    assert first.plan_id is not None
    await world.apply(first.plan_id)
    third = await world.resolve(found, said)
    assert [verdict.accepted for verdict in third.decisions] == [True]
    assert [row.verdict.accepted for row in await recorded(world)] == [True]
    assert await world.alerts() == []


@pytest.mark.parametrize(("by_deployment", "by_declaration", "counts"), [
    (True, None, True), (False, None, False), (True, False, False), (False, True, True),
])  # fmt: skip
async def test_plain_signals_decide_where_that_is_switched_on(
    build: Build,
    by_deployment: bool,  # noqa: FBT001 - a case
    by_declaration: bool | None,  # noqa: FBT001 - a case
    counts: bool,  # noqa: FBT001 - a case
) -> None:
    words = {} if by_declaration is None else {"reviews": {"decide_by_signal": by_declaration}}
    world = await build(declaration(OWNER, **words), decide_by_signal=by_deployment)
    token = await contested(world)
    done = await world.one_pass(a_side(token, Side.B, channel="signal"))
    assert done.resolved is not None
    assert done.resolved.decisions[0].accepted is counts
    assert (world.shows(Side.A, "owner") == "eva") is counts


async def test_nobody_came_so_the_declared_fallback_decides(build: Build) -> None:
    fallback = {"fallback_after": "2h", "fallback": [{"source_priority": "a"}]}
    world = await build(declaration(OWNER, reviews=fallback))
    token = await contested(world)
    said = Decision(token=token, choice="approve", by="fallback", channel="fallback")
    await world.one_pass(said)
    assert world.shows(Side.B, "assignee") == "tom"
    assert (await world.log())[-1].line.rule == "fallback: source_priority: Left"


# ------------------------------------------------------------------------------------------------- flapping
async def test_a_field_that_two_rules_pull_at_is_parked_with_one_alert_and_the_others_flow(
    build: Build,
) -> None:
    world = await build(
        declaration(TITLE, PRIORITY, limits={"flap": "3 in 1h"}),
        settings=Pair({"write_marker": False}, {"write_marker": False}),
    )
    for n in range(12):
        world.edit(Side.A, title=f"title {n % 2}")
        last = await world.one_pass()
    assert last.standing.states == ("parked", "partial")
    assert [alert.kind for alert in await world.alerts()] == ["flap"]
    world.edit(Side.A, priority="1")
    await world.one_pass()
    assert world.shows(Side.B, "urgency") == "High"
    assert world.shows(Side.B, "summary") != "title 1"


async def test_a_parked_field_flows_again_after_a_retry(build: Build) -> None:
    world = await build(declaration(TITLE, limits={"flap": "3 in 1h"}))
    for n in range(12):
        world.edit(Side.A, title=f"title {n % 2}")
        await world.one_pass()
    assert list((await world.work()).parked) == ["title"]
    world.clock.advance(hours=2)
    await world.one_pass(retried_by="ines")
    assert world.shows(Side.A, "title") == world.shows(Side.B, "summary")
