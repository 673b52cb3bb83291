"""A fresh run, asked for or by length, takes everything along."""

from datetime import UTC, datetime

import pytest
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner

from domain.sides import SIDES, Side
from tests.workflows.stage import INES, Stage, a_review, found, looking, staged, standing, until
from workflows import options
from workflows.pair import PairWorkflow
from workflows.state import ApproveSignal

pytestmark = pytest.mark.stack


async def test_a_renewed_run_remembers_notices_decisions_and_reviews(stage: Stage) -> None:
    review = a_review("t1", datetime.now(UTC))
    state = looking("p-renewed", standing=standing(review), sent=["owner/reminded"], decided=["t0"])
    state.paused_by = "ines"
    pair = await stage.pair(state=state)
    await pair.notice(Side.B, version="9")
    await pair.handle.signal(PairWorkflow.approve, ApproveSignal(token="t1", by="eva"))
    await pair.handle.signal(PairWorkflow.renew, INES)
    now = await pair.shows(lambda state: state.runs == 2)
    assert now.dirty[Side.B].version == "9"
    assert [said.token for said in now.decisions] == ["t1"]
    assert [one.token for one in now.standing.reviews] == ["t1"]
    assert (now.sent, now.decided, now.paused_by) == (["owner/reminded"], ["t0", "t1"], "ines")


async def test_a_long_history_begins_anew_without_losing_a_notice(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options, "EVENTS_PER_RUN", 40)
    # Not sandboxed: a sandbox has a copy of the options.
    async with staged(client, UnsandboxedWorkflowRunner()) as stage:
        pair = await stage.pair()
        for n in range(60):
            await pair.notice(SIDES[n % 2], version=str(n))
        state = await pair.idle()
        heard = {notice.version for asked in stage.actors.calls("detect") for notice in asked.notices}
    assert {"58", "59"} <= heard
    assert state.runs > 1


async def test_a_renewed_run_is_found_as_before(stage: Stage, client: Client) -> None:
    stage.actors.plays["detect"] = lambda _: found(standing=standing(keys=("INC1", "OPS-8")))
    pair = await stage.pair()
    await pair.idle()
    await pair.handle.signal(PairWorkflow.renew, INES)
    await pair.shows(lambda state: state.runs == 2)
    query = f"AccordRecords = 'OPS-8' AND WorkflowId = '{pair.handle.id}' AND ExecutionStatus = 'Running'"

    async def is_found() -> bool:
        return (await client.count_workflows(query)).count == 1

    await until(is_found)
