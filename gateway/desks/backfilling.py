"""Initial loads: begin one, or its plan, and see how far it is."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote
from uuid import uuid4

from temporalio.client import WorkflowExecutionStatus
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from activities.backfilling import BackfillProgress, progress_of
from domain.backfilling import OnDifferences
from domain.errors import ConfigError, StopIntegration
from gateway.answers import BackfillShown
from gateway.desks.desk import Desk
from gateway.finding import Unknown
from gateway.temporal import translated
from store import backfills
from store.backfills import BackfillRow
from workflows import options
from workflows.backfill import BackfillState, BackfillWorkflow

PATIENCE = timedelta(seconds=5)
ASK_ABOVE = 20
"""So many reviews may open unasked; more are settled by one answer."""


@dataclass(frozen=True, slots=True)
class BackfillDesk:
    desk: Desk

    async def start(
        self,
        integration: str,
        *,
        by: str,
        dry_run: bool = False,
        on_differences: OnDifferences | None = None,
        rate: float | None = None,
        ask_above: int = ASK_ABOVE,
        only_list: bool = False,
    ) -> str:
        """Begin a load, or the plan of one; the run that it is known by.

        Args:
            integration: The integration.
            by: Who asks.
            dry_run: Only count.
            on_differences: One answer for all differences that would open a review.
            rate: Records a second at most.
            ask_above: More reviews than this, by the last plan, need that answer.
            only_list: End with the inventory; a `dry_run`.

        Raises:
            Unknown: The integration was never applied.
            ConfigError: One runs already, or the answer is missing.
            SystemUnavailable: Store or Temporal doesn't answer.
        """
        async with self.desk.accord.database.begin() as tx:
            await self.desk.rules(tx, integration)
            plan = await backfills.last(tx, integration, dry_run=True)
        if not dry_run and on_differences is None:
            self._need_no_answer(plan, ask_above)
        state = BackfillState(
            integration=integration,
            dry_run=dry_run,
            by=by,
            on_differences=on_differences,
            rate=rate,
            only_list=only_list,
            run=uuid4().hex,
        )
        await self._start(state)
        return state.run

    def _need_no_answer(self, plan: BackfillRow | None, ask_above: int) -> None:
        if plan is not None and plan.tally.reviews > ask_above:
            raise ConfigError(
                f"{plan.tally.reviews} reviews would open: say what becomes of these differences by "
                "--on-differences a, b, policy or review (review: open them all)"
            )

    async def _start(self, state: BackfillState) -> None:
        """Begin it; a run that has just done its work, but whose workflow hasn't ended yet, is let end first."""
        try:
            await self._begin(state)
        except WorkflowAlreadyStartedError as error:
            if not await self._ends(state.integration):
                raise ConfigError(
                    f"{state.integration} is being loaded or listed already; "
                    f"follow it by `accord backfill {state.integration} --follow`"
                ) from error
            await self._begin(state)

    async def _begin(self, state: BackfillState) -> None:
        accord = self.desk.accord
        with translated(accord.temporal):
            await accord.temporal.start_workflow(
                BackfillWorkflow.run,
                state,
                id=workflow_id(state.integration),
                task_queue=accord.settings.task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                priority=options.BACKGROUND,
                static_summary=f"{_what(state)} {state.integration}",
                rpc_timeout=PATIENCE,
            )

    async def _ends(self, integration: str) -> bool:
        """Whether the one that runs had nothing left to do, and has ended."""
        async with self.desk.accord.database.begin() as tx:
            row = await backfills.newest(tx, integration)
        if row is None or not row.is_over:
            return False
        handle = self.desk.accord.temporal.get_workflow_handle(workflow_id(integration))
        try:
            await asyncio.wait_for(handle.result(), PATIENCE.total_seconds())
        except TimeoutError:
            return False
        return True

    async def show(self, integration: str, run: str | None = None) -> BackfillShown:
        """How far this run is, or the newest one of the integration; by the store, so also while no worker runs.

        Raises:
            Unknown: There was none.
            StopIntegration: It has failed for good.
        """
        async with self.desk.accord.database.begin() as tx:
            rules = await self.desk.rules(tx, integration)
            row = await backfills.newest(tx, integration, run)
            plan = await backfills.last(tx, integration, dry_run=True)
        if row is None and run is None:
            raise Unknown(f"{integration} was never loaded; `accord backfill {integration}` does it")
        if row is None or row.ended_at is None:
            await self._fail_if_ended(integration)
        return BackfillShown(
            integration=integration,
            run=row.run if row else run or "",
            dry_run=row is not None and row.dry_run,
            systems=(rules.integration.a.connection, rules.integration.b.connection),
            progress=await progress_of(self.desk.accord.context, row) if row else BackfillProgress(),
            plan=plan.tally if plan and row and not row.dry_run else None,
            page=self._page(integration),
        )

    async def _fail_if_ended(self, integration: str) -> None:
        handle = self.desk.accord.temporal.get_workflow_handle(workflow_id(integration))
        try:
            with translated(self.desk.accord.temporal):
                found = await handle.describe(rpc_timeout=PATIENCE)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return
            raise
        if found.status in (WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.COMPLETED):
            return
        page = self._page(integration) or f"workflow {workflow_id(integration)}"
        raise StopIntegration(
            f"the load of {integration} has ended before it was done; see {page}, then begin it again: "
            "what it has linked stays"
        )

    def _page(self, integration: str) -> str | None:
        root = self.desk.accord.settings.temporal_ui_url
        namespace = self.desk.accord.settings.temporal_namespace
        where = f"/namespaces/{namespace}/workflows/{quote(workflow_id(integration), safe='')}"
        return None if root is None else f"{root.rstrip('/')}{where}"


def _what(state: BackfillState) -> str:
    if state.only_list:
        return "records of"
    return "plan of the initial load of" if state.dry_run else "initial load of"


def workflow_id(integration: str) -> str:
    """One load at a time."""
    return f"backfill/{integration}"
