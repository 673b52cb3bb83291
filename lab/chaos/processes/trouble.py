"""What goes wrong for all lives of a wave: processes die, systems fail, notices are lost, doubled, late and shuffled."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import time
from typing import Any

import psutil

from lab.chaos.processes.plan import (
    RIGS,
    Death,
    Weather,
    Whim,
    plan_deaths,
    plan_weather,
    plan_whims,
)
from lab.crashes.ground import Ground
from lab.crashes.points import Point

LONGEST = 120.0
"""Seconds of trouble, where the machine does little work."""
WORK = 50_000
"""Bytes of points passed, some dozen passes, between two deaths."""
LASTS = 1.0
"""Seconds of changed settings."""
WAIT = 2.0
"""Seconds for somebody to come by an armed point."""
LOOK_EVERY = 0.05
ENOUGH = 30_000_000
"""Bytes of the list of points passed; in what comes later, there are hardly new ones."""
RETRIES = 4
"""Of a webhook: then it is lost, until a sweep or a poll finds out what it told of."""
FAIR: dict[str, Any] = {
    "webhook_drop_next": 0,
    "webhook_copies": 1,
    "webhook_delay": 0,
    "webhook_retries": RETRIES,
}
GATEWAY = {"webhook", "relay", "decision"}
"""Steps that the gateway does."""
OURS = {rig.name for rig in RIGS} | {"decision"}


@dataclass(slots=True)
class Trouble:
    """Brings about what the plans say, and notes who died when."""

    ground: Ground
    deaths: list[dict[str, Any]] = field(default_factory=list)
    """Lines of every history of the wave: `at`, `what`, `where`."""
    points: list[Point] = field(default_factory=list)
    """Known by now, in order of their names."""

    async def calm(self) -> None:
        """Fair weather: no fault, nothing held back, nothing armed."""
        self.ground.points.disarm()
        for control in self.ground.controls:
            await control.disarm()
            await control.change_settings(**FAIR)
            await control.release()

    async def befall(self, seed: int) -> None:
        """All troubles of that seed, or as many as two minutes have room for; then fair weather."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST), asyncio.TaskGroup() as meanwhile:
                others = [
                    meanwhile.create_task(self._fail(plan_weather(seed))),
                    meanwhile.create_task(self._tell_otherwise(plan_whims(seed))),
                ]
                await self._die(plan_deaths(seed))
                for other in others:
                    other.cancel()
        await self.calm()

    async def _after_work(self, pause: float, work: int) -> None:
        """Wait so many seconds, and until something was done: a stack that only dies shows nothing."""
        enough = self._worked() + work
        await asyncio.sleep(pause)
        while self._worked() < enough:
            await asyncio.sleep(LOOK_EVERY)

    def _worked(self) -> int:
        """Bytes of the list of points passed."""
        reached = self.ground.points.directory / "reached"
        return reached.stat().st_size if reached.exists() else 0

    # ----------------------------------------------------------------------------------------------------- deaths
    async def _die(self, plan: Sequence[Death]) -> None:
        for death in plan:
            await self._after_work(death.after, WORK)
            if death.process:
                await self._kill(death.process)
            else:
                await self._die_at(await asyncio.to_thread(self._chosen, death.draws))

    async def _kill(self, process: str) -> None:
        """End the life that this process is in; its parent begins another one."""
        parent = next(one.pid for one in self.ground.stack.states() if one.name == process)
        for life in psutil.Process(parent).children() if parent else []:
            os.kill(life.pid, signal.SIGKILL)
            self._note(process, "at any moment")

    def _chosen(self, draws: Sequence[float]) -> set[Point]:
        if 0 < self._worked() < ENOUGH or not self.points:
            self.points = sorted(point for point in self.ground.points.reached() if point.subject in OURS)
        return {self.points[int(draw * len(self.points))] for draw in draws if self.points}

    async def _die_at(self, points: set[Point]) -> None:
        """Have whoever comes by one of them first die there; nobody, if nobody comes by."""
        armed = self.ground.points.directory / "armed"
        self.ground.points.arm(points)
        for _ in range(int(WAIT / LOOK_EVERY)):
            await asyncio.sleep(LOOK_EVERY)
            hit = [point for point in points if not (armed / point.file).exists()]
            if hit:
                break
        self.ground.points.disarm()
        for point in hit:
            self._note("gateway" if point.step in GATEWAY else "worker", point.name)

    def _note(self, what: str, where: str) -> None:
        self.deaths.append({"kind": "death", "at": time(), "what": what, "where": where})

    # ---------------------------------------------------------------------------------------------------- systems
    async def _fail(self, plan: Sequence[Weather]) -> None:
        for weather in plan:
            await self._after_work(weather.after, WORK // 2)
            await self.ground.controls[weather.side].arm(weather.fault)

    async def _tell_otherwise(self, plan: Sequence[Whim]) -> None:
        for whim in plan:
            await asyncio.sleep(whim.after)
            control = self.ground.controls[whim.side]
            await control.change_settings(**whim.settings)
            await asyncio.sleep(LASTS)
            await control.change_settings(**FAIR)
            await control.release("shuffled" if "webhook_hold" in whim.settings else "kept", whim.draw)
