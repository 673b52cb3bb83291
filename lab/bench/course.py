"""How changes are made: as many as the machine can do, one after the other (unloaded), or at a steady pace."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from time import time

from lab.bench.contestants import Contestant, Linked
from lab.scenarios.live.rest import until

LOOK_EVERY = 0.01
LOOK_EVERY_SATURATED = 0.05
"""Seconds; a look takes 2 ms of processor time that the others want, and half of the lanes are under way anyway."""
BETWEEN = 0.02
"""Seconds of peace between two changes that shall not meet."""
RAMP = 1.0
"""Seconds until a saturated machine is in its stride; not counted."""

Metered = Callable[[], AbstractContextManager[None]]


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
        self._began |= dict.fromkeys(lanes, time())
        await self.contestant.begin(lanes)

    async def look(self) -> list[int]:
        """The lanes that came in since the last look."""
        passed = [(lane, at) for lane, at in await self.contestant.finish.passed() if lane in self._began]
        self.ended += [Change(self._began.pop(lane), at) for lane, at in passed]
        return [lane for lane, _ in passed]

    async def until_ended(self) -> None:
        """Wait for all that began, and for what they brought about.

        Raises:
            Restless: Some change never arrives.
        """
        await until(self._is_empty, f"changes of {self.contestant.name}", every=LOOK_EVERY)
        await self.contestant.rest()

    async def _is_empty(self) -> bool:
        await self.look()
        return not self._began


async def saturate(
    contestant: Contestant, seconds: float, metered: Metered
) -> tuple[list[Change], list[Change]]:
    """Half of the lanes are always under way; the one that has rested longest follows a lane that came in.

    So what a lane left to be done after its end (an echo, a workflow task) is done before its next change begins.
    All changes, and those that ended within the metered seconds.
    """
    course, resting = Course(contestant), deque(range(len(contestant.workflows)))
    await course.begin([resting.popleft() for _ in range(len(resting) // 2)])
    await _keep_busy(course, resting, RAMP)
    began = time()
    with metered():
        await _keep_busy(course, resting, seconds)
        ended = time()
    await course.until_ended()
    return course.ended, [change for change in course.ended if began <= change.ended < ended]


def span_of(changes: Sequence[Change]) -> float:
    """Seconds from the first beginning to the last end."""
    return max(change.ended for change in changes) - min(change.began for change in changes)


async def _keep_busy(course: Course, resting: deque[int], seconds: float) -> None:
    deadline = time() + seconds
    while time() < deadline:
        passed = await course.look()
        resting.extend(passed)
        await course.begin([resting.popleft() for _ in passed])
        await asyncio.sleep(LOOK_EVERY_SATURATED)


async def wave(contestant: Contestant) -> list[Change]:
    """One change on every lane, all at once."""
    course, lanes = Course(contestant), list(range(len(contestant.workflows)))
    await contestant.prepare(lanes)
    await course.begin(lanes)
    await course.until_ended()
    return course.ended


async def one_by_one(contestant: Contestant, changes: int) -> list[Change]:
    """Each change has the machine for itself."""
    course = Course(contestant)
    for number in range(changes):
        lane = number % len(contestant.workflows)
        await contestant.prepare([lane])
        await course.begin([lane])
        await course.until_ended()
        await asyncio.sleep(BETWEEN)
    return course.ended


async def paced(contestant: Contestant, changes: int, per_second: float) -> list[Change]:
    """So many changes a second, whether or not the earlier ones have ended. One per lane at most."""
    course, lanes = Course(contestant), list(range(min(changes, len(contestant.workflows))))
    await contestant.prepare(lanes)
    loop = asyncio.get_running_loop()
    start = loop.time()
    for lane in lanes:
        await asyncio.sleep(max(0.0, start + lane / per_second - loop.time()))
        await course.begin([lane])
    await course.until_ended()
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
