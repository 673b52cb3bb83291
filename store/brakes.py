"""Brakes: a whole integration stopped, for a stated reason, until somebody releases it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert

from store.database import Tx
from store.schema import brakes


@dataclass(frozen=True, slots=True)
class BrakeRow:
    """An integration that stands still."""

    integration: str
    reason: str
    by: str
    """A person, or what pulled it: mass_change, config."""
    since: datetime


PULL = insert(brakes).on_conflict_do_nothing().returning(brakes.c.integration)
RELEASE = (
    delete(brakes).where(brakes.c.integration == bindparam("integration")).returning(brakes.c.integration)
)
ALL = select(brakes).order_by(brakes.c.integration)


async def pull(tx: Tx, integration: str, reason: str, by: str) -> bool:
    """Stop the integration; False if it stands still already, for the reason given first."""
    return await tx.scalar(PULL, {"integration": integration, "reason": reason, "by": by}) is not None


async def release(tx: Tx, integration: str) -> bool:
    """Let the integration go on; False if it wasn't stopped."""
    return await tx.scalar(RELEASE, {"integration": integration}) is not None


async def get_all(tx: Tx) -> dict[str, BrakeRow]:
    """Every integration that stands still."""
    return {row["integration"]: BrakeRow(**row) for row in (await tx.execute(ALL)).mappings()}
