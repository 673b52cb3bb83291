"""What stands still, and for which cause: pairs in quarantine or otherwise stopped, and single units that are parked."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import CompoundSelect, String, bindparam, func, literal, null, or_, select, union_all
from sqlalchemy.sql.selectable import Subquery

from store.database import Tx
from store.schema import pairs, parked_units

WAITING = ("unreachable", "braked")
"""States whose cause is the sentence that the pair waits for."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """One thing that stands still."""

    pair_id: str
    integration: str
    cause: str
    """quarantined, unreachable, braked; for a unit flap, refused."""
    unit: str | None
    reason: str


def _all() -> Subquery:
    quarantined = select(
        pairs.c.id.label("pair_id"),
        pairs.c.integration,
        literal("quarantined", String).label("cause"),
        null().cast(String).label("unit"),
        pairs.c.quarantine.label("reason"),
    ).where(pairs.c.link == "active", pairs.c.quarantine.is_not(None))
    waiting = [
        select(
            pairs.c.id, pairs.c.integration, literal(state, String), null().cast(String), pairs.c.waits_for
        ).where(pairs.c.link == "active", literal(state) == pairs.c.state.any_())
        for state in WAITING
    ]
    parked = (
        select(
            pairs.c.id, pairs.c.integration, parked_units.c.cause, parked_units.c.unit, parked_units.c.reason
        )
        .join(parked_units, parked_units.c.pair_id == pairs.c.id)
        .where(pairs.c.link == "active", parked_units.c.cause != "torn")
    )
    every: CompoundSelect[tuple[str, str, str, str | None, str]] = union_all(quarantined, *waiting, parked)
    return every.subquery("stopped")


_stopped = _all()

STOPPED = (
    select(_stopped)
    .where(
        or_(
            bindparam("integration", type_=String).is_(None),
            _stopped.c.integration == bindparam("integration"),
        ),
        or_(
            bindparam("cause", type_=String).is_(None),
            _stopped.c.cause == bindparam("cause"),
            func.strpos(func.lower(_stopped.c.reason), func.lower(bindparam("cause"))) > 0,
        ),
    )
    .order_by(_stopped.c.integration, _stopped.c.cause, _stopped.c.pair_id)
)


async def stopped(tx: Tx, *, integration: str | None = None, cause: str | None = None) -> list[Stopped]:
    """Everything that stands still.

    Args:
        tx: The transaction.
        integration: Only there.
        cause: A cause by its name, or words that the reason holds, in any case.
    """
    rows = await tx.execute(STOPPED, {"integration": integration, "cause": cause})
    return [Stopped(**row) for row in rows.mappings()]
