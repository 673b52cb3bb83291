"""The yardsticks: a workflow that runs two activities per signal, and does nothing else.

| kind | first activity | second activity |
| --- | --- | --- |
| bare | nothing | notes its end |
| http | reads both records | writes one of them |

What Accord adds to the second kind is what Accord costs: detection, policies, the store, the front door.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal

from pydantic import BaseModel
from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from connectors.registry import Connections
    from domain.records import RecordRef, Snapshot
    from lab.bench.finish import Notes

WITHIN: dict[str, Any] = {"start_to_close_timeout": timedelta(seconds=90)}


class Lane(BaseModel, frozen=True):
    """One workflow's place. `records` are the two that the kind `http` reads, and of which it writes the second."""

    kind: Literal["bare", "http"]
    number: int
    records: tuple[RecordRef, RecordRef] | None = None


class Write(BaseModel, frozen=True):
    """What the second activity needs: the record as it was read, without its fields."""

    ref: RecordRef
    version: str


@workflow.defn
class BareWorkflow:
    """Signal → two activities, for ever."""

    @workflow.init
    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._changes = 0

    @workflow.signal
    def change_noticed(self) -> None:
        self._changes += 1

    @workflow.run
    async def run(self, lane: Lane) -> None:
        step = {"bare": self._do_nothing, "http": self._read_and_write}[lane.kind]
        while True:
            await workflow.wait_condition(lambda: self._changes > 0)
            self._changes = 0
            await step()

    async def _do_nothing(self) -> None:
        await workflow.execute_activity_method(BareActivities.do_nothing, self._lane, **WITHIN)
        await workflow.execute_activity_method(BareActivities.note_end, self._lane, **WITHIN)

    async def _read_and_write(self) -> None:
        read = await workflow.execute_activity_method(BareActivities.read_both, self._lane, **WITHIN)
        await workflow.execute_activity_method(BareActivities.write_one, read, **WITHIN)


class BareActivities:
    """No store, no decisions; the requests are made by the same connector as Accord's."""

    def __init__(self, connections: Connections, notes: Notes, now: Callable[[], float]) -> None:
        self._connections = connections
        self._notes = notes
        self._now = now

    @activity.defn
    async def do_nothing(self, lane: Lane) -> Lane:
        return lane

    @activity.defn
    async def note_end(self, lane: Lane) -> None:
        self._notes.add(lane.number, self._now())

    @activity.defn
    async def read_both(self, lane: Lane) -> Write:
        """Two reads at once."""
        assert lane.records is not None
        _, second = await asyncio.gather(*(self._read(ref) for ref in lane.records))
        return Write(ref=second.ref, version=second.version)

    @activity.defn
    async def write_one(self, write: Write) -> str:
        """One write, with the precondition that Accord sends, too."""
        expected = Snapshot(ref=write.ref, key="", fields={}, version=write.version)
        value = f"written at version {write.version}"
        connector = self._connections.get(write.ref.connection)
        return (await connector.update(expected, {"title": value}, marker="bench")).version

    async def _read(self, ref: RecordRef) -> Snapshot:
        return await self._connections.get(ref.connection).read(ref)
