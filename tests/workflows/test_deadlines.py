"""Reminders, escalation, fallback: absolute, counted from the first opening, by one timer."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from activities.messages import OpenReview, Resolved
from domain.outcome import DecisionVerdict
from domain.sides import Side
from tests.workflows.stage import INES, Played, Stage, a_review, found, standing, until, waiting
from workflows.pair import PairWorkflow
from workflows.state import ApproveSignal

pytestmark = pytest.mark.stack

AFTER = {"remind": timedelta(minutes=30), "escalate": timedelta(hours=2), "fallback": timedelta(hours=8)}


class Desk:
    """A pair whose owner is contested; what resolve and detect say follows `review`."""

    def __init__(self, stage: Stage, skipping: WorkflowEnvironment) -> None:
        self.stage, self.skipping = stage, skipping
        self.review: OpenReview | None = None
        self.refuses = False
        stage.actors.plays["detect"] = lambda _: found("conflicts", "owner", standing=self._standing())
        stage.actors.plays["resolve"] = self._resolve

    def _standing(self) -> Any:
        return standing(self.review) if self.review else standing()

    def _resolve(self, asked: Any) -> Resolved:
        assert self.review is not None
        if not asked.decisions:
            return waiting(self.review)
        token = asked.decisions[0].token
        verdict = DecisionVerdict(token=token, accepted=not self.refuses, message="said")
        if self.refuses:
            return waiting(self.review, opened=False, decisions=(verdict,))
        return Resolved(outcome="nothing", story="decided", decisions=(verdict,), standing=standing())

    async def opened(self, **after: timedelta) -> tuple[Played, datetime]:
        """The pair with its review just opened."""
        at = await self.skipping.get_current_time()
        self.review = a_review("t1", at, **(after or AFTER))
        pair = await self.stage.pair()
        await pair.idle()
        return pair, at

    def moves_on(self, token: str) -> None:
        assert self.review is not None
        self.review = self.review.model_copy(update={"token": token})


@pytest.fixture
def desk(skipping_stage: Stage, skipping: WorkflowEnvironment) -> Desk:
    return Desk(skipping_stage, skipping)


async def test_a_review_is_opened_reminded_escalated_and_falls_back_once_each(desk: Desk) -> None:
    pair, _ = await desk.opened()
    told = desk.stage.actors.told
    assert told() == [("opened", "t1")]
    await desk.skipping.sleep(timedelta(minutes=31))
    await until(lambda: ("reminded", "t1") in told())
    await desk.skipping.sleep(timedelta(hours=2))
    await until(lambda: ("escalated", "t1") in told())
    await desk.skipping.sleep(timedelta(hours=6))
    await until(lambda: ("decided", "t1") in told())
    assert told() == [("opened", "t1"), ("reminded", "t1"), ("escalated", "t1"), ("decided", "t1")]
    said = desk.stage.actors.calls("resolve")[-1].decisions
    assert [(one.token, one.channel) for one in said] == [("t1", "fallback")]
    assert (await pair.idle()).standing.states == ("in_sync",)


async def test_a_conflict_that_moves_on_is_not_reminded_again_and_keeps_its_deadlines(desk: Desk) -> None:
    pair, _ = await desk.opened()
    await desk.skipping.sleep(timedelta(minutes=31))
    await until(lambda: ("reminded", "t1") in desk.stage.actors.told())
    desk.moves_on("t2")
    await pair.notice()
    await until(lambda: ("opened", "t2") in desk.stage.actors.told())
    await desk.skipping.sleep(timedelta(minutes=80))
    assert [event for event, _ in desk.stage.actors.told()] == ["opened", "reminded", "opened"]
    await desk.skipping.sleep(timedelta(minutes=15))
    await until(lambda: ("escalated", "t2") in desk.stage.actors.told())


async def test_notices_while_a_review_waits_start_no_further_timer(desk: Desk) -> None:
    pair, _ = await desk.opened()
    for passes in range(2, 7):
        await pair.notice()
        await pair.passed(passes)
    assert await pair.events("TIMER_STARTED") == 1
    assert await pair.events("TIMER_CANCELED") == 0


async def test_the_next_deadline_gets_the_next_timer(desk: Desk) -> None:
    pair, _ = await desk.opened()
    await desk.skipping.sleep(timedelta(minutes=31))
    await until(lambda: ("reminded", "t1") in desk.stage.actors.told())
    await pair.idle()
    assert (await pair.events("TIMER_STARTED"), await pair.events("TIMER_FIRED")) == (2, 1)


async def test_an_answered_review_is_not_reminded(desk: Desk) -> None:
    pair, _ = await desk.opened()
    await pair.handle.signal(PairWorkflow.approve, ApproveSignal(token="t1", by="eva"))
    await pair.shows(lambda state: not state.standing.reviews)
    await desk.skipping.sleep(timedelta(hours=9))
    assert [event for event, _ in desk.stage.actors.told()] == ["opened", "decided"]
    assert await pair.events("TIMER_CANCELED") == 1


async def test_a_fallback_that_cannot_decide_leaves_the_review_and_is_not_repeated(desk: Desk) -> None:
    pair, _ = await desk.opened(fallback=timedelta(hours=1))
    desk.refuses = True
    await desk.skipping.sleep(timedelta(minutes=61))
    await until(lambda: len(desk.stage.actors.calls("resolve")) == 2)
    await desk.skipping.sleep(timedelta(hours=5))
    state = await pair.idle()
    assert len(desk.stage.actors.calls("resolve")) == 2
    assert [review.token for review in state.standing.reviews] == ["t1"]
    assert "t1" not in state.decided


async def test_a_deadline_that_passed_during_a_pause_is_met_on_resuming(desk: Desk) -> None:

    pair, _ = await desk.opened()
    await pair.handle.signal(PairWorkflow.pause, INES)
    await pair.shows(lambda state: state.paused_by)
    await desk.skipping.sleep(timedelta(hours=1))
    assert [event for event, _ in desk.stage.actors.told()] == ["opened"]
    await pair.handle.signal(PairWorkflow.resume, INES)
    await until(lambda: ("reminded", "t1") in desk.stage.actors.told())


async def test_two_reviews_have_their_own_deadlines(desk: Desk) -> None:
    at = await desk.skipping.get_current_time()
    soon = a_review("t1", at, "owner", remind=timedelta(minutes=10))
    later = a_review("t2", at, "team/shift", remind=timedelta(minutes=20))
    desk.stage.actors.plays["detect"] = lambda _: found("conflicts", "owner", standing=standing(soon, later))
    desk.stage.actors.plays["resolve"] = lambda _: waiting(soon, later, opened=False)
    pair = await desk.stage.pair()
    await pair.idle()
    await desk.skipping.sleep(timedelta(minutes=11))
    await until(lambda: desk.stage.actors.told() == [("reminded", "t1")])
    await desk.skipping.sleep(timedelta(minutes=10))
    await until(lambda: desk.stage.actors.told() == [("reminded", "t1"), ("reminded", "t2")])
    await pair.notice(Side.B)
    await desk.skipping.sleep(timedelta(minutes=10))
    await pair.idle()
    assert len(desk.stage.actors.told()) == 2
