"""Waiting for what other processes do: they set no event, so they are asked again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

LOOK_EVERY = 0.05
PATIENCE = timedelta(seconds=90)


class TooSlow(RuntimeError):
    """What was waited for didn't happen in time; the message says what."""


async def until(happened: Callable[[], Awaitable[bool]], what: str, *, every: float = LOOK_EVERY) -> None:
    """Ask until it is so.

    Raises:
        TooSlow: It isn't within `PATIENCE`.
    """
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            while not await happened():
                await asyncio.sleep(every)
    except TimeoutError as error:
        raise TooSlow(f"{what}: not within {PATIENCE.total_seconds():.0f} s") from error
