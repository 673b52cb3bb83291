"""Losses: records of pairs that are gone, and how far what follows from it has come.

They are counted, so that many at once stop before they are followed; and they remember that a request about the other
record may have left, so that an attempt that died is carried on and not judged anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeAlias

from sqlalchemy import Interval, and_, bindparam, case, func, select, true, update
from sqlalchemy.dialects.postgresql import insert

from domain.sides import Side
from store.database import Tx
from store.schema import losses, pairs

Sent: TypeAlias = Literal["delete", "archive", "recreate"]


@dataclass(frozen=True, slots=True)
class LossRow:
    """One record that is gone."""

    record_id: str
    side: Side
    allowed: bool
    """Somebody has looked at it: the brake lets it pass."""
    sent: Sent | None
    """What may have reached the other record already."""


@dataclass(frozen=True, slots=True)
class Recent:
    """What vanished from one side of an integration of late."""

    vanished: int
    of: int
    """Pairs that were active when that began."""


NOTE = insert(losses).on_conflict_do_nothing()
OF_PAIR = select(losses.c.record_id, losses.c.side, losses.c.allowed, losses.c.sent).where(
    losses.c.pair_id == bindparam("pair_id")
)
MARK = (
    update(losses)
    .where(losses.c.pair_id == bindparam("pair"), losses.c.record_id == bindparam("record"))
    .values(sent=bindparam("request"))
)
ALLOW = (
    update(losses).where(losses.c.integration == bindparam("name"), ~losses.c.allowed).values(allowed=true())
)
LOCK = select(func.pg_advisory_xact_lock(func.hashtext(bindparam("lock"))))


def _recent() -> object:
    lost = and_(
        losses.c.pair_id == pairs.c.id,
        losses.c.side == bindparam("side"),
        losses.c.seen_at > func.now() - bindparam("within", type_=Interval),
    )
    counted = case((losses.c.pair_id.is_not(None) & ~losses.c.allowed, pairs.c.id))
    standing = case(((pairs.c.link == "active") | losses.c.pair_id.is_not(None), pairs.c.id))
    return (
        select(func.count(counted.distinct()), func.count(standing.distinct()))
        .select_from(pairs.outerjoin(losses, lost))
        .where(pairs.c.integration == bindparam("integration"))
    )


RECENT = _recent()


async def note(tx: Tx, pair_id: str, integration: str, side: Side, record_id: str) -> None:
    """Note that the record is gone; noted once. What is counted next waits for whoever notes at the same time."""
    await tx.execute(LOCK, {"lock": f"losses/{integration}"})
    values = {"pair_id": pair_id, "record_id": record_id, "integration": integration, "side": side.value}
    await tx.execute(NOTE, values)


async def of_pair(tx: Tx, pair_id: str) -> list[LossRow]:
    """What this pair has lost."""
    rows = (await tx.execute(OF_PAIR, {"pair_id": pair_id})).mappings()
    return [LossRow(row["record_id"], Side(row["side"]), row["allowed"], row["sent"]) for row in rows]


async def mark(tx: Tx, pair_id: str, record_id: str, sent: Sent | None) -> None:
    """Note that a request about the other record is about to leave, or that none arrived. Commit before it does."""
    await tx.execute(MARK, {"pair": pair_id, "record": record_id, "request": sent})


async def awaits_new_record(tx: Tx, pair_id: str) -> bool:
    """Whether a record may have been made in a lost one's place that the pair hasn't taken up yet."""
    return any(one.sent == "recreate" for one in await of_pair(tx, pair_id))


async def recent(tx: Tx, integration: str, side: Side, within: timedelta) -> Recent:
    """How many records of this side vanished within that span, without those that somebody allowed."""
    values = {"integration": integration, "side": side.value, "within": within}
    row = (await tx.execute(RECENT, values)).one()  # type: ignore[call-overload] # a Select, built above
    return Recent(*row)


async def allow(tx: Tx, integration: str) -> None:
    """Somebody has looked: what is gone by now doesn't count any more."""
    await tx.execute(ALLOW, {"name": integration})
