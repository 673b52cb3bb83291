"""Search attributes, hooks, and the short life of an unlinked record."""

from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import Client, WorkflowFailureError

from activities.counterpart import Matched, MatchInput
from activities.messages import Applied, PairRef
from domain.errors import ConfigError, RateLimited
from domain.records import RecordRef
from domain.sides import Side
from tests.workflows.stage import NUMBERS, Played, Stage, a_review, found, standing, until, waiting
from workflows.catalogue import pair_workflows
from workflows.major_incident import MajorIncidentPair
from workflows.match import MatchWorkflow
from workflows.pair import PairWorkflow

pytestmark = pytest.mark.stack


async def test_attributes_are_sent_only_where_the_standing_changed(stage: Stage) -> None:
    pair = await stage.pair()
    await pair.idle()
    for passes in range(2, 5):
        await pair.notice()
        await pair.passed(passes)
    assert await pair.events("UPSERT_WORKFLOW_SEARCH_ATTRIBUTES") == 1
    stage.actors.plays["detect"] = lambda _: found(standing=standing(states=("held",), fields=("priority",)))
    await pair.notice()
    await pair.shows(lambda state: state.standing.states == ("held",))
    assert await pair.events("UPSERT_WORKFLOW_SEARCH_ATTRIBUTES") == 2


async def test_a_pair_is_found_by_state_field_and_key(stage: Stage, client: Client) -> None:
    words = {"states": ("held",), "fields": ("priority",), "keys": ("INC77", "OPS-9")}
    stage.actors.plays["detect"] = lambda _: found(standing=standing(**words))
    pair = await stage.pair()
    state = await pair.idle()
    assert state.pair.keys == ("INC77", "OPS-9")
    query = "AccordState = 'held' AND AccordFields = 'priority' AND AccordRecords = 'INC77'"

    async def is_found() -> bool:
        return (await client.count_workflows(query)).count == 1

    await until(is_found)


async def test_a_major_incident_tells_its_queue_before_the_first_write(stage: Stage) -> None:
    review = a_review("t1", datetime.now(UTC))
    decided = waiting(
        review, opened=False, plan_id=7, contested=({"unit": "priority", "token": "c9", "outcome": "1"},)
    )
    stage.actors.plays["detect"] = lambda _: found("conflicts", "priority", standing=standing(review))
    stage.actors.plays["resolve"] = lambda _: decided
    stage.actors.plays["apply"] = lambda _: Applied(outcome="settled", story="x")
    await (await stage.pair(MajorIncidentPair)).idle()
    assert [name for name, _ in stage.actors.asked] == ["detect", "resolve", "notify", "apply"]
    assert stage.actors.calls("notify")[0].text == "priority: 1"


def test_a_workflow_of_its_own_needs_no_line_of_registration() -> None:
    assert pair_workflows() == {"PairWorkflow": PairWorkflow, "MajorIncidentPair": MajorIncidentPair}


# ------------------------------------------------------------------------------------------------- matching
ASKED = MatchInput(
    integration="tickets", side=Side.A, ref=RecordRef(connection="left", record_type="ticket", id="1")
)


async def matched(stage: Stage) -> str:
    workflow_id = f"match/tickets/{next(NUMBERS)}"
    stage.runs.append((workflow_id, None))
    told: str = await stage.client.execute_workflow(
        MatchWorkflow.run, ASKED, id=workflow_id, task_queue=stage.queue
    )
    return told


async def test_a_match_hands_over_to_the_pairs_own_workflow(stage: Stage) -> None:
    pair = PairRef(
        integration="tickets", pair_id=f"m{next(NUMBERS)}", systems=("Left", "Right"), keys=("T-1", "T-2")
    )
    stage.actors.plays["match"] = lambda _: Matched(
        outcome="linked", story="matched by title", pair=pair, workflow="MajorIncidentPair"
    )
    assert await matched(stage) == "matched by title"
    handle = stage.client.get_workflow_handle(f"pair/tickets/{pair.pair_id}")
    stage.runs.append((handle.id, None))
    await Played(handle).idle()
    assert (await handle.describe()).workflow_type == "MajorIncidentPair"
    assert await matched(stage) == "matched by title"
    assert len(stage.actors.calls("detect")) == 1


async def test_a_record_without_counterpart_starts_nothing(stage: Stage) -> None:
    assert await matched(stage) == "nothing"
    assert stage.actors.calls("detect") == []


async def test_what_can_never_succeed_fails_the_match_where_operators_see_it(stage: Stage) -> None:
    def refuse(_: object) -> None:
        raise ConfigError("no connection 'right' is configured")

    stage.actors.plays["match"] = refuse
    with pytest.raises(WorkflowFailureError):
        await matched(stage)
    assert len(stage.actors.calls("match")) == 1


async def test_an_outage_longer_than_an_activity_is_waited_out(stage: Stage) -> None:
    left = [RateLimited("the quota is used up", retry_after=timedelta(hours=1))]

    def limit(_: object) -> Matched:
        if left:
            raise left.pop()
        return Matched(outcome="nothing", story="no record matches")

    stage.actors.plays["match"] = limit
    assert await matched(stage) == "no record matches"
