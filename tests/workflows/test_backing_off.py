"""A system that is out: the pair waits by its own back-off, and stays open to people."""

from datetime import timedelta

import pytest
from temporalio.testing import WorkflowEnvironment

from domain.errors import SystemUnavailable
from domain.sides import Side
from tests.workflows.stage import DETACHED, INES, Stage, found, standing, until
from workflows.pair import PairWorkflow
from workflows.state import ApproveSignal

pytestmark = pytest.mark.stack


def out(_: object) -> None:
    raise SystemUnavailable("jira gives no answer")


async def test_a_hidden_record_is_looked_at_again_and_the_pauses_grow(
    skipping: WorkflowEnvironment, skipping_stage: Stage
) -> None:
    actors = skipping_stage.actors
    actors.plays["detect"] = lambda _: found("unreachable", story="403", retry_in=timedelta(seconds=30))
    pair = await skipping_stage.pair()
    for passes, pause in enumerate((30, 30, 30, 60, 300, 300), 1):
        state = await pair.passed(passes, backing_off=True)
        assert state.retry_at is not None
        left = state.retry_at - await skipping.get_current_time()
        assert timedelta(seconds=pause - 10) < left <= timedelta(seconds=pause)
        await skipping.sleep(timedelta(seconds=pause + 1))
    actors.plays["detect"] = lambda _: found()
    await skipping.sleep(timedelta(seconds=301))
    state = await pair.idle()
    assert (state.standing.states, state.failures) == (("in_sync",), 0)
    assert {notice.side for notice in actors.calls("detect")[-1].notices} == {Side.A, Side.B}


async def test_a_long_outage_is_said_and_ridden_out(
    skipping: WorkflowEnvironment, skipping_stage: Stage
) -> None:
    actors = skipping_stage.actors
    actors.plays["detect"] = out
    pair = await skipping_stage.pair()
    await until(lambda: actors.calls("detect"))
    await skipping.sleep(timedelta(minutes=6))
    state = await pair.shows(lambda state: state.failures)
    assert (state.standing.states, state.standing.waits_for) == (("unreachable",), "jira gives no answer")
    await until(lambda: actors.calls("note"))
    assert actors.calls("note")[0].waits_for == "jira gives no answer"
    actors.plays["detect"] = lambda _: found()
    await skipping.sleep(timedelta(minutes=6))
    assert (await pair.idle()).standing.states == ("in_sync",)


async def test_the_state_is_shown_once_not_at_every_try(
    skipping: WorkflowEnvironment, skipping_stage: Stage
) -> None:
    skipping_stage.actors.plays["detect"] = lambda _: found(
        "unreachable", story="403", retry_in=timedelta(seconds=30)
    )
    pair = await skipping_stage.pair()
    for passes in range(1, 4):
        await pair.passed(passes, backing_off=True)
        await skipping.sleep(timedelta(seconds=40))
    assert await pair.events("UPSERT_WORKFLOW_SEARCH_ATTRIBUTES") == 1


@pytest.mark.parametrize("act", ["decision", "retry", "sync_now"])
async def test_what_a_person_says_ends_the_wait_at_once(skipping_stage: Stage, act: str) -> None:
    actors = skipping_stage.actors
    actors.plays["detect"] = lambda _: found("unreachable", story="403", retry_in=timedelta(hours=1))
    pair = await skipping_stage.pair()
    await pair.shows(lambda state: state.retry_at)
    actors.plays["detect"] = lambda _: found()
    match act:
        case "decision":
            await pair.handle.signal(PairWorkflow.approve, ApproveSignal(token="t1", by="eva"))
        case "retry":
            await pair.handle.signal(PairWorkflow.retry, INES)
        case _:
            await pair.handle.execute_update(PairWorkflow.sync_now, INES)
    await pair.shows(lambda state: state.passes == 2 and state.is_idle)
    assert bool(actors.calls("resolve")) is (act == "decision")
    assert await pair.events("TIMER_CANCELED") == 1


async def test_a_notice_during_the_wait_is_kept_for_the_next_look(
    skipping: WorkflowEnvironment, skipping_stage: Stage
) -> None:
    actors = skipping_stage.actors
    actors.plays["detect"] = lambda _: found("unreachable", story="403", retry_in=timedelta(hours=1))
    pair = await skipping_stage.pair()
    await pair.shows(lambda state: state.retry_at)
    await pair.notice(Side.B, version="9")
    await skipping.sleep(timedelta(minutes=30))
    assert len(actors.calls("detect")) == 1
    actors.plays["detect"] = lambda _: found(standing=standing())
    await skipping.sleep(timedelta(minutes=31))
    await pair.idle()
    assert "9" in {notice.version for notice in actors.calls("detect")[1].notices}


async def test_a_retry_that_fell_into_an_outage_still_lifts_what_it_was_for(
    skipping: WorkflowEnvironment, skipping_stage: Stage
) -> None:
    actors = skipping_stage.actors
    actors.plays["detect"] = lambda _: found("stopped", story="refused whole")
    pair = await skipping_stage.pair()
    await pair.shows(lambda state: state.stopped)
    actors.plays["detect"] = out
    await pair.handle.signal(PairWorkflow.retry, INES)
    await until(lambda: len(actors.calls("detect")) > 1)
    await skipping.sleep(timedelta(minutes=6))
    await pair.shows(lambda state: state.failures)
    actors.plays["detect"] = lambda _: found()
    await skipping.sleep(timedelta(minutes=6))
    assert (await pair.idle()).retried_by is None
    assert actors.calls("detect")[-1].retried_by == "ines"


async def test_unlinking_does_not_wait_for_a_system_that_is_out(skipping_stage: Stage) -> None:
    skipping_stage.actors.plays["detect"] = out
    skipping_stage.actors.plays["end"] = lambda _: DETACHED
    pair = await skipping_stage.pair()
    await until(lambda: skipping_stage.actors.calls("detect"))
    await pair.handle.signal(PairWorkflow.unlink, INES)
    await until(lambda: skipping_stage.actors.calls("end"))
    assert await pair.handle.result() == "unlinked by ines"
