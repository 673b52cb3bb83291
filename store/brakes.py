"""Brakes: a whole integration stopped, or only what its deletions lead to, for a stated reason, until it is released."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert

from store.database import Tx
from store.schema import brakes

Braked: TypeAlias = Literal["everything", "deletions"]
"""deletions: what a record that is gone means for the other one and for the link; edits flow on."""


@dataclass(frozen=True, slots=True)
class BrakeRow:
    """An integration that stands still."""

    integration: str
    what: Braked
    reason: str
    by: str
    """A person, or what pulled it: mass_change, config."""
    since: datetime


PULL = insert(brakes).on_conflict_do_nothing().returning(brakes.c.integration)
RELEASE = (
    delete(brakes).where(brakes.c.integration == bindparam("integration")).returning(brakes.c.integration)
)
ALL = select(brakes).order_by(brakes.c.integration, brakes.c.what)
REASON = select(brakes.c.reason).where(
    brakes.c.integration == bindparam("integration"), brakes.c.what == bindparam("what")
)


async def pull(tx: Tx, integration: str, reason: str, by: str, *, what: Braked = "everything") -> bool:
    """Stop the integration; False if it stands still already, for the reason given first."""
    values = {"integration": integration, "what": what, "reason": reason, "by": by}
    return await tx.scalar(PULL, values) is not None


async def release(tx: Tx, integration: str) -> bool:
    """Let the integration go on, its deletions too; False if it wasn't stopped."""
    return bool((await tx.scalars(RELEASE, {"integration": integration})).all())


async def reason(tx: Tx, integration: str, what: Braked) -> str | None:
    """Why it stands still; None if it doesn't."""
    found: str | None = await tx.scalar(REASON, {"integration": integration, "what": what})
    return found


async def get_all(tx: Tx, what: Braked = "everything") -> dict[str, BrakeRow]:
    """Every integration that stands still in this respect."""
    rows = [BrakeRow(**row) for row in (await tx.execute(ALL)).mappings()]
    return {row.integration: row for row in rows if row.what == what}
