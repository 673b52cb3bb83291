"""A worker in a process of its own, to be killed: its detect says that it has begun and never ends."""

import asyncio
import sys

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Worker

from activities.failures import StepInterceptor
from activities.messages import DetectInput
from tests.workflows.stage import Actors
from workflows.catalogue import all_workflows


async def never(_: DetectInput) -> None:
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


async def main(address: str, queue: str) -> None:
    actors = Actors()
    actors.plays["detect"] = never
    client = await Client.connect(address, data_converter=pydantic_data_converter)
    worker = Worker(
        client,
        task_queue=queue,
        workflows=all_workflows(),
        activities=actors.activities,
        interceptors=[StepInterceptor()],
    )
    await worker.run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
