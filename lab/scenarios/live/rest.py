"""When a case is at rest: nothing under way in the systems, the store or Temporal, seen twice in a row."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from domain.sides import SIDES, Pair
from lab.scenarios.corpus import Given
from lab.scenarios.live.switches import rate_limit_of
from lab.systems.control import LabControl
from store import deliveries, pairs
from store.database import Database
from store.pairs import PairRow
from workflows.state import PairState

LOOK_EVERY = 0.05
PATIENCE = timedelta(seconds=90)
CALLS = 8
"""Requests to one side that a pair may need before it rests, where a limit makes them wait."""
QUERY_PATIENCE = timedelta(seconds=5)
"""A killed worker answers no query; its successor does."""


def patience_for(given: Given) -> timedelta:
    """Longer for many pairs, and where a limit makes them wait for one another."""
    limits = [limit["per_second"] for side in SIDES if (limit := rate_limit_of(given, side))]
    in_turn = CALLS / min(limits) if limits else 0
    return PATIENCE + timedelta(seconds=given.number * (1 + in_turn))


class Restless(AssertionError):
    """The case didn't come to rest in time; the message says what was still under way."""


async def until(
    happened: Callable[[], Awaitable[bool]],
    what: str,
    patience: timedelta = PATIENCE,
    *,
    every: float = LOOK_EVERY,
) -> None:
    """Ask again and again until it is so: other processes set no event.

    Raises:
        Restless: It isn't within `patience`.
    """
    try:
        async with asyncio.timeout(patience.total_seconds()):
            while not await happened():
                await asyncio.sleep(every)
    except TimeoutError as error:
        raise Restless(f"{what}: not within {patience.total_seconds():.0f} s") from error


@dataclass(slots=True)
class Rest:
    """Watches one integration."""

    database: Database
    temporal: Client
    controls: Pair[LabControl]
    integration: str
    matching: Callable[[], Awaitable[Sequence[str]]]
    """Ids that the workflows bear that match this case's records."""
    patience: timedelta = PATIENCE
    under_way: str = ""
    """What kept the case from rest when last looked at."""

    async def wait(self) -> None:
        """Wait until nothing moves any more.

        Raises:
            Restless: Something still moves, or waits for a system that doesn't answer.
        """
        try:
            await until(self.is_reached, "at rest", self.patience)
        except Restless as error:
            raise Restless(f"{error}; {self.under_way}") from error

    async def is_reached(self) -> bool:
        """Twice the same picture with nothing under way, so that a message between two of them isn't overlooked."""
        first = await self._picture()
        return first is not None and first == await self._picture()

    async def _picture(self) -> list[PairState] | None:
        self.under_way = await self._in_systems() or await self._in_store() or await self._matched()
        return None if self.under_way else await self._states()

    async def _in_systems(self) -> str:
        counts = [await control.undelivered() for control in self.controls]
        return f"{sum(counts)} webhooks are undelivered" if any(counts) else ""

    async def _in_store(self) -> str:
        async with self.database.begin() as tx:
            kept = await deliveries.unsignalled(tx, older_than=timedelta(0))
        return f"{len(kept)} deliveries are kept but not signalled" if kept else ""

    async def _matched(self) -> str:
        running = [workflow_id for workflow_id in await self.matching() if await self._runs(workflow_id)]
        return f"{', '.join(running)} is under way" if running else ""

    async def _runs(self, workflow_id: str) -> bool:
        return await status_of(self.temporal, workflow_id) is WorkflowExecutionStatus.RUNNING

    async def _states(self) -> list[PairState] | None:
        """Every active pair's memory, if all are idle or stopped for good."""
        states = []
        for pair in await self._pairs():
            state = await self._state(pair)
            if state is None or not (state.is_idle or state.stopped or state.paused_by):
                waits = state.standing.waits_for if state else "it doesn't answer"
                self.under_way = f"pair {pair.id} is at work {waits}"
                return None
            states.append(state)
        return states

    async def _pairs(self) -> list[PairRow]:
        async with self.database.begin() as tx:
            return await pairs.listing(tx, integration=self.integration, limit=1000)

    async def _state(self, pair: PairRow) -> PairState | None:
        """None while its workflow hasn't started or no worker answers."""
        handle = self.temporal.get_workflow_handle(pair.workflow_id)
        try:
            state: PairState = await handle.query("state", result_type=PairState, rpc_timeout=QUERY_PATIENCE)
        except RPCError:
            return None
        return state


async def status_of(temporal: Client, workflow_id: str) -> WorkflowExecutionStatus | None:
    """Of the workflow's latest run; None if there never was such a workflow."""
    try:
        return (await temporal.get_workflow_handle(workflow_id).describe()).status
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
