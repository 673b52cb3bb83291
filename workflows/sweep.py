"""Sweeps one integration in its rhythm: both sides are listed, and what events missed is told to the pairs concerned."""

from __future__ import annotations

from datetime import timedelta

from pydantic import AwareDatetime, BaseModel
from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.sweeping import SweepActivities, SweepInput, Swept
    from workflows import options


class SweepState(BaseModel):
    """Workflow input and memory. Grows only by fields with defaults."""

    integration: str
    every: timedelta
    """Between the end of a sweep and the next one."""
    asked: int = 0
    """How often somebody wanted a sweep at once."""
    answered: int = 0
    sweeps: int = 0
    last: Swept | None = None
    last_at: AwareDatetime | None = None
    trouble: str = ""
    """Why the last one failed for good; empty if it didn't."""


@workflow.defn
class SweepWorkflow:
    """One per integration. Id `sweep/<integration>`."""

    @workflow.init
    def __init__(self, state: SweepState) -> None:
        self.state = state

    @workflow.signal
    def renew(self) -> None:
        """Sweep now."""
        self.state.asked += 1

    @workflow.query(name="state")
    def ask_state(self) -> SweepState:
        """What the last sweep found."""
        return self.state

    @workflow.run
    async def run(self, state: SweepState) -> str:
        while True:
            await self._pause()
            asked = self.state.asked
            swept = await self._sweep()
            self.state.answered = asked
            if swept is not None and swept.outcome == "ended":
                return swept.story
            if options.is_long(workflow.info()):
                workflow.continue_as_new(self.state)

    async def _sweep(self) -> Swept | None:
        """One activity; None if it failed for good, which only a person can mend."""
        self._show("lists both sides")
        asked = SweepInput(integration=self.state.integration, sweep=str(workflow.uuid4()))
        try:
            swept = await workflow.execute_activity_method(
                SweepActivities.sweep_integration,
                asked,
                summary=f"compare both sides of {self.state.integration}"[:200],
                **options.SWEEP,
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            self.state.trouble = str(error.__cause__ or error)
            return None
        assert isinstance(swept, Swept)  # options are passed as a mapping, which hides the result's type
        self.state.trouble, self.state.last, self.state.last_at = "", swept, workflow.now()
        self.state.sweeps += 1
        return swept

    async def _pause(self) -> None:
        """Until the next sweep is due, or somebody asks for it."""
        self._show(f"waits {self.state.every} for the next sweep")
        try:
            await workflow.wait_condition(
                lambda: self.state.asked > self.state.answered,
                timeout=self.state.every,
                timeout_summary="until the next sweep",
            )
        except TimeoutError:
            return

    def _show(self, now: str) -> None:
        state = self.state
        last = (
            f"{state.last_at:%Y-%m-%d %H:%M:%S} UTC: {state.last.story}"
            if state.last and state.last_at
            else "never"
        )
        trouble = f"\n\n**Failed**: {state.trouble}" if state.trouble else ""
        workflow.set_current_details(
            f"## {state.integration}: sweep\n\n**Now**: {now}\n\n**Last**, {last}{trouble}\n\n{state.sweeps} sweeps"
        )
