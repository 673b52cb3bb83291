import asyncio
from datetime import timedelta

import pytest

from domain.sides import Side
from store import plans, work
from store.database import Database, Tx
from store.errors import Fenced, PlanOpen
from store.pairs import PairRow
from store.plans import OpenPlan
from tests.store.builders import an_open_plan

pytestmark = pytest.mark.stack

AT_ONCE = timedelta(seconds=-1)
"""An age that every claim has, also one of this very transaction."""


@pytest.fixture
async def plan(tx: Tx, pair: PairRow) -> OpenPlan:
    return await an_open_plan(tx, pair.id, priority=None)


async def open_plan(tx: Tx, pair: PairRow) -> OpenPlan | None:
    return (await work.load(tx, pair.id)).plan


async def test_a_plan_comes_back_as_it_was_made(tx: Tx, pair: PairRow, plan: OpenPlan) -> None:
    assert await open_plan(tx, pair) == plan
    [step] = plan.steps
    assert (step.n, step.side, step.fields, step.expect) == (1, Side.B, {"priority": None}, {"priority": "2"})
    assert (step.state, step.holder, step.response) == ("pending", None, None)
    assert plan.plan.writes[0].fields == step.fields


async def test_a_pair_has_one_open_plan(tx: Tx, pair: PairRow, plan: OpenPlan) -> None:
    with pytest.raises(PlanOpen):
        await an_open_plan(tx, pair.id)


async def test_a_closed_plan_makes_room_for_the_next(tx: Tx, pair: PairRow, plan: OpenPlan) -> None:
    await plans.close(tx, plan.id, "overtaken")
    assert await open_plan(tx, pair) is None
    assert (await an_open_plan(tx, pair.id)).id != plan.id


async def test_a_step_has_one_holder(tx: Tx, plan: OpenPlan) -> None:
    [step] = plan.steps
    assert await plans.claim(tx, step.id, "attempt 1")
    assert not await plans.claim(tx, step.id, "attempt 2")
    assert await plans.claim(tx, step.id, "attempt 1")


async def test_the_claim_of_a_dead_attempt_passes_on(tx: Tx, plan: OpenPlan) -> None:
    [step] = plan.steps
    assert await plans.claim(tx, step.id, "attempt 1")
    assert await plans.claim(tx, step.id, "attempt 2", abandoned_after=AT_ONCE)


async def test_of_many_attempts_at_once_one_gets_the_step(database: Database, pair: PairRow) -> None:
    async with database.begin() as tx:
        [step] = (await an_open_plan(tx, pair.id)).steps

    async def claim(holder: str) -> bool:
        async with database.begin() as tx:
            return await plans.claim(tx, step.id, holder)

    assert sum(await asyncio.gather(*(claim(f"attempt {n}") for n in range(6)))) == 1


async def test_what_a_step_brought_is_kept(tx: Tx, pair: PairRow, plan: OpenPlan) -> None:
    [step] = plan.steps
    await plans.claim(tx, step.id, "attempt 1")
    await plans.finish_step(tx, step.id, "attempt 1", {"priority": "Highest"}, "done")
    found = await open_plan(tx, pair)
    assert found is not None
    assert (found.steps[0].state, found.steps[0].response) == ("done", {"priority": "Highest"})


async def test_a_commit_by_another_than_the_holder_is_refused(tx: Tx, plan: OpenPlan) -> None:
    [step] = plan.steps
    await plans.claim(tx, step.id, "attempt 1")
    await plans.claim(tx, step.id, "attempt 2", abandoned_after=AT_ONCE)
    with pytest.raises(Fenced):
        await plans.finish_step(tx, step.id, "attempt 1", None, "done")


async def test_a_released_step_is_taken_over_at_once_and_still_known_as_tried(
    tx: Tx, pair: PairRow, plan: OpenPlan
) -> None:
    [step] = plan.steps
    await plans.claim(tx, step.id, "attempt 1")
    await plans.release(tx, step.id, "attempt 2")
    assert not await plans.claim(tx, step.id, "attempt 2")
    await plans.release(tx, step.id, "attempt 1")
    known = await open_plan(tx, pair)
    assert known is not None
    assert known.steps[0].state == "claimed"
    assert await plans.claim(tx, step.id, "attempt 2")


async def test_a_step_that_nobody_claimed_cannot_be_finished(tx: Tx, plan: OpenPlan) -> None:
    with pytest.raises(Fenced):
        await plans.finish_step(tx, plan.steps[0].id, "attempt 1", None, "done")


async def test_a_finished_step_is_neither_claimed_nor_finished_again(tx: Tx, plan: OpenPlan) -> None:
    [step] = plan.steps
    await plans.claim(tx, step.id, "attempt 1")
    await plans.finish_step(tx, step.id, "attempt 1", None, "done")
    assert not await plans.claim(tx, step.id, "attempt 1")
    with pytest.raises(Fenced):
        await plans.finish_step(tx, step.id, "attempt 1", None, "done")


async def test_an_overtaken_plan_refuses_a_late_attempt(tx: Tx, plan: OpenPlan) -> None:
    [step] = plan.steps
    await plans.claim(tx, step.id, "attempt 1")
    await plans.close(tx, plan.id, "overtaken")
    with pytest.raises(Fenced):
        await plans.finish_step(tx, step.id, "attempt 1", None, "done")
    assert not await plans.claim(tx, step.id, "attempt 1")
