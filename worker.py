"""Composition root: settings → database, connections, Temporal → one worker. `python worker.py`; no logic here.

Ready once its health file (ACCORD_HEALTH_FILE) is there; touched every few seconds while the worker is well.
SIGTERM and SIGINT stop it: no new work, ten seconds for what runs, and the server hands the rest to the next worker.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import uvloop
from temporalio.worker import (
    Interceptor,
    PollerBehaviorAutoscaling,
    UnsandboxedWorkflowRunner,
    Worker,
    WorkflowRunner,
)
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.backfilling import BackfillActivities
from activities.connecting import ConnectionActivities
from activities.ending import EndingActivities
from activities.failures import StepInterceptor
from activities.matching import MatchActivities
from activities.noting import NotingActivities
from activities.passes import PassActivities
from activities.polling import PollActivities
from activities.streaming import StreamActivities
from activities.sweeping import SweepActivities
from domain.errors import SyncError
from gateway.assembly import Accord, assembled, temporal_client, wait_until_up
from gateway.beside import beside
from gateway.collector import look_less_often
from gateway.health_file import kept_fresh
from gateway.logs import log_as_json
from gateway.watching import keep_fresh
from integrations.settings import Settings, read_settings
from workflows.catalogue import all_workflows

PATIENCE = timedelta(minutes=2)
"""For database and Temporal to come up; then the process ends, and whoever supervises it tries again."""

TUNING: dict[str, Any] = {
    "max_cached_workflows": 10_000,  # 60–110 kB each (measured); beyond it throughput falls 2.8 times
    "sticky_queue_schedule_to_start_timeout": timedelta(seconds=2),  # a SIGKILLed worker costs 8 s, not 31
    "workflow_task_poller_behavior": PollerBehaviorAutoscaling(),
    "activity_task_poller_behavior": PollerBehaviorAutoscaling(),
    "graceful_shutdown_timeout": timedelta(seconds=10),
}
"""How a worker works, whatever it runs; `accord lab bench` measures bare workflows under the same."""


def build_worker(accord: Accord, interceptors: Sequence[Interceptor] = ()) -> Worker:
    """The worker of one process. Python is one core per process: run one per core."""
    passes, ending = PassActivities(accord.context), EndingActivities(accord.context)
    noting, matching = NotingActivities(accord.context), MatchActivities(accord.context)
    streaming, polling = StreamActivities(accord.context), PollActivities(accord.context)
    connecting, sweeping = ConnectionActivities(accord.context), SweepActivities(accord.context)
    return Worker(
        accord.temporal,
        task_queue=accord.settings.task_queue,
        workflows=all_workflows(),
        activities=[
            passes.detect_changes,
            passes.resolve_conflicts,
            passes.apply_changes,
            ending.end_link,
            noting.notify_reviewers,
            noting.note_standing,
            matching.match_record,
            streaming.read_stream,
            polling.poll_changes,
            sweeping.sweep_integration,
            connecting.probe_connection,
            connecting.wake_waiting,
            BackfillActivities(accord.context).backfill,
        ],
        interceptors=[StepInterceptor(), *interceptors],
        workflow_runner=workflow_runner(accord.settings),
        **TUNING,
    )


def workflow_runner(settings: Settings) -> WorkflowRunner:
    """In the SDK's sandbox, unless the settings say otherwise.

    The package `workflows` is imported anew for each workflow there, and so would be `from workflows import options`,
    whatever the import says: pauses that a test build of the worker sets would be lost.
    """
    if not settings.sandbox:
        return UnsandboxedWorkflowRunner()
    shared = SandboxRestrictions.default.with_passthrough_modules("workflows.options", "workflows.story")
    return SandboxedWorkflowRunner(shared)


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Work until told to stop."""
    async with assembled(settings, may_close=True) as accord:
        await wait_until_up(accord, PATIENCE)
        connected = replace(accord, temporal=await temporal_client(settings, lazy=False))
        fresh = beside(keep_fresh(accord.connections))
        async with build_worker(connected), fresh, kept_fresh(settings.health_file):
            await stop.wait()


async def main() -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for wanted in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(wanted, stop.set)
    await run(read_settings(), stop)


if __name__ == "__main__":
    log_as_json()
    look_less_often()
    try:
        uvloop.run(main())
    except SyncError as error:
        sys.exit(f"worker: {error.message}")
