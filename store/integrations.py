"""Declarations, version by version, verbatim. A version never changes: pairs, plans and log lines refer to it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, func, insert, select, text
from sqlalchemy.dialects.postgresql import distinct_on

from store.database import Tx
from store.schema import integrations

APPLY = insert(integrations)

ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('accord: apply'))")

CURRENT = (
    select(integrations.c.name, integrations.c.version, integrations.c.source)
    .ext(distinct_on(integrations.c.name))
    .order_by(integrations.c.name, integrations.c.version.desc())
)
CURRENT_OF = CURRENT.where(integrations.c.name == bindparam("name"))
VERSIONS = select(integrations.c.name, func.max(integrations.c.version).label("version")).group_by(
    integrations.c.name
)
LAST_APPLIED = select(integrations.c.name, func.max(integrations.c.applied_at).label("at")).group_by(
    integrations.c.name
)
SOURCE = select(integrations.c.source).where(
    integrations.c.name == bindparam("name"), integrations.c.version == bindparam("version")
)


async def apply(tx: Tx, name: str, source: str, by: str) -> int:
    """Make this text the current version and return its number; the text that is current already keeps its number."""
    await tx.execute(ONE_AT_A_TIME)
    version, current_source = await current(tx, name) or (0, None)
    if source == current_source:
        return version
    values = {"name": name, "version": version + 1, "source": source, "applied_by": by}
    await tx.execute(APPLY, values)
    return version + 1


async def current(tx: Tx, name: str) -> tuple[int, str] | None:
    """Version and text that hold now; None if the integration was never applied."""
    row = (await tx.execute(CURRENT_OF, {"name": name})).one_or_none()
    return None if row is None else (row.version, row.source)


async def get(tx: Tx, name: str, version: int) -> str | None:
    """The text of one version."""
    return await tx.scalar(SOURCE, {"name": name, "version": version})


async def all_current(tx: Tx) -> dict[str, tuple[int, str]]:
    """Version and text of every integration, by name."""
    return {row.name: (row.version, row.source) for row in await tx.execute(CURRENT)}


async def versions(tx: Tx) -> dict[str, int]:
    """The current version of every integration, by name; for those who keep the parsed texts."""
    return {row.name: row.version for row in await tx.execute(VERSIONS)}


async def last_applied(tx: Tx) -> dict[str, datetime]:
    """When the current version of every integration was applied, by name."""
    return {row.name: row.at for row in await tx.execute(LAST_APPLIED)}
