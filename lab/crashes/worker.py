"""`python -m lab.crashes.worker DIRECTORY`: Accord's worker with fault points."""

from __future__ import annotations

import asyncio
import signal
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from temporalio.worker import Worker

from activities import heartbeat
from gateway.assembly import assembled, temporal_client, wait_until_up
from gateway.health_file import kept_fresh
from gateway.logs import log_as_json
from integrations.settings import read_settings
from lab.crashes.lives import live_again
from lab.crashes.points import Points
from lab.crashes.ports import MortalActivities, mortal
from worker import PATIENCE, TUNING, build_worker
from workflows import options

NOTICED = timedelta(seconds=1.5)
"""A death, after the last heartbeat."""
TRIED = (
    options.STEP, options.PASS, options.STREAM, options.POLL, options.PROBE, options.WAKE, options.SWEEP,
)  # fmt: skip
SOON = {"initial_interval": timedelta(milliseconds=100), "maximum_interval": timedelta(seconds=1)}
"""Between two tries of a step."""
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (0.3, 1, 2))
"""Between two looks at a system that doesn't answer."""


def hurry() -> None:
    """Notice deaths sooner, and wait less between tries: there are hundreds of them here, not one a month."""
    heartbeat.BEAT = 0.3
    for kind in TRIED:
        kind["heartbeat_timeout"] = NOTICED
        kind["retry_policy"] = replace(kind["retry_policy"], **SOON)
    options.NOTE["heartbeat_timeout"] = NOTICED
    options.BACK_OFF, options.PROBES = PAUSES, PAUSES
    options.CLOSED = PAUSES[-1] * 5
    TUNING["sticky_queue_schedule_to_start_timeout"] = timedelta(seconds=0.5)


async def work(points: Points) -> None:
    """Work as the production worker does, until told to stop or to die."""
    stop, settings = asyncio.Event(), read_settings()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with assembled(settings, may_close=True) as whole:
        accord = mortal(whole, points)
        await wait_until_up(accord, PATIENCE)
        client = await temporal_client(settings, lazy=False)
        worker: Worker = build_worker(replace(accord, temporal=client), [MortalActivities(points)])
        async with worker, kept_fresh(settings.health_file):
            await stop.wait()


if __name__ == "__main__":
    log_as_json()
    hurry()
    live_again(lambda: asyncio.run(work(Points(Path(sys.argv[1])))))
