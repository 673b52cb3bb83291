"""A wave: a few hundred pairs that live at once and share the stack, its crashes and its outages, until all are at rest."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from time import time
from typing import Any

from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError

from domain.sides import SIDES, Pair, Side
from gateway.operations import Operations
from lab.chaos.cast import DECLARED, FIRST
from lab.chaos.processes.people import Life, People
from lab.chaos.processes.plan import LifePlan, Rig, plan_life
from lab.chaos.processes.trouble import Trouble
from lab.crashes.ground import CONNECTIONS, Ground
from lab.scenarios.live.rest import QUERY_PATIENCE, Restless, status_of, until
from lab.systems.control_api import Action
from lab.systems.records import Record
from store import deliveries
from store.pairs import EndRow, PairRow
from workflows.state import PairState

PATIENCE = timedelta(minutes=4)
"""For all pairs of a wave to come to rest once troubles are over."""
AT_ONCE = 16
"""Workflows asked at the same time."""
MAKER = "somebody"


def declaration(rig: Rig) -> dict[str, Any]:
    """The integration as its owner writes it."""
    ends = {
        side.value: {"connection": f"{CONNECTIONS[side]}-{rig.name}", "record_type": rig.name}
        for side in SIDES
    }
    return {"name": rig.name, **ends, "fields": [one.document() for one in DECLARED]}


@dataclass(slots=True)
class Wave:
    """Lives with consecutive seeds."""

    ground: Ground
    versions: dict[str, int]
    """Rig → version of its declaration."""
    seeds: Sequence[int]
    lives: list[Life] = field(default_factory=list)
    trouble: Trouble = field(init=False)
    quiet: float = 0
    """True time from which on nothing may be written."""
    under_way: str = ""
    """What kept it from rest when last looked at."""
    states: dict[str, PairState | None] = field(default_factory=dict)
    """Pair → what its workflow remembers at the end; None where it never had to start, or has ended."""

    async def live(self) -> None:
        """From link to rest.

        Raises:
            Restless: Something still moves after four minutes of fair weather.
        """
        self.trouble = Trouble(self.ground)
        await self._begin()
        people = People(self.ground, self.lives)
        reviewing = asyncio.create_task(people.review())
        try:
            async with asyncio.TaskGroup() as everything:
                everything.create_task(people.live())
                everything.create_task(self.trouble.befall(self.seeds[0]))
            await until(self._is_told, "all webhooks delivered or given up", PATIENCE)
            await self._sweep()
            await self._rest()
        finally:
            reviewing.cancel()
            await asyncio.gather(reviewing, return_exceptions=True)
        await self._rest()
        self.quiet = time()
        await self._sweep()
        await self._rest()

    async def _begin(self) -> None:
        """Both records of each pair, linked and in step."""
        plans = [plan_life(seed) for seed in self.seeds]
        made = Pair(*[await self._create(side, plans) for side in SIDES])
        for plan, a, b in zip(plans, made.a, made.b, strict=True):
            self.lives.append(Life(plan, await self._link(plan.rig, Pair(a, b)), time()))

    async def _create(self, side: Side, plans: Sequence[LifePlan]) -> list[Record]:
        """Nobody is told of them: the first news of a pair may be an edit, or a sweep."""
        actions = [
            Action(do="create", record_type=plan.rig.name, fields=FIRST[side], by=MAKER) for plan in plans
        ]
        control = self.ground.controls[side]
        await control.change_settings(webhook_drop_next=len(actions))
        return await control.act(actions)

    async def _link(self, rig: Rig, records: Pair[Record]) -> PairRow:
        ends = Pair.of(
            lambda side: EndRow(
                self.ground.ref(side, rig.name, records[side].id, f"-{rig.name}"), records[side].key
            )
        )
        moves = {
            one.name: (one.native.a, one.native.b, FIRST.a[one.native.a], FIRST.b[one.native.b])
            for one in DECLARED
        }
        return await self.ground.link(rig.name, self.versions[rig.name], ends, moves)

    async def _sweep(self) -> None:
        desk = Operations(self.ground.accord).parity
        for rig in {life.plan.rig.name for life in self.lives}:
            await desk.sweep(rig, patience=PATIENCE)

    # -------------------------------------------------------------------------------------------------- at rest
    async def _is_told(self) -> bool:
        return not any([await control.undelivered() for control in self.ground.controls])

    async def _rest(self) -> None:
        try:
            await until(self._is_at_rest, "a wave at rest", PATIENCE)
        except Restless as error:
            raise Restless(f"{error}; {self.under_way}") from error

    async def _is_at_rest(self) -> bool:
        """Twice the same picture with nothing under way, so that a message between two of them isn't overlooked."""
        first = await self._picture()
        return first is not None and first == await self._picture()

    async def _picture(self) -> dict[str, PairState | None] | None:
        """Every pair's memory, if nothing is under way."""
        told = [await control.undelivered() for control in self.ground.controls]
        async with self.ground.accord.database.begin() as tx:
            kept = len(await deliveries.unsignalled(tx, older_than=timedelta(0)))
        if any(told) or kept:
            self.under_way = f"{sum(told)} webhooks are undelivered, {kept} deliveries not signalled"
            return None
        gate = asyncio.Semaphore(AT_ONCE)
        resting = await asyncio.gather(*(self._rests(life.pair, gate) for life in self.lives))
        return dict(self.states) if all(resting) else None

    async def _rests(self, pair: PairRow, gate: asyncio.Semaphore) -> bool:
        """Whether the pair waits for nothing but news; its memory is kept."""
        temporal = self.ground.accord.temporal
        handle = temporal.get_workflow_handle(pair.workflow_id)
        async with gate:
            if await status_of(temporal, pair.workflow_id) is not WorkflowExecutionStatus.RUNNING:
                self.states[pair.id] = None
                return True
            try:
                state: PairState = await handle.query(
                    "state", result_type=PairState, rpc_timeout=QUERY_PATIENCE
                )
            except RPCError as error:
                self.under_way = f"{pair.workflow_id} doesn't answer: {error}"
                return False
        self.states[pair.id] = state
        if state.is_idle or state.stopped:
            return True
        self.under_way = f"{pair.workflow_id} is at work: {state.model_dump_json(exclude_defaults=True)}"
        return False
