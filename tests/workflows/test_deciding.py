"""A person's answer: refused at the door at no cost, judged in the loop, lost to nothing."""

from datetime import UTC, datetime

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from activities.messages import Ended, OpenReview, Resolved
from domain.outcome import Decision, DecisionVerdict
from domain.records import Evidence, Gone, RecordRef
from domain.sides import Side
from tests.workflows.stage import INES, Blocking, Played, Stage, a_review, found, standing, until, waiting
from workflows.pair import PairWorkflow

pytestmark = pytest.mark.stack

APPROVE = Decision(token="t1", choice="approve", by="eva")
GONE = {Side.A: Gone(ref=RecordRef(connection="left", record_type="ticket", id="1"), evidence=Evidence.EVENT)}


def the_review(unit: str = "owner") -> OpenReview:
    return a_review("t1", datetime.now(UTC), unit)


def judged(*, accepted: bool) -> DecisionVerdict:
    return DecisionVerdict(token="t1", accepted=accepted, message="said")


async def reviewed(stage: Stage) -> Played:
    """A pair with one open review, quiet."""
    review = the_review()
    stage.actors.plays["detect"] = lambda _: found("conflicts", "owner", standing=standing(review))
    stage.actors.plays["resolve"] = lambda _: waiting(review)
    pair = await stage.pair()
    await pair.idle()
    return pair


async def refusal(pair: Played, decision: Decision) -> str | None:
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await pair.handle.execute_update(PairWorkflow.decide, decision)
    assert isinstance(refused.value.cause, ApplicationError)
    return refused.value.cause.type


async def test_a_stale_answer_is_refused_and_leaves_no_trace_in_the_history(stage: Stage) -> None:
    pair = await reviewed(stage)
    before = await pair.events()
    assert await refusal(pair, APPROVE.model_copy(update={"token": "old"})) == "stale_decision"
    assert await pair.events() == before


async def test_a_second_answer_is_told_that_somebody_was_faster(stage: Stage) -> None:
    pair = await reviewed(stage)
    judging = Blocking(Resolved(outcome="nothing", story="x", decisions=(judged(accepted=True),)))
    stage.actors.plays["resolve"] = judging
    assert await pair.handle.execute_update(PairWorkflow.decide, APPROVE) == "queued"
    await judging.begun.wait()
    assert await refusal(pair, APPROVE) == "already_decided"
    judging.go_on.set()
    await pair.idle()
    assert await refusal(pair, APPROVE) == "already_decided"


async def test_after_a_refusal_in_the_loop_the_review_can_be_answered_again(stage: Stage) -> None:
    pair = await reviewed(stage)
    stage.actors.plays["resolve"] = lambda _: waiting(
        the_review(), opened=False, decisions=(judged(accepted=False),)
    )
    await pair.handle.execute_update(PairWorkflow.decide, APPROVE)
    await pair.passed(2)
    assert await pair.handle.execute_update(PairWorkflow.decide, APPROVE) == "queued"


async def test_a_decision_that_met_an_open_plan_is_judged_in_the_next_pass(stage: Stage) -> None:
    pair = await reviewed(stage)
    answers = [Resolved(outcome="look_again", story="a plan is still open", standing=standing(the_review()))]
    stage.actors.plays["resolve"] = lambda _: (
        answers.pop()
        if answers
        else Resolved(outcome="nothing", story="x", decisions=(judged(accepted=True),))
    )
    await pair.handle.execute_update(PairWorkflow.decide, APPROVE)
    await pair.passed(3)
    heard = [asked.decisions for asked in stage.actors.calls("resolve")]
    assert heard == [(), (APPROVE,), (APPROVE,)]


async def test_a_decision_that_met_a_stopped_pair_is_judged_after_the_retry(stage: Stage) -> None:
    pair = await reviewed(stage)
    stage.actors.plays["detect"] = lambda _: found("stopped", story="refused whole")
    await pair.handle.execute_update(PairWorkflow.decide, APPROVE)
    await pair.shows(lambda state: state.stopped)
    stage.actors.plays["detect"] = lambda _: found()
    await pair.handle.signal(PairWorkflow.retry, INES)
    await until(lambda: len(stage.actors.calls("resolve")) == 2)
    assert stage.actors.calls("resolve")[1].decisions == (APPROVE,)


async def test_a_signal_that_lacks_everything_is_judged_not_lost(stage: Stage) -> None:
    pair = await reviewed(stage)
    await pair.handle.signal("override", {})
    await until(lambda: len(stage.actors.calls("resolve")) == 2)
    (said,) = stage.actors.calls("resolve")[1].decisions
    assert (said.token, said.side, said.channel) == ("", None, "signal")


# ------------------------------------------------------------------------------------------------- deletions
async def asked_about_a_deletion(stage: Stage) -> Played:
    """A's record is gone, as an event told; a person is asked what that means."""
    review = the_review(unit="__record__")
    stage.actors.plays["detect"] = lambda asked: found("gone", gone=GONE) if Side.A in asked.gone else found()
    stage.actors.plays["end"] = lambda _: Ended(
        outcome="waits", story="asks", opened=("t1",), standing=standing(review)
    )
    pair = await stage.pair()
    await pair.idle()
    await pair.notice(Side.A, kind="deleted")
    await pair.shows(lambda state: state.lost and state.is_idle)
    return pair


async def test_the_queue_hears_of_a_deletion_that_asks(stage: Stage) -> None:
    await asked_about_a_deletion(stage)
    await until(lambda: stage.actors.told() == [("opened", "t1")])


async def test_the_answer_to_a_deletion_still_finds_it_told(stage: Stage) -> None:
    """Only the event proved it, and events are told once."""
    pair = await asked_about_a_deletion(stage)
    stage.actors.plays["end"] = lambda _: Ended(outcome="closed", story="both are gone now")
    await pair.handle.execute_update(PairWorkflow.decide, APPROVE)
    assert await pair.handle.result() == "both are gone now"
    assert stage.actors.calls("end")[-1].decisions == (APPROVE,)


async def test_a_refused_answer_to_a_deletion_can_be_corrected(stage: Stage) -> None:
    pair = await asked_about_a_deletion(stage)
    stage.actors.plays["end"] = lambda _: Ended(
        outcome="waits",
        story="asks",
        decisions=(judged(accepted=False),),
        standing=standing(the_review(unit="__record__")),
    )
    await pair.handle.execute_update(PairWorkflow.decide, APPROVE)
    await pair.shows(lambda state: len(stage.actors.calls("end")) == 2 and state.is_idle)
    assert await pair.handle.execute_update(PairWorkflow.decide, APPROVE) == "queued"
