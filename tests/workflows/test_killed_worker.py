"""A worker that is killed in the middle of a pass."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from temporalio.client import Client

from tests.workflows.stage import NUMBERS, Played, looking, staged, until

pytestmark = pytest.mark.stack

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def a_worker(client: Client, queue: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(ROOT / "tests/workflows/run_worker.py")),
        *(client.service_client.config.target_host, queue),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_its_step_is_tried_again_elsewhere_by_a_second_attempt(client: Client) -> None:
    pair_id, queue = f"p{next(NUMBERS)}", f"accord-killed-{next(NUMBERS)}"
    async with a_worker(client, queue) as first:
        handle = await client.start_workflow(
            "PairWorkflow", looking(pair_id), id=f"pair/tickets/{pair_id}", task_queue=queue
        )
        assert first.stdout is not None
        assert await first.stdout.readline() == b"begun\n"
        first.kill()
        await first.wait()
    async with staged(client, queue=queue) as second:
        second.runs.append((handle.id, handle.first_execution_run_id))
        await until(lambda: second.actors.calls("detect"), seconds=60)
        await Played(handle).idle()
        assert second.actors.attempts == [2]
