"""The workflow histories that a case leaves, run by run, fit to be kept and replayed against later code."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from temporalio.client import Client, WorkflowHistory

from gateway.assembly import Accord
from lab.scenarios.live.rest import status_of
from lab.scenarios.live.world import World
from store import pairs

PROCESS = re.compile(r"\d+@[\w.-]+")
"""How workers and clients call themselves, and their own queues: by process and machine."""
WHO = "somebody"


@dataclass(frozen=True, slots=True)
class Recording:
    """One run of one workflow."""

    workflow_id: str
    history: dict[str, Any]


async def recordings_of(world: World) -> list[Recording]:
    """Every run of the case's matching and pair workflows, in the order of their starts."""
    temporal = world.accord.temporal
    ids = [*await world.matching_ids(), *await _pair_ids(world.accord, world.name)]
    return [run for workflow_id in ids for run in await _runs(temporal, workflow_id)]


async def _pair_ids(accord: Accord, integration: str) -> list[str]:
    async with accord.database.begin() as tx:
        return [pair.workflow_id for pair in await pairs.listing(tx, integration=integration, link=None)]


async def _runs(temporal: Client, workflow_id: str) -> list[Recording]:
    """The chain of continued runs, the first one first; empty if there never was such a workflow."""
    if await status_of(temporal, workflow_id) is None:
        return []
    found = [_anonymous(history) async for history in _backwards(temporal, workflow_id)]
    return [Recording(workflow_id, history) for history in found[::-1]]


async def _backwards(temporal: Client, workflow_id: str) -> AsyncIterator[WorkflowHistory]:
    run_id: str | None = (await temporal.get_workflow_handle(workflow_id).describe()).run_id
    while run_id:
        history = await temporal.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
        yield history
        started = history.events[0].workflow_execution_started_event_attributes
        run_id = started.continued_execution_run_id


def _anonymous(history: WorkflowHistory) -> dict[str, Any]:
    anonymous: dict[str, Any] = json.loads(PROCESS.sub(WHO, history.to_json()))
    return anonymous
