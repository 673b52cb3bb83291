"""Later code must still replay every life that was recorded (`accord lab record`), or pairs that run now get stuck."""

import json
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from workflows.catalogue import all_workflows

RECORDED = sorted((Path(__file__).parent / "replay").glob("*.json"))


def read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def signals(document: dict[str, Any]) -> set[str]:
    told = [event.get("workflowExecutionSignaledEventAttributes") for event in document["history"]["events"]]
    return {signal["signalName"] for signal in told if signal}


def kinds(document: dict[str, Any]) -> set[str]:
    return {event["eventType"].removeprefix("EVENT_TYPE_") for event in document["history"]["events"]}


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
async def test_a_recorded_history_still_replays(path: Path) -> None:
    recorded = read(path)
    history = WorkflowHistory.from_json(recorded["workflow_id"], recorded["history"])
    replayer = Replayer(workflows=all_workflows(), data_converter=pydantic_data_converter)
    await replayer.replay_workflow(history)


def test_the_recorded_lives_hold_a_match_a_change_a_decision_a_fresh_run_and_an_end() -> None:
    documents = [read(path) for path in RECORDED]
    told = set().union(*map(signals, documents))
    happened = set().union(*map(kinds, documents))
    assert {"change_noticed", "renew"} <= told
    assert {
        "START_CHILD_WORKFLOW_EXECUTION_INITIATED",
        "WORKFLOW_EXECUTION_UPDATE_ACCEPTED",
        "WORKFLOW_EXECUTION_CONTINUED_AS_NEW",
        "WORKFLOW_EXECUTION_COMPLETED",
    } <= happened
