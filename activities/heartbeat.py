"""Every activity's heart beats by itself; one that has come somewhere says so, and the beat repeats it.

So a dead worker is noticed by the time-out, and the Temporal UI shows how far a long activity is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from typing import Any

from temporalio import activity

BEAT = 1.5
"""Seconds between heartbeats; well inside the time-out of 5 s."""

_said: ContextVar[list[Any]] = ContextVar("said")


def say(*details: Any) -> None:
    """Show this with every heartbeat from now on: short, no values of records."""
    with suppress(LookupError):
        _said.get()[:] = details
    activity.heartbeat(*details)


@asynccontextmanager
async def beating() -> AsyncIterator[None]:
    """Beat for as long as the block runs."""
    said: list[Any] = []
    _said.set(said)
    heart = asyncio.create_task(_beat(said))
    try:
        yield
    finally:
        heart.cancel()
        with suppress(asyncio.CancelledError):
            await heart


async def _beat(said: list[Any]) -> None:
    while True:
        await asyncio.sleep(BEAT)
        activity.heartbeat(*said)
