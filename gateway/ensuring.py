"""What must always run, runs: looked after by each gateway, and whenever a declaration is applied; one id per thing."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog
from temporalio.common import WorkflowIDConflictPolicy

from domain.errors import SyncError
from gateway.assembly import Accord
from gateway.temporal import translated
from store import integrations
from workflows.stream import StreamState, StreamWorkflow

log = structlog.get_logger(__name__)

RHYTHM = timedelta(minutes=1)
"""A workflow that somebody terminated is back after this long."""
PATIENCE = timedelta(seconds=5)


async def keep_running(accord: Accord) -> None:
    """Start what doesn't run, again and again. A background task of each gateway; several do no harm."""
    while True:
        try:
            await ensure_streams(accord)
        except SyncError as error:
            log.warning("not_ensured", reason=error.message)
        await asyncio.sleep(RHYTHM.total_seconds())


async def ensure_streams(accord: Accord, *, renew: bool = False) -> None:
    """Have every stream of changes read that a declaration needs.

    Args:
        accord: This process's view of the deployment.
        renew: Have those that are read already begin anew, with what was declared meanwhile.

    Raises:
        SystemUnavailable: Store or Temporal doesn't answer.
        ConfigError: A connection's settings are wrong.
    """
    for name in await _declared(accord):
        connector = accord.connections.get(name)
        if connector.capabilities.change_stream:
            await _ensure(accord, StreamState(connection=name, system=connector.system), renew=renew)


async def _declared(accord: Accord) -> list[str]:
    """Configured connections of which an integration has records."""
    rules = accord.context.rules
    async with accord.database.begin() as tx:
        versions = await integrations.versions(tx)
        declared = [(await rules.at(tx, *version)).integration for version in versions.items()]
    used = {end.connection for one in declared for end in one.ends}
    return [name for name in accord.connections.configs if name in used]


async def _ensure(accord: Accord, state: StreamState, *, renew: bool) -> None:
    with translated(accord.temporal):
        await accord.temporal.start_workflow(
            StreamWorkflow.run,
            state,
            id=f"stream/{state.connection}",
            task_queue=accord.settings.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal="renew" if renew else None,
            static_summary=f"{state.system}: hear what changes on {state.connection}",
            rpc_timeout=PATIENCE,
        )
