"""Pause, resume, unlink: at once, whatever runs, and nothing that was heard is lost."""

import pytest

from activities.messages import Resolved
from domain.errors import StopRecord, SystemUnavailable
from domain.outcome import Decision
from domain.sides import Side
from tests.workflows.stage import DETACHED, INES, Blocking, Stage, found, standing, until, waiting
from workflows.major_incident import MajorIncidentPair
from workflows.pair import PairWorkflow
from workflows.state import OperatorSignal

pytestmark = pytest.mark.stack


async def test_a_pause_cancels_the_running_pass_and_keeps_its_notices(stage: Stage) -> None:
    look = Blocking(found())
    stage.actors.plays["detect"] = look
    pair = await stage.pair()
    await look.begun.wait()
    await pair.notice(Side.B, version="2")
    await pair.handle.signal(PairWorkflow.pause, INES)
    state = await pair.shows(lambda state: state.standing.states[:1] == ("paused",))
    assert set(state.dirty) == {Side.A, Side.B}
    assert state.dirty[Side.B].version == "2"
    assert await pair.events("ACTIVITY_TASK_CANCEL_REQUESTED") == 1


async def test_a_paused_pair_reads_nothing_and_the_store_says_so_once(stage: Stage) -> None:
    pair = await stage.pair()
    await pair.idle()
    await pair.handle.signal(PairWorkflow.pause, INES)
    await until(lambda: stage.actors.calls("note"))
    for _ in range(3):
        await pair.notice()
    await pair.shows(lambda state: state.dirty)
    assert len(stage.actors.calls("detect")) == 1
    (note,) = stage.actors.calls("note")
    assert (note.states, note.waits_for) == (("paused",), "paused by ines")


async def test_resuming_looks_at_both_sides(stage: Stage) -> None:
    pair = await stage.pair()
    await pair.idle()
    await pair.handle.signal(PairWorkflow.pause, INES)
    await pair.shows(lambda state: state.paused_by)
    await pair.handle.signal(PairWorkflow.resume, INES)
    state = await pair.passed(2)
    assert state.standing.states == ("in_sync",)
    assert {notice.side for notice in stage.actors.calls("detect")[1].notices} == {Side.A, Side.B}


async def test_a_pause_before_the_first_write_holds_it(stage: Stage) -> None:
    """Also while a hook or a notification runs: its cancellation is not taken for a failure that may be ignored."""
    tell = Blocking(True)
    stage.actors.plays["notify"] = tell
    stage.actors.plays["detect"] = lambda _: found("conflicts", "owner")

    decided = waiting(contested=({"unit": "owner", "token": "t1", "outcome": "eva"},), plan_id=7)
    stage.actors.plays["resolve"] = lambda _: decided
    pair = await stage.pair(MajorIncidentPair)
    await tell.begun.wait()
    await pair.handle.signal(PairWorkflow.pause, INES)
    await pair.shows(lambda state: state.paused_by and not state.busy)
    assert stage.actors.calls("apply") == []


async def test_a_decision_given_in_a_pause_is_judged_after_it(stage: Stage) -> None:
    stage.actors.plays["resolve"] = lambda _: Resolved(outcome="nothing", story="x", standing=standing())
    pair = await stage.pair()
    await pair.idle()
    await pair.handle.signal(PairWorkflow.pause, INES)
    await pair.shows(lambda state: state.paused_by)
    await pair.handle.signal("approve", {"token": "t1", "by": "eva"})
    await pair.shows(lambda state: state.decisions)
    await pair.handle.signal(PairWorkflow.resume, INES)
    await until(lambda: stage.actors.calls("resolve"))
    assert stage.actors.calls("resolve")[0].decisions == (
        Decision(token="t1", choice="approve", by="eva", channel="signal"),
    )


async def test_unlinking_interrupts_what_runs_and_ends_the_workflow(stage: Stage) -> None:
    look = Blocking(found())
    stage.actors.plays["detect"] = look
    pair = await stage.pair()
    await look.begun.wait()
    await pair.handle.signal(PairWorkflow.unlink, INES)
    assert await pair.handle.result() == "unlinked by ines"
    (asked,) = stage.actors.calls("end")
    assert (asked.reason, asked.by, asked.gone) == ("unlinked", "ines", {})


async def test_a_paused_pair_can_be_unlinked(stage: Stage) -> None:
    pair = await stage.pair()
    await pair.idle()
    await pair.handle.signal(PairWorkflow.pause, INES)
    await pair.shows(lambda state: state.paused_by)
    await pair.handle.signal(PairWorkflow.unlink, OperatorSignal())
    await pair.handle.result()
    assert stage.actors.calls("end")[0].by == "an operator"


async def test_an_unlinking_that_fails_is_said_and_may_be_asked_again(stage: Stage) -> None:
    def refuse(_: object) -> None:
        raise StopRecord("pair p1 is not in the store")

    stage.actors.plays["end"] = refuse
    pair = await stage.pair()
    await pair.idle()
    await pair.handle.signal(PairWorkflow.unlink, INES)
    state = await pair.shows(lambda state: state.stopped)
    assert (state.stopped, state.unlink_by) == ("pair p1 is not in the store", None)
    stage.actors.plays["end"] = lambda _: DETACHED
    await pair.handle.signal(PairWorkflow.unlink, INES)
    assert await pair.handle.result() == "unlinked by ines"


async def test_an_unlinking_outlives_an_outage(stage: Stage) -> None:
    tries = [SystemUnavailable("the database is down")]

    def end(_: object) -> object:
        if tries:
            raise tries.pop()
        return DETACHED

    stage.actors.plays["end"] = end
    pair = await stage.pair()
    await pair.idle()
    await pair.handle.signal(PairWorkflow.unlink, INES)
    assert await pair.handle.result() == "unlinked by ines"
    assert len(stage.actors.calls("end")) == 2
