"""A campaign: see which points each kind of work passes, then die once at every one of them, and look at the end.

1. One pair of each kind, nobody dies: that shows the points.
2. Many pairs of each kind at once, a portion of the points armed: the processes die at each of them, once. Every pair
   must end as if nobody had.
3. Again with fresh pairs, for the next portion, and for points that nobody came by.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from math import ceil
from random import Random  # noqa: TID251 - seeded, and printed

from lab.crashes.cohort import Cohort
from lab.crashes.ground import Ground
from lab.crashes.kinds import KINDS, Kind
from lab.crashes.points import Point
from lab.scenarios.live.rest import Restless

PORTION = 50
"""Points armed at once: a pair that meets them all waits between its tries, and shall come to rest within minutes."""
SPARE_ROUNDS = 4
"""For points that nobody came by, because another death led the work past them."""

Tell = Callable[[str], None]


@dataclass(slots=True)
class Finding:
    """What came of one campaign."""

    points: list[Point]
    """Those at which somebody had to die."""
    hit: set[Point] = field(default_factory=set)
    pairs: int = 0
    """That lived through it."""
    violations: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.violations and len(self.hit) == len(self.points)


@dataclass(slots=True)
class Campaign:
    """One run on one stack."""

    ground: Ground
    tell: Tell
    kinds: Sequence[Kind] = KINDS
    number: count[int] = field(default_factory=lambda: count(1))

    async def run(self, pairs: int, share: float, seed: int) -> Finding:
        """Die everywhere.

        Args:
            pairs: Of all kinds together, at once.
            share: Of the points of each kind; 1 for all.
            seed: Chooses them, where not all are meant.
        """
        self.tell("nobody dies: which points are there?")
        await self.ground.hear([kind.name for kind in self.kinds])
        calm = Finding([])
        await self._round(calm, 1, [])
        finding = Finding(self._chosen(self.ground.points.reached(), share, seed), pairs=0)
        finding.violations += calm.violations
        for _ in range(ceil(len(finding.points) / PORTION) + SPARE_ROUNDS):
            left = [point for point in finding.points if point not in finding.hit]
            if not left or finding.violations:
                break
            armed = Random(seed).sample(left, min(PORTION, len(left)))
            self.ground.points.arm(armed)
            await self._round(finding, max(1, pairs // len(self.kinds)), armed)
            self.ground.points.disarm()
            finding.hit |= {point for point in armed if self.ground.points.is_hit(point)}
        return finding

    def _chosen(self, points: list[Point], share: float, seed: int) -> list[Point]:
        known = {kind.name for kind in self.kinds}
        mine = [point for point in points if point.subject in known]
        return sorted(Random(seed).sample(mine, max(1, round(len(mine) * share))))

    async def _round(self, finding: Finding, each: int, armed: Sequence[Point]) -> None:
        """Fresh pairs of each kind, worked on at the same time, until all are at rest."""
        cohorts = [
            Cohort(self.ground, kind, [f"ticket {next(self.number)}" for _ in range(each)])
            for kind in self.kinds
        ]
        for control in self.ground.controls:
            await control.hold()
        for cohort in cohorts:
            await cohort.prepare()
            await cohort.work()
        for control in self.ground.controls:
            await control.release()
        beside = [asyncio.create_task(cohort.decide()) for cohort in cohorts]
        beside.append(asyncio.create_task(self._count(finding, armed)))
        try:
            for cohort in cohorts:
                finding.violations += await self._end(cohort)
                finding.pairs += each
        finally:
            for task in beside:
                task.cancel()

    async def _end(self, cohort: Cohort) -> list[str]:
        try:
            await cohort.rest()
        except Restless as error:
            return [str(error)]
        return await cohort.violations()

    async def _count(self, finding: Finding, armed: Sequence[Point]) -> None:
        """Tell how many have died by now. Runs until cancelled."""
        while armed:
            hit = sum(self.ground.points.is_hit(point) for point in armed)
            done = len(finding.hit) + hit
            self.tell(
                f"{done} deaths, {len(finding.points) - done} points left, {len(armed) - hit} of them armed"
            )
            await asyncio.sleep(1)
