"""Alerts: raised once per key while the cause lasts, cleared when it is gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert

from store.database import Tx
from store.documents import whole
from store.schema import alerts


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An alert that stands."""

    key: str
    kind: str
    pair_id: str | None
    message: str
    """What, where, and what to do."""
    raised_at: datetime


@dataclass(frozen=True, slots=True)
class Span:
    """How long an alert stood, or has stood so far."""

    key: str
    raised_at: datetime
    cleared_at: datetime | None


ROW = TypeAdapter(AlertRow)

RAISE = (
    insert(alerts)
    .on_conflict_do_nothing(index_elements=["key"], index_where=alerts.c.cleared_at.is_(None))
    .returning(alerts.c.id)
)

_STANDING = update(alerts).where(alerts.c.cleared_at.is_(None)).values(cleared_at=func.now())
CLEAR = _STANDING.where(alerts.c.key == func.any(bindparam("keys"))).returning(alerts.c.key)
CLEAR_OTHERS = _STANDING.where(
    func.starts_with(alerts.c.key, bindparam("prefix")),
    alerts.c.key != func.all(bindparam("keep")),
).returning(alerts.c.key)

EVER_RAISED = (
    select(alerts.c.key)
    .where(func.starts_with(alerts.c.key, bindparam("prefix")))
    .distinct()
    .order_by(alerts.c.key)
)

SPANS = (
    select(alerts.c.key, alerts.c.raised_at, alerts.c.cleared_at)
    .where(func.starts_with(alerts.c.key, bindparam("prefix")))
    .order_by(alerts.c.id)
)

TIMES_RAISED = select(func.count()).where(alerts.c.key == bindparam("alert"))

OPEN = select(whole(alerts)).where(alerts.c.cleared_at.is_(None)).order_by(alerts.c.raised_at)


async def raise_(tx: Tx, key: str, kind: str, pair_id: str | None, message: str) -> bool:
    """Raise an alert; False if it stands already, so nobody is told twice."""
    values = {"key": key, "kind": kind, "pair_id": pair_id, "message": message}
    return await tx.scalar(RAISE, values) is not None


async def clear(tx: Tx, keys: Sequence[str]) -> list[str]:
    """Clear these alerts; the keys of those that stood."""
    return list(await tx.scalars(CLEAR, {"keys": list(keys)}))


async def clear_under(tx: Tx, prefix: str, *, keep: Sequence[str] = ()) -> list[str]:
    """Clear every alert whose key begins so, but for those to keep; the keys of those that stood."""
    return list(await tx.scalars(CLEAR_OTHERS, {"prefix": prefix, "keep": list(keep)}))


async def open_alerts(tx: Tx) -> list[AlertRow]:
    """Alerts that stand, oldest first."""
    return [ROW.validate_python(document) for document in await tx.scalars(OPEN)]


async def ever_raised(tx: Tx, prefix: str) -> list[str]:
    """The keys of all alerts that begin so, cleared ones too, each once, as long as they are kept."""
    return list(await tx.scalars(EVER_RAISED, {"prefix": prefix}))


async def times_raised(tx: Tx, key: str) -> int:
    """How often this very alert was raised, as long as alerts are kept."""
    return int(await tx.scalar(TIMES_RAISED, {"alert": key}) or 0)


async def spans(tx: Tx, prefix: str) -> list[Span]:
    """All alerts that begin so, cleared ones too, oldest first, as long as they are kept."""
    found = await tx.execute(SPANS, {"prefix": prefix})
    return [Span(row.key, row.raised_at, row.cleared_at) for row in found]
