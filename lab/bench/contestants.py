"""Who is measured. Each makes changes on lanes of its own, so that runs of different contestants can be interleaved."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from time import time
from typing import Any, Literal, Protocol

from domain.sides import Side
from lab.bench.bare import BareWorkflow, Lane
from lab.bench.bare_worker import TASK_QUEUE
from lab.bench.finish import FinishLine, JournaledWrites, NotedEnds
from lab.bench.pairs import LinkedPair, chunks, link_pairs, make_records, ref_of
from lab.bench.stage import Stage
from lab.scenarios.live.rest import until
from lab.systems.control_api import Action

PATIENCE = timedelta(seconds=10)
LAST_TASK = 0.05
"""Seconds; a workflow task takes 7 ms unloaded."""

YardstickKind = Literal["bare", "http"]
YARDSTICKS: tuple[YardstickKind, ...] = ("bare", "http")


class Contestant(Protocol):
    """Something that changes are made on."""

    name: str
    """Also the type of its records."""
    finish: FinishLine

    @property
    def workflows(self) -> Sequence[str]:
        """One workflow id per lane."""
        ...

    async def prepare(self, lanes: Sequence[int]) -> None:
        """Bring about what these lanes' next changes shall meet. Only while nothing is under way."""

    async def begin(self, lanes: Sequence[int]) -> None:
        """Make one change on each of these lanes."""

    async def rest(self) -> None:
        """Wait until what the changes brought about is done as well, echoes included."""


@dataclass(slots=True)
class Yardstick:
    """A bare workflow per lane; a change is a signal."""

    name: str
    stage: Stage
    workflows: Sequence[str]
    finish: FinishLine

    async def prepare(self, lanes: Sequence[int]) -> None:
        """Nothing lies in a signal's way."""

    async def begin(self, lanes: Sequence[int]) -> None:
        await asyncio.gather(*(self._signal(lane) for lane in lanes))

    async def rest(self) -> None:
        """A last workflow task follows the second activity."""
        await asyncio.sleep(LAST_TASK)

    async def _signal(self, lane: int) -> None:
        handle = self.stage.accord.temporal.get_workflow_handle(self.workflows[lane])
        await handle.signal(BareWorkflow.change_noticed, rpc_timeout=PATIENCE)


@dataclass(slots=True)
class Linked:
    """A linked pair per lane; a change is an edit on alpha, and ends when beta has it.

    With `contested`, beta has a different edit of the same field before, whose own webhook is lost: so a conflict costs
    one pass, whichever system is the quicker one.
    """

    name: str
    stage: Stage
    pairs: Sequence[LinkedPair]
    finish: FinishLine
    contested: bool = False
    _edits: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def workflows(self) -> Sequence[str]:
        return [pair.workflow_id for pair in self.pairs]

    async def prepare(self, lanes: Sequence[int]) -> None:
        if self.contested:
            await self.stage.controls.b.change_settings(webhook_drop_next=len(lanes))
            for some in chunks(lanes):
                await self._edit(Side.B, some)

    async def begin(self, lanes: Sequence[int]) -> None:
        for some in chunks(lanes):
            await self._edit(Side.A, some)

    async def _edit(self, side: Side, lanes: Sequence[int]) -> None:
        """A person edits the records of these lanes; a field that `source_priority` owns, if it is to be contested."""
        field = "prio" if self.contested else "title"
        values = {lane: f"{side} says {next(self._edits)}" for lane in lanes}
        await self.stage.controls[side].act(
            [self._action(side, lane, {field: value}) for lane, value in values.items()]
        )

    async def rest(self) -> None:
        await until(self._is_delivered, "webhooks delivered")

    async def is_level(self) -> bool:
        """Whether both sides hold the same, on every lane."""
        a, b = [await control.records(self.name) for control in self.stage.controls]
        fields = [{record.id: record.fields for record in side} for side in (a, b)]
        return all(fields[0][pair.records.a] == fields[1][pair.records.b] for pair in self.pairs)

    async def _is_delivered(self) -> bool:
        return not any([await control.undelivered() for control in self.stage.controls])

    def _action(self, side: Side, lane: int, fields: Mapping[str, Any]) -> Action:
        record = self.pairs[lane].records[side]
        return Action(do="edit", record_type=self.name, id=record, fields=dict(fields), at=time())


async def enter_yardstick(stage: Stage, kind: YardstickKind, lanes: int) -> Yardstick:
    """Start the bare workflows of one kind."""
    if kind == "bare":
        places = [Lane(kind=kind, number=number) for number in range(lanes)]
        finish: FinishLine = NotedEnds(stage.notes)
    else:
        made = await make_records(stage, kind, lanes)
        refs = [(ref_of(Side.A, kind, r.a.id), ref_of(Side.B, kind, r.b.id)) for r in made]
        places = [Lane(kind=kind, number=number, records=ends) for number, ends in enumerate(refs)]
        finish = _writes(stage, kind, [b.id for _, b in refs])
    ids = [f"bench/{kind}/{lane.number}" for lane in places]
    for workflow_id, lane in zip(ids, places, strict=True):
        await stage.accord.temporal.start_workflow(
            BareWorkflow.run, lane, id=workflow_id, task_queue=TASK_QUEUE
        )
    return Yardstick(kind, stage, ids, finish)


async def enter_linked(stage: Stage, name: str, lanes: int, *, contested: bool = False) -> Linked:
    """Link the pairs that edits are made on."""
    pairs = await link_pairs(stage, name, lanes)
    return Linked(name, stage, pairs, _writes(stage, name, [p.records.b for p in pairs]), contested)


def _writes(stage: Stage, record_type: str, ids: Iterable[str]) -> JournaledWrites:
    return JournaledWrites(
        stage.controls.b, {f"{record_type}/{record}": lane for lane, record in enumerate(ids)}
    )
