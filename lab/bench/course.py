"""How changes are made: in waves (saturated), one after the other (unloaded), or at a steady pace."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from time import time

from lab.bench.contestants import Contestant, Linked
from lab.bench.patience import until

LOOK_EVERY = 0.01
BETWEEN = 0.02
"""Seconds of peace between two changes that shall not meet."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change, in seconds of the epoch: edited, and on the other side."""

    began: float
    ended: float

    @property
    def seconds(self) -> float:
        return self.ended - self.began


@dataclass(slots=True)
class Course:
    """The changes of one contestant that are under way, and those that ended."""

    contestant: Contestant
    ended: list[Change] = field(default_factory=list)
    _began: dict[int, float] = field(default_factory=dict)

    async def begin(self, lanes: list[int]) -> None:
        began = time()
        self._began |= dict.fromkeys(lanes, began)
        await self.contestant.begin(lanes)

    async def until_ended(self) -> None:
        """Wait for all that began.

        Raises:
            TooSlow: Some change never arrives.
        """
        await until(self._is_empty, f"changes of {self.contestant.name}", every=LOOK_EVERY)

    async def _is_empty(self) -> bool:
        for lane, at in await self.contestant.finish.passed():
            began = self._began.pop(lane, None)
            if began is not None:
                self.ended.append(Change(began, at))
        return not self._began


async def wave(contestant: Contestant) -> list[Change]:
    """A change on every lane at once: what the machine can do."""
    course = Course(contestant)
    await course.begin(list(range(len(contestant.workflows))))
    await course.until_ended()
    await contestant.rest()
    return course.ended


async def one_by_one(contestant: Contestant, changes: int) -> list[Change]:
    """Each change has the machine for itself."""
    course = Course(contestant)
    for number in range(changes):
        await course.begin([number % len(contestant.workflows)])
        await course.until_ended()
        await contestant.rest()
        await asyncio.sleep(BETWEEN)
    return course.ended


async def paced(contestant: Contestant, changes: int, per_second: float) -> list[Change]:
    """So many changes a second, whether or not the earlier ones have ended. One per lane at most."""
    course = Course(contestant)
    loop = asyncio.get_running_loop()
    start = loop.time()
    for number in range(min(changes, len(contestant.workflows))):
        await asyncio.sleep(max(0.0, start + number / per_second - loop.time()))
        await course.begin([number])
    await course.until_ended()
    await contestant.rest()
    return course.ended


async def burst(linked: Linked, edits: int) -> list[Change]:
    """Many edits on every lane; a lane's change ends with the write that brought its last edit over."""
    began: dict[int, float] = {}
    for lane in range(len(linked.pairs)):
        began[lane] = time()
        await linked.begin([lane] * edits)
    await until(linked.is_level, f"bursts of {linked.name}")
    await linked.rest()
    ended = dict(await linked.finish.passed())
    return [Change(began[lane], ended[lane]) for lane in began]
