"""The months of `field_versions`: made ahead, dropped whole when they are old.

A month that nobody made in time costs nothing: its rows wait in the default partition until it is made.
"""

from __future__ import annotations

import re
from datetime import date

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

MONTHS_AHEAD = 3

OPEN_MONTHS = text("SELECT open_months(:ahead)")

MONTHS = text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'field_versions'::regclass")

MONTH = re.compile(r"field_versions_(\d{4})_(\d{2})")


async def open_ahead(tx: AsyncConnection, ahead: int = MONTHS_AHEAD) -> None:
    """Make this month and the next ones, where missing."""
    await tx.execute(OPEN_MONTHS, {"ahead": ahead})


async def drop_before(tx: AsyncConnection, day: date) -> list[str]:
    """Drop every month that lies wholly before the day's month; their names, oldest first."""
    names = sorted(name for name in await tx.scalars(MONTHS) if _is_before(name, day))
    for name in names:
        await tx.execute(text(f"DROP TABLE {name}"))
    return names


def _is_before(partition: str, day: date) -> bool:
    month = MONTH.fullmatch(partition)
    return month is not None and (int(month[1]), int(month[2])) < (day.year, day.month)
