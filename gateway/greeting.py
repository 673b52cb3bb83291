"""The gateway asks each connection that sends webhooks once, at its start, what it can promise.

Until a system has answered, its notices are taken without their versions: then each of our own echoes costs a look at
both records, where the ledger would have known it (semantics §2.6).
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from connectors.registry import Connections
from domain.errors import CredentialsRefused, SyncError

log = structlog.get_logger(__name__)

FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=1)
REFUSED_PAUSE = timedelta(minutes=10)
"""Many refusals lock an account out."""
AT_ONCE = 10
"""Connections asked at the same time: hundreds of them would take what webhooks need."""


async def greet_all(connections: Connections) -> None:
    """Ask them, a few at a time; those that don't answer, again and again. A background task of each gateway."""
    names = [name for name, config in connections.configs.items() if config.webhook]
    turn = asyncio.Semaphore(AT_ONCE)
    await asyncio.gather(*(_greet(connections, name, turn) for name in names))


async def _greet(connections: Connections, name: str, turn: asyncio.Semaphore) -> None:
    pause = FIRST_PAUSE
    while True:
        try:
            async with turn:
                await connections.get(name).probe()
        except SyncError as error:
            log.warning("connection_silent", connection=name, reason=error.message)
            pause = REFUSED_PAUSE if isinstance(error, CredentialsRefused) else pause
        else:
            return
        await asyncio.sleep(pause.total_seconds())
        pause = min(pause * 2, max(pause, LONGEST_PAUSE))
