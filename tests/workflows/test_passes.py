"""The loop: detect, resolve if something conflicts, apply if something is to be written."""

from datetime import UTC, datetime, timedelta

import pytest
from temporalio.testing import WorkflowEnvironment

from activities.messages import Applied, Ended, Resolved
from domain.errors import ConfigError
from domain.records import Evidence, Gone, RecordRef
from domain.sides import SIDES, Side
from tests.workflows.stage import DETACHED, INES, Blocking, Stage, a_review, found, standing, until, waiting
from workflows.pair import PairWorkflow

pytestmark = pytest.mark.stack
GONE = Gone(ref=RecordRef(connection="sn", record_type="incident", id="1"), evidence=Evidence.EVENT)


async def test_a_clean_change_costs_two_activities_and_a_quiet_one_only_a_look(stage: Stage) -> None:
    pair = await stage.pair()
    await pair.idle()
    assert [name for name, _ in stage.actors.asked] == ["detect"]
    stage.actors.plays["detect"] = lambda _: found("plan", plan_id=7, writes=("title → Jira OPS-7",))
    await pair.notice()
    await pair.passed(2)
    assert [name for name, _ in stage.actors.asked] == ["detect", "detect", "apply"]


async def test_a_conflict_is_resolved_and_its_plan_applied(stage: Stage) -> None:
    stage.actors.plays["detect"] = lambda _: found("conflicts", "priority")
    stage.actors.plays["resolve"] = lambda _: Resolved(
        outcome="plan", story="decided", plan_id=9, standing=standing()
    )
    stage.actors.plays["apply"] = lambda _: Applied(outcome="settled", story="settled", written=("priority",))
    pair = await stage.pair()
    state = await pair.idle()
    assert stage.actors.calls("apply")[0].plan_id == 9
    assert state.writes == 1


async def test_a_burst_of_notices_is_drained_into_few_passes(stage: Stage) -> None:
    look = Blocking(found())
    stage.actors.plays["detect"] = look
    pair = await stage.pair()
    await look.begun.wait()
    for n in range(30):
        await pair.notice(SIDES[n % 2], version=str(n))
    look.go_on.set()
    state = await pair.idle()
    assert state.passes == 2
    assert {notice.version for notice in stage.actors.calls("detect")[1].notices} == {"28", "29"}


@pytest.mark.parametrize("outcome", ["stale", "again"])
async def test_a_write_that_met_something_new_is_followed_by_another_look(stage: Stage, outcome: str) -> None:
    answers = [Applied.model_validate({"outcome": outcome, "story": "moved on"})]
    stage.actors.plays["detect"] = lambda _: found("plan", plan_id=7) if answers else found()
    stage.actors.plays["apply"] = lambda _: answers.pop()
    pair = await stage.pair()
    await pair.idle()
    assert [name for name, _ in stage.actors.asked] == ["detect", "apply", "detect"]


async def test_an_older_plan_is_followed_by_a_look_at_what_changed_beside_it(stage: Stage) -> None:
    looks = [found("plan", plan_id=7, look_again=True)]
    stage.actors.plays["detect"] = lambda _: looks.pop() if looks else found()
    pair = await stage.pair()
    await pair.idle()
    assert [name for name, _ in stage.actors.asked] == ["detect", "apply", "detect"]


async def test_a_review_does_not_stop_other_fields(stage: Stage) -> None:
    review = a_review("t1", datetime.now(UTC))
    stage.actors.plays["detect"] = lambda _: found("conflicts", "owner", standing=standing(review))
    stage.actors.plays["resolve"] = lambda _: waiting(review, plan_id=3, writes=("title → Jira OPS-7",))
    pair = await stage.pair()
    state = await pair.idle()
    assert stage.actors.calls("apply")[0].plan_id == 3
    assert state.standing.states == ("pending_review",)


async def test_parked_fields_show_though_apply_came_after_the_standing(stage: Stage) -> None:
    stage.actors.plays["detect"] = lambda _: found("plan", plan_id=7)
    stage.actors.plays["apply"] = lambda _: Applied(
        outcome="partial", story="x", parked={"notes": "too long"}
    )
    state = await (await stage.pair()).idle()
    assert state.standing.states == ("parked", "partial")


async def test_a_link_that_ended_elsewhere_ends_the_workflow(stage: Stage) -> None:
    stage.actors.plays["detect"] = lambda _: found("ended", story="the link has ended: unlinked by tom")
    pair = await stage.pair()
    assert await pair.handle.result() == "the link has ended: unlinked by tom"


async def test_a_quarantined_pair_keeps_what_it_hears_until_a_retry(stage: Stage) -> None:
    stage.actors.plays["detect"] = lambda _: found("stopped", story="refused whole")
    pair = await stage.pair()
    await pair.shows(lambda state: state.stopped)
    await pair.notice(Side.B, version="9")
    stage.actors.plays["detect"] = lambda _: found()
    assert len(stage.actors.calls("detect")) == 1
    await pair.handle.signal(PairWorkflow.retry, INES)
    await pair.idle()
    asked = stage.actors.calls("detect")[1]
    assert asked.retried_by == "ines"
    assert "9" in {notice.version for notice in asked.notices}


async def test_a_quarantined_pair_looks_once_at_what_it_hears(stage: Stage) -> None:
    """A person's edit lifts a quarantine; detect says whether it was one."""
    stopped = found("stopped", story="refused whole", standing=standing(states=("quarantined",)))
    stage.actors.plays["detect"] = lambda _: stopped
    pair = await stage.pair()
    await pair.shows(lambda state: state.stopped and state.passes == 1)
    await pair.notice(Side.B, version="9")
    state = await pair.shows(lambda state: state.stopped and state.passes == 2 and not state.busy)
    assert state.has_work
    stage.actors.plays["detect"] = lambda _: found()
    await pair.notice(Side.B, version="10")
    state = await pair.idle()
    assert (state.stopped, state.passes) == (None, 3)


async def test_a_survivor_that_cannot_be_seen_is_looked_for_again(stage: Stage) -> None:
    lost = found("gone", gone={"a": GONE})
    stage.actors.plays["detect"] = lambda _: lost
    stage.actors.plays["end"] = lambda _: Ended(outcome="unreachable", story="Jira OPS-1 can't be seen")
    pair = await stage.pair()
    state = await pair.shows(lambda state: state.retry_at)
    assert (state.standing.states, state.lost) == (("unreachable",), {Side.A})
    stage.actors.plays["end"] = lambda _: DETACHED
    await pair.handle.execute_update(PairWorkflow.sync_now, INES)
    assert await pair.handle.result() == DETACHED.story


async def test_a_braked_deletion_waits_for_a_resume(stage: Stage) -> None:
    stage.actors.plays["detect"] = lambda _: found("gone", gone={"a": GONE})
    braked = Ended(outcome="stopped", story="too many", standing=standing(states=("braked",)))
    stage.actors.plays["end"] = lambda _: braked
    pair = await stage.pair()
    state = await pair.shows(lambda state: state.stopped)
    assert (state.stopped, state.standing.states) == ("too many", ("braked",))
    stage.actors.plays["end"] = lambda _: DETACHED
    await pair.handle.signal(PairWorkflow.resume, INES)
    assert await pair.handle.result() == DETACHED.story
    assert stage.actors.calls("detect")[1].gone == (Side.A,)


async def test_a_pair_with_a_new_record_in_the_lost_ones_place_goes_on(stage: Stage) -> None:
    answers = iter([found("gone", gone={"a": GONE}), found()])
    stage.actors.plays["detect"] = lambda _: next(answers)
    relinked = Ended(outcome="relinked", story="created anew", standing=standing(keys=("INC2", "OPS-1")))
    stage.actors.plays["end"] = lambda _: relinked
    pair = await stage.pair()
    state = await pair.passed(2)
    assert (state.lost, state.pair.keys) == (set(), ("INC2", "OPS-1"))
    assert stage.actors.calls("detect")[1].gone == ()


async def test_since_when_a_record_is_missing_is_handed_from_look_to_look(stage: Stage) -> None:
    since = datetime(2026, 11, 3, 12, tzinfo=UTC)
    answers = iter([found("unreachable", missing={"a": since}), found()])
    stage.actors.plays["detect"] = lambda _: next(answers)
    pair = await stage.pair()
    await pair.shows(lambda state: state.missing)
    await pair.handle.execute_update(PairWorkflow.sync_now, INES)
    state = await pair.idle()
    assert state.missing == {}
    assert stage.actors.calls("detect")[1].missing == {Side.A: since}


async def test_what_can_never_work_brakes_the_pair_until_a_retry(stage: Stage) -> None:
    def broken(_: object) -> None:
        raise ConfigError("integration tickets has no version 3") from KeyError("tickets")

    stage.actors.plays["detect"] = broken
    pair = await stage.pair()
    state = await pair.shows(lambda state: state.stopped)
    assert (state.stopped, state.standing.states) == ("integration tickets has no version 3", ("braked",))
    assert state.has_work
    await until(lambda: stage.actors.calls("note"))
    stage.actors.plays["detect"] = lambda _: found()
    await pair.handle.signal(PairWorkflow.retry, INES)
    state = await pair.idle()
    assert (state.stopped, state.standing.states) == (None, ("in_sync",))


async def test_sync_now_looks_at_both_sides(stage: Stage) -> None:
    pair = await stage.pair()
    await pair.idle()
    assert await pair.handle.execute_update(PairWorkflow.sync_now, INES) == "queued"
    await pair.passed(2)
    assert {notice.side for notice in stage.actors.calls("detect")[1].notices} == set(SIDES)


async def test_half_typed_values_settle_before_the_look_and_later_notices_join_it(
    skipping: WorkflowEnvironment, skipping_stage: Stage
) -> None:
    actors, pair = skipping_stage.actors, await skipping_stage.pair()
    actors.plays["detect"] = lambda _: found(standing=standing(settle=timedelta(seconds=10)))
    await pair.idle()
    await pair.notice(Side.A, version="1")
    await pair.shows(lambda state: state.busy)
    await pair.notice(Side.A, version="2")
    await skipping.sleep(timedelta(seconds=11))
    state = await pair.idle()
    assert state.passes == 2
    assert [notice.version for notice in actors.calls("detect")[1].notices] == ["2"]


async def test_a_pause_during_the_settling_keeps_the_notice_unread(
    skipping: WorkflowEnvironment, skipping_stage: Stage
) -> None:
    actors, pair = skipping_stage.actors, await skipping_stage.pair()
    actors.plays["detect"] = lambda _: found(standing=standing(settle=timedelta(seconds=10)))
    await pair.idle()
    await pair.notice(Side.A, version="1")
    await pair.shows(lambda state: state.busy)
    await pair.handle.signal(PairWorkflow.pause, INES)
    await skipping.sleep(timedelta(seconds=11))
    state = await pair.state()
    assert (state.passes, list(state.dirty)) == (1, [Side.A])
