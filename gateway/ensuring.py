"""What must always run, runs: looked after by each gateway, and whenever a declaration is applied; one id per thing."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from activities.watching import Watched, watched
from domain.errors import SyncError
from gateway.assembly import Accord
from gateway.temporal import keep_one
from store import integrations
from workflows.poll import PollState, PollWorkflow
from workflows.stream import StreamState, StreamWorkflow
from workflows.sweep import SweepState, SweepWorkflow

log = structlog.get_logger(__name__)

RHYTHM = timedelta(minutes=1)
"""A workflow that somebody terminated is back after this long."""


async def keep_running(accord: Accord) -> None:
    """Start what doesn't run, again and again. A background task of each gateway; several do no harm."""
    renew = True  # This process may have come with other settings.
    while True:
        try:
            await ensure_streams(accord)
            await ensure_polls(accord, renew=renew)
            await ensure_sweeps(accord)
            renew = False
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


async def ensure_polls(accord: Accord, *, renew: bool = False) -> None:
    """Have every query polled that a declaration needs; one that isn't needed any more ends by itself.

    Args:
        accord: This process's view of the deployment.
        renew: Have each polled now, by the settings and declarations as they are now.

    Raises:
        SystemUnavailable: Store or Temporal doesn't answer.
        ConfigError: A connection's settings are wrong.
    """
    for one in await watched(accord.context):
        config = accord.connections.configs.get(one.connection)
        if config is None:
            continue
        connector = accord.connections.get(one.connection)
        if config.capture(stream=connector.capabilities.change_stream).polled is not None:
            await _ensure_poll(accord, one, connector.system, renew=renew)


async def ensure_sweeps(accord: Accord) -> None:
    """Have every declared integration swept; one that isn't declared any more ends by itself.

    Raises:
        SystemUnavailable: Store or Temporal doesn't answer.
    """
    async with accord.database.begin() as tx:
        names = list(await integrations.versions(tx))
    for name in names:
        await ensure_sweep(accord, name)


async def ensure_sweep(accord: Accord, integration: str, *, now: bool = False) -> None:
    """Have this integration swept in its rhythm, and `now` too.

    Raises:
        SystemUnavailable: Temporal doesn't answer.
    """
    await keep_one(
        accord.temporal,
        SweepWorkflow.run,
        SweepState(integration=integration, every=accord.settings.sweep_every),
        id=f"sweep/{integration}",
        task_queue=accord.settings.task_queue,
        signal="renew" if now else None,
        summary=f"compare both sides of {integration} by listing",
    )


def poll_id(one: Watched) -> str:
    """The workflow that polls this query."""
    return f"poll/{one.connection}/{one.record_type}/{one.query}"


async def _ensure_poll(accord: Accord, one: Watched, system: str, *, renew: bool) -> None:
    state = PollState(connection=one.connection, record_type=one.record_type, scope=one.scope, system=system)
    await keep_one(
        accord.temporal,
        PollWorkflow.run,
        state,
        id=poll_id(one),
        task_queue=accord.settings.task_queue,
        signal="renew" if renew else None,
        summary=f"{system}: what has changed of {one.record_type} on {one.connection}",
    )


async def _declared(accord: Accord) -> list[str]:
    """Configured connections of which an integration has records."""
    used = {one.connection for one in await watched(accord.context)}
    return [name for name in accord.connections.configs if name in used]


async def _ensure(accord: Accord, state: StreamState, *, renew: bool) -> None:
    await keep_one(
        accord.temporal,
        StreamWorkflow.run,
        state,
        id=f"stream/{state.connection}",
        task_queue=accord.settings.task_queue,
        signal="renew" if renew else None,
        summary=f"{state.system}: hear what changes on {state.connection}",
    )
