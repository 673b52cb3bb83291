"""What a change costs: processor time by process, requests by kind, and what Temporal had to write down."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from time import process_time
from typing import NamedTuple

import psutil
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from lab.systems.control import LabControl

AT_ONCE = 10
"""Histories fetched at the same time."""


class Requests(NamedTuple):
    """Calls to a record type's API, on both systems."""

    reads: float = 0
    writes: float = 0
    histories: float = 0
    others: float = 0


class Told(NamedTuple):
    """What histories hold."""

    events: float = 0
    workflow_tasks: float = 0
    activities: float = 0


def cpu_of(processes: Mapping[str, Iterable[int]]) -> dict[str, float]:
    """Seconds of processor time so far; dead children's count with whoever waited for them. This process is the driver."""
    return {name: sum(map(_seconds, pids)) for name, pids in processes.items()} | {"driver": process_time()}


def _seconds(pid: int) -> float:
    process = psutil.Process(pid)
    return sum(map(_own_seconds, [process, *process.children(recursive=True)]))


def _own_seconds(process: psutil.Process) -> float:
    try:
        return sum(process.cpu_times()[:4])  # user and system, its own and its dead children's
    except psutil.NoSuchProcess:
        return 0.0


async def requests_of(controls: Iterable[LabControl], record_type: str) -> Requests:
    """As both systems' journals count them."""
    found = Counter[str]()
    for control in controls:
        records = (await control.counts())["records"]
        for record, counted in records.items():
            if record.split("/")[0] == record_type:
                found.update(counted)
    reads, writes, histories = found["read"], found["attempts"], found["history"]
    return Requests(reads, writes, histories, found["requests"] - reads - writes - histories)


async def told_by(client: Client, workflows: Sequence[str]) -> Told:
    """All that the current runs of these workflows have in their histories."""
    gate = asyncio.Semaphore(AT_ONCE)
    found = await asyncio.gather(*(_told_by(client, one, gate) for one in workflows))
    return Told(*map(sum, zip(*found, strict=True)))


async def _told_by(client: Client, workflow_id: str, gate: asyncio.Semaphore) -> Told:
    async with gate:
        history = await client.get_workflow_handle(workflow_id).fetch_history()
    kinds = Counter(event.event_type for event in history.events)
    tasks = kinds[EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED]
    return Told(kinds.total(), tasks, kinds[EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED])


def resident(pid: int) -> int:
    """Bytes of memory that a process holds."""
    return int(psutil.Process(pid).memory_info().rss)
