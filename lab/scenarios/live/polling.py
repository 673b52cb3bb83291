"""Polling in a case: its rounds come when the case's time says so, not by the clock on the wall."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from temporalio.client import WorkflowHandle

from activities.watching import Watched
from domain.sides import SIDES, Side
from gateway.assembly import Accord
from gateway.ensuring import ensure_polls, poll_id
from lab.scenarios.corpus import Given
from lab.scenarios.live.rest import until
from lab.scenarios.live.stage import Stage
from lab.scenarios.translation import word_of
from workflows.poll import PollState, PollWorkflow


@dataclass(slots=True)
class Polls:
    """The polled connections of a case."""

    stage: Stage
    accord: Accord
    edits: list[tuple[Side, float, float]] = field(default_factory=list)
    """Side, case time, and true time of the moment before each."""

    @property
    def sides(self) -> Sequence[Side]:
        """Those that the case has polled, or swept."""
        return [side for side in SIDES if self.given.is_polled(word_of(side))]

    @property
    def given(self) -> Given:
        return self.stage.case.given

    async def begin(self) -> None:
        """Have the first round of each done: it only finds its place."""
        if self.sides:
            await ensure_polls(self.accord)
        for side in self.sides:
            handle = self._handle(side)

            async def has_begun(handle: WorkflowHandle[PollWorkflow, str] = handle) -> bool:
                return (await handle.query(PollWorkflow.ask_state)).rounds > 0

            await until(has_begun, f"{self.stage.connections[side]} is polled for the first time")

    def note(self, side: Side, seconds: float) -> None:
        """Somebody is about to change a record at this moment of the case."""
        self.edits.append((side, seconds, time.time()))

    def known_until(self, side: Side, seconds: float) -> float | None:
        """The true time up to which the system's index knows what happened, at this moment of the case; None if all."""
        lag = self.given.cdc_of(word_of(side)).index_lag
        hidden = [true for one, at, true in self.edits if one is side and at > seconds - lag]
        return min(hidden, default=None)

    async def poll(self, side: Side) -> None:
        """One round now, from its beginning to its end."""
        handle = self._handle(side)
        before: PollState = await handle.query(PollWorkflow.ask_state)
        await handle.signal(PollWorkflow.renew)

        async def is_answered() -> bool:
            return (await handle.query(PollWorkflow.ask_state)).answered > before.asked

        await until(is_answered, f"{self.stage.connections[side]} is polled")

    async def poll_all(self) -> None:
        for side in self.sides:
            await self.poll(side)

    def _handle(self, side: Side) -> WorkflowHandle[PollWorkflow, str]:
        one = Watched(self.stage.connections[side], self.stage.name, None)
        return self.accord.temporal.get_workflow_handle_for(PollWorkflow.run, poll_id(one))
