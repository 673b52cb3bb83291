"""`python -m lab.bench.bare_worker NOTES`: a worker for the yardsticks, tuned like Accord's own and in a process like it."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from pathlib import Path

import uvloop
from temporalio.worker import Worker

from connectors.registry import Connections
from gateway.assembly import read_connections, temporal_client
from gateway.collector import look_less_often
from gateway.health_file import kept_fresh
from integrations.settings import Settings, read_settings
from lab.bench.bare import BareActivities, BareWorkflow
from lab.bench.finish import Notes
from worker import TUNING, workflow_runner

TASK_QUEUE = "bench"


async def run(settings: Settings, notes: Path, stop: asyncio.Event) -> None:
    """Work until told to stop."""
    connections = Connections(read_connections(settings))
    activities = BareActivities(connections, Notes(notes), time.time)
    worker = Worker(
        await temporal_client(settings, lazy=False),
        task_queue=TASK_QUEUE,
        workflows=[BareWorkflow],
        activities=[activities.do_nothing, activities.note_end, activities.read_both, activities.write_one],
        workflow_runner=workflow_runner(settings),
        **TUNING,
    )
    try:
        async with worker, kept_fresh(settings.health_file):
            await stop.wait()
    finally:
        await connections.aclose()


async def main() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await run(read_settings(), Path(sys.argv[1]), stop)


if __name__ == "__main__":
    look_less_often()
    uvloop.run(main())
