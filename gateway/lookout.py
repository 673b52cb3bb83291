"""Keeps alerts that concern no single pair: a background task of each gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from activities.describing import SchemaWatch
from activities.rating import RateWatch
from domain.errors import SyncError
from gateway.assembly import Accord

log = structlog.get_logger(__name__)

RHYTHM = timedelta(seconds=15)
"""An alert stands, or is gone, this long after its cause at most."""


async def watch_schemas(accord: Accord) -> None:
    """Have alerts stand for what the systems' record types no longer give a declaration."""
    await _again_and_again(
        SchemaWatch(accord.context, accord.settings.schema_every).look, "schemas_not_watched"
    )


async def watch_rates(accord: Accord) -> None:
    """Have alerts stand for rates over what a declaration's `alerts` allow."""
    await _again_and_again(RateWatch(accord.context).look, "rates_not_watched")


async def _again_and_again(look: Callable[[], Awaitable[None]], failed: str) -> None:
    while True:
        try:
            await look()
        except SyncError as error:
            log.warning(failed, reason=error.message)
        await asyncio.sleep(RHYTHM.total_seconds())
