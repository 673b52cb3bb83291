"""Forget what is old and no longer needed: `accord prune`.

Conflicts, decisions and the audit trail are never pruned, nor is what a pair needs for its next pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, delete, exists, or_

from store import months
from store.database import Tx
from store.schema import deliveries, pair_ends, plans, snapshots, write_ledger


@dataclass(frozen=True, slots=True)
class Pruned:
    """How much was forgotten."""

    months: list[str]
    """Partitions of field versions, dropped whole."""
    snapshots: int
    plans: int
    deliveries: int
    writes: int


async def prune(tx: Tx, before: datetime) -> Pruned:
    """Forget field versions of whole months before this instant, and single rows older than it.

    Makes the months ahead on the way, so that a database that is pruned never runs out of them.
    Kept whatever their age: the last snapshots, those of open plans, open plans, deliveries not signalled yet.
    """
    is_last = exists().where(pair_ends.c.snapshot_id == snapshots.c.id)
    snapshot_of_plan = or_(plans.c.snapshot_a == snapshots.c.id, plans.c.snapshot_b == snapshots.c.id)
    is_planned_on = exists().where(
        plans.c.pair_id == snapshots.c.pair_id, plans.c.state == "open", snapshot_of_plan
    )
    await months.open_ahead(tx)
    return Pruned(
        months=await months.drop_before(tx, before.date()),
        plans=(await tx.execute(delete(plans).where(plans.c.closed_at < before))).rowcount,
        snapshots=(
            await tx.execute(
                delete(snapshots).where(and_(snapshots.c.taken_at < before, ~is_last, ~is_planned_on))
            )
        ).rowcount,
        deliveries=(await tx.execute(delete(deliveries).where(deliveries.c.signalled_at < before))).rowcount,
        writes=(await tx.execute(delete(write_ledger).where(write_ledger.c.at < before))).rowcount,
    )
