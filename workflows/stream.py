"""Keeps a connection's stream of changes read: one activity after the other, for ever.

A dead worker's activity is tried again elsewhere once its heart stops; an outage is waited out by the activity's own
retries, at no cost in history. What only a person can mend is shown, and looked at again every few minutes.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from pydantic import BaseModel
from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception
from temporalio.workflow import ActivityCancellationType

with workflow.unsafe.imports_passed_through():
    from activities.streaming import StreamActivities, Streamed, StreamInput
    from workflows import options

PAUSE = timedelta(minutes=1)
"""Between two looks at a paused connection."""
MENDING = timedelta(minutes=5)
"""Between two tries where a setting is wrong; `renew` tries at once."""


class StreamState(BaseModel):
    """Workflow input and memory. Grows only by fields with defaults."""

    connection: str
    system: str = ""
    told: int = 0
    """Change notices kept so far."""
    waits_for: str = ""
    runs: int = 1


@workflow.defn
class StreamWorkflow:
    """One per connection with a stream. Id `stream/<connection>`."""

    @workflow.init
    def __init__(self, state: StreamState) -> None:
        self.state = state
        self._leg: asyncio.Task[Streamed] | None = None
        self._renewed = False
        self._show("")

    @workflow.signal
    def renew(self) -> None:
        """Declarations or settings may have changed: begin a new leg with them now."""
        self._renewed = True

    @workflow.query(name="state")
    def ask_state(self) -> StreamState:
        """How far the stream is, and what it waits for."""
        return self.state

    @workflow.run
    async def run(self, state: StreamState) -> str:
        while True:
            leg = await self._read()
            if leg is not None and leg.outcome == "ended" and not self._renewed:
                return leg.story
            if options.is_long(workflow.info()):
                workflow.continue_as_new(self.state.model_copy(update={"runs": self.state.runs + 1}))

    async def _read(self) -> Streamed | None:
        """One leg, and the pause after one that couldn't read; None if it was broken off or failed."""
        self._renewed = False
        self._leg = asyncio.create_task(self._activity())
        await workflow.wait_condition(lambda: self._renewed or self._is_over())
        if not self._leg.done():
            self._leg.cancel()
        try:
            leg = await self._leg
        except (ActivityError, asyncio.CancelledError) as error:
            if not is_cancelled_exception(error):
                await self._wait(str(error.__cause__ or error), MENDING)
            elif not self._renewed:
                raise  # somebody cancels the workflow
            return None
        self.state.told += leg.told
        if leg.outcome == "paused":
            await self._wait(leg.story, PAUSE)
        self._show("")
        return leg

    def _is_over(self) -> bool:
        return self._leg is not None and self._leg.done()

    async def _activity(self) -> Streamed:
        return await workflow.execute_activity_method(
            StreamActivities.read_stream,
            StreamInput(connection=self.state.connection),
            summary=f"hear what changes on {self.state.connection}",
            cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            **options.STREAM,
        )

    async def _wait(self, reason: str, span: timedelta) -> None:
        self._show(reason)
        try:
            await workflow.wait_condition(lambda: self._renewed, timeout=span, timeout_summary=reason[:200])
        except TimeoutError:
            return

    def _show(self, reason: str) -> None:
        self.state.waits_for = reason
        state, now = self.state, f"**Waits**: {reason}" if reason else "**Listens** for changes."
        heard = f"{state.told} changes heard of, run {state.runs}"
        workflow.set_current_details(f"## {state.system} `{state.connection}`\n\n{now}\n\n{heard}")
