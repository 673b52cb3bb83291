"""A load from plan to rest: timed, metered, and killed on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from time import monotonic

from pydantic import BaseModel

from domain.backfilling import Tally
from gateway.desks.backfilling import BackfillDesk
from gateway.desks.desk import Desk
from lab.backfill.memory import Memory, Watched
from lab.backfill.seed import DECLARATION, NAME, Mixture, duplicates, seed
from lab.bench.meters import resident
from lab.bench.stage import Stage
from store import deliveries, integrations, pairs

Tell = Callable[[str], None]

LOOK_EVERY = 0.1
REST_PATIENCE = 600.0
"""Seconds for the pairs that differ to come to rest."""


class Loaded(BaseModel):
    """What a load came to, and what it cost."""

    records: int
    expected: Tally
    planned: Tally
    done: Tally
    kills: int
    plan_seconds: float
    load_seconds: float
    """Until every record was matched, kills included."""
    rest_seconds: float
    """From there until every pair that differed had its pass."""
    plan_calls: float
    """API calls per record."""
    load_calls: float
    rest_calls: float
    duplicates: int
    """Records too many or too few, counted in both systems."""
    unpassed: int
    """Pairs that nothing was done about."""
    memory: Memory

    @property
    def holds(self) -> bool:
        is_right = self.expected == self.planned == self.done
        return is_right and self.duplicates == self.unpassed == 0 and self.memory.is_steady


@dataclass(slots=True)
class Course:
    """One load on a running stage."""

    stage: Stage
    mixture: Mixture
    kill_at: tuple[int, ...] = ()
    """Per cent at which the worker is killed."""
    tell: Tell = print
    watched: Watched = field(default_factory=Watched)
    kills: int = 0

    async def run(self) -> Loaded:
        self.tell("seeding")
        records = await seed(self.stage, self.mixture)
        async with self.stage.accord.database.begin() as tx:
            await integrations.apply(tx, NAME, DECLARATION, "lab")
        calls = [await self._calls()]
        began = monotonic()
        planned = await self._followed(dry_run=True)
        times = [monotonic() - began]
        calls.append(await self._calls())
        began = monotonic()
        done = await self._followed(dry_run=False)
        times.append(monotonic() - began)
        calls.append(await self._calls())
        began = monotonic()
        await self._rest()
        times.append(monotonic() - began)
        calls.append(await self._calls())
        spent = [(after - before) / records for before, after in pairwise(calls)]
        return Loaded(
            records=records,
            expected=self.mixture.expected,
            planned=planned,
            done=done,
            kills=self.kills,
            plan_seconds=times[0],
            load_seconds=times[1],
            rest_seconds=times[2],
            plan_calls=spent[0],
            load_calls=spent[1],
            rest_calls=spent[2],
            duplicates=await duplicates(self.stage, self.mixture),
            unpassed=await self._unpassed(),
            memory=self.watched.summed_up(done.differs),
        )

    async def _followed(self, *, dry_run: bool) -> Tally:
        """Start it and see it through; a kill on the way is the supervisor's to mend, and the workflow's."""
        desk = BackfillDesk(Desk(self.stage.accord, self.stage.signaller))
        run = await desk.start(NAME, by="lab", dry_run=dry_run, ask_above=self.mixture.review)
        while True:
            shown = await desk.show(NAME, run)
            share = 100 * shown.progress.matched // max(1, sum(shown.progress.listed))
            share = 100 if shown.progress.is_done else share
            self.tell(
                f"{'planning' if dry_run else 'loading'}: {share} %, {shown.progress.tally.pairs} pairs"
            )
            if not dry_run:
                self._look(share)
            if shown.progress.is_done:
                return shown.progress.tally
            await asyncio.sleep(LOOK_EVERY)

    def _look(self, share: int) -> None:
        if pid := self._worker():
            self.watched.note(pid, share, resident(pid) / 1e6)
        if self.kills < len(self.kill_at) and share >= self.kill_at[self.kills] and self._worker():
            self.stage.stack.kill("worker-1")
            self.kills += 1

    def _worker(self) -> int | None:
        return next((s.pid for s in self.stage.stack.states() if s.name == "worker-1"), None)

    async def _rest(self) -> None:
        """Until each pair that differed has been looked at by its own workflow."""
        async with asyncio.timeout(REST_PATIENCE):
            while left := await self._unpassed():
                self.tell(f"{left} pairs on their way")
                await asyncio.sleep(LOOK_EVERY)

    async def _unpassed(self) -> int:
        """Pairs without a pass, and deliveries that nobody has been told of."""
        async with self.stage.accord.database.begin() as tx:
            waiting = len(await deliveries.unsignalled(tx, limit=1000))
        left, after = 0, ""
        while True:
            async with self.stage.accord.database.begin() as tx:
                page = await pairs.listing(tx, integration=NAME, after=after, limit=1000)
            left += sum(row.last_pass_at is None for row in page)
            if len(page) < 1000:
                return left + waiting
            after = page[-1].id

    async def _calls(self) -> int:
        """Requests to both systems' APIs so far."""
        counted = [await control.counts() for control in self.stage.controls]
        return sum(one["total"].get("requests", 0) for one in counted)
