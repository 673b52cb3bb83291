"""One durable timer for the nearest deadline, replaced only when that deadline moves.

`wait_condition(timeout=…)` would start and cancel a timer per change (two events each, measured).
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from temporalio import workflow


class Alarm:
    """Workflow code: rings once, at or after the moment it was set to."""

    def __init__(self) -> None:
        self._at: datetime | None = None
        self._timer: asyncio.Task[None] | None = None

    @property
    def rang(self) -> bool:
        return self._timer is not None and self._timer.done()

    def set(self, at: datetime | None, reason: str) -> None:
        """Ring at this moment instead of any other; None switches it off."""
        if at == self._at and not self.rang:
            return
        if self._timer is not None and not self._timer.done():
            self._timer.cancel()
        self._at = at
        self._timer = None if at is None else asyncio.create_task(_sleep_until(at, reason))


async def _sleep_until(at: datetime, reason: str) -> None:
    pause = at - workflow.now()
    if pause > timedelta(0):
        await workflow.sleep(pause, summary=reason[:200])
