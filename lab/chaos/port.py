"""What `PairLoop` asks of Temporal, given by a seeded life instead: one thing at a time, on a clock that only it moves.

The loop itself is production's. `installed` puts this port in the place of the module `temporalio.workflow` where the
loop and its alarm look it up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, NoReturn, Protocol

import workflows.alarm
import workflows.pair

TURNS = 4
"""Rounds of the event loop that let a timer or a cancelled pass come to its end."""


class Life(Protocol):
    """What goes on around the pair."""

    def now(self) -> datetime: ...

    async def step(self, activity: Any, asked: Any) -> Any:
        """Run an activity with its retries."""

    async def goes_on(self) -> bool:
        """Let one thing happen; False once nothing will happen any more."""

    def advance_to(self, at: datetime) -> None: ...


class Rested(Exception):
    """Nothing will happen any more: the history is over."""


class _Info:
    def get_current_history_length(self) -> int:
        return 0

    def is_continue_as_new_suggested(self) -> bool:
        return False


class Port:
    """The part of `temporalio.workflow` that the loop uses."""

    logger = logging.getLogger(__name__)

    def __init__(self, life: Life) -> None:
        self._life = life
        self._timers: list[tuple[datetime, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._life.now()

    def info(self) -> _Info:
        return _Info()

    def set_current_details(self, text: str) -> None:
        """Nobody looks."""

    def upsert_search_attributes(self, updates: object) -> None:
        """Nobody searches."""

    def continue_as_new(self, state: object) -> NoReturn:
        raise RuntimeError(f"a short life needs no second run: {state}")

    async def execute_activity_method(self, activity: Any, asked: Any, **options: object) -> Any:
        del options
        return await self._life.step(activity, asked)

    async def sleep(self, pause: timedelta, *, summary: str = "") -> None:
        del summary
        timer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._timers.append((self.now() + pause, timer))
        await timer

    async def close(self) -> None:
        """End what still sleeps: the life is over, and nobody will wake it."""
        for _, timer in self._timers:
            timer.cancel()
        for _ in range(TURNS):
            await asyncio.sleep(0)

    async def wait_condition(self, is_met: Callable[[], bool]) -> None:
        """Let things happen until the condition holds.

        Raises:
            Rested: Nothing is left that could make it hold.
        """
        while True:
            for _ in range(TURNS):
                await asyncio.sleep(0)
            if is_met():
                return
            if not await self._life.goes_on() and not self._ring_nearest():
                raise Rested
            self._ring_due()

    def _ring_due(self) -> None:
        due = [timer for at, timer in self._timers if at <= self.now() and not timer.done()]
        for timer in due:
            timer.set_result(None)
        self._timers = [(at, timer) for at, timer in self._timers if not timer.done()]

    def _ring_nearest(self) -> bool:
        waiting = [at for at, timer in self._timers if not timer.done()]
        if not waiting:
            return False
        self._life.advance_to(min(waiting))
        return True


@contextmanager
def installed(port: Port) -> Iterator[None]:
    """The loop talks to this port inside the block. One life at a time per process."""
    modules: tuple[Any, ...] = (workflows.pair, workflows.alarm)
    before = [module.workflow for module in modules]
    try:
        for module in modules:
            module.workflow = port
        yield
    finally:
        for module, real in zip(modules, before, strict=True):
            module.workflow = real
