"""The initial load of one integration, and its plan: leg after leg, at the lowest priority of the task queue.

All that is remembered stands in the store; here is only how far it is, for people. An outage is waited out by the
activity's own retries, at no cost in history.
"""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel
from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.backfilling import BackfillActivities, BackfillInput, BackfillProgress
    from domain.backfilling import OnDifferences, Tally
    from workflows import options

PAUSE = timedelta(seconds=30)
"""Between two looks at a brake or a paused connection."""


class BackfillState(BaseModel):
    """Workflow input and memory. Grows only by fields with defaults."""

    integration: str
    dry_run: bool = False
    by: str = ""
    on_differences: OnDifferences | None = None
    rate: float | None = None
    only_list: bool = False
    run: str = ""
    """What the store knows it by; the first run's id, kept when it continues as new."""
    progress: BackfillProgress = BackfillProgress()


@workflow.defn
class BackfillWorkflow:
    """One at a time per integration. Id `backfill/<integration>`."""

    @workflow.init
    def __init__(self, state: BackfillState) -> None:
        self.state = state
        self.state.run = state.run or workflow.info().run_id
        self._show()

    @workflow.query(name="state")
    def ask_state(self) -> BackfillState:
        """How far it is."""
        return self.state

    @workflow.run
    async def run(self, state: BackfillState) -> BackfillProgress:
        while True:
            self.state.progress = progress = await self._leg()
            self._show()
            if progress.is_over:
                return progress
            if progress.waits:
                await workflow.sleep(PAUSE, summary=progress.waits[:200])
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(self.state)

    async def _leg(self) -> BackfillProgress:
        state = self.state
        return await workflow.execute_activity_method(
            BackfillActivities.backfill,
            BackfillInput(
                integration=state.integration,
                run=state.run,
                dry_run=state.dry_run,
                by=state.by,
                on_differences=state.on_differences,
                rate=state.rate,
                only_list=state.only_list,
            ),
            summary=f"{_what(state)}: {_where(state.progress)}"[:200],
            priority=options.BACKGROUND,
            **options.POLL,
        )

    def _show(self) -> None:
        workflow.set_current_details(details(self.state))


def details(state: BackfillState) -> str:
    """How far it is, in Markdown."""
    progress = state.progress
    what = {"list": "Lists the records", "plan": "Plans the initial load", "load": "Loads"}[_what(state)]
    head = f"**{what} of {state.integration}**, asked by {state.by or 'nobody'}: {_where(progress)}"
    notes = [note for note in (progress.waits, progress.moved_on) if note]
    rows = [f"| {name.replace('_', ' ')} | {n} |" for name, n in counts(progress.tally).items()]
    return "\n".join(
        [head, "", *(f"- {note}" for note in notes), "", "| what | how many |", "| --- | --- |", *rows]
    )


def counts(tally: Tally) -> dict[str, int]:
    """By name, in the order of the tally."""
    return {name: getattr(tally, name) for name in type(tally).model_fields}


def _what(state: BackfillState) -> str:
    if state.only_list:
        return "list"
    return "plan" if state.dry_run else "load"


def _where(progress: BackfillProgress) -> str:
    if progress.phase.startswith("listing"):
        return f"lists both sides ({sum(progress.listed)} records so far)"
    if progress.phase.startswith("matching"):
        return f"matched {progress.matched} of {sum(progress.listed)} records"
    return progress.phase
