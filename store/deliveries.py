"""Deliveries: kept before a webhook is acknowledged or a cursor moved, seen only once they are signalled.

A delivery that comes twice is dropped only if the first one was signalled: kept alone is not enough, the process may
have died in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import TypeAdapter
from sqlalchemy import Interval, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.records import ChangeNotice
from store.database import Tx
from store.documents import whole
from store.schema import deliveries


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """A delivery as kept, without the sender's bytes."""

    id: int
    connection: str
    delivery_id: str | None
    notices: list[ChangeNotice]
    received_at: datetime


ROW = TypeAdapter(DeliveryRow)

_new = insert(deliveries)
KEEP = _new.on_conflict_do_update(
    index_elements=["connection", "delivery_id"],
    index_where=deliveries.c.delivery_id.is_not(None),
    set_={"notices": _new.excluded.notices, "signalled_at": _new.excluded.signalled_at},
    where=deliveries.c.signalled_at.is_(None),
).returning(deliveries.c.id)

MARK = (
    update(deliveries)
    .where(deliveries.c.id == func.any(bindparam("ids")), deliveries.c.signalled_at.is_(None))
    .values(signalled_at=func.now())
)

UNSIGNALLED = (
    select(whole(deliveries))
    .where(
        deliveries.c.signalled_at.is_(None),
        (deliveries.c.received_at <= func.now() - bindparam("older_than", type_=Interval))
        | (deliveries.c.notices[0]["source"].astext != "webhook"),
    )
    .order_by(deliveries.c.received_at)
    .limit(bindparam("most"))
)


async def keep(
    tx: Tx,
    connection: str,
    delivery_id: str | None,
    notices: Sequence[ChangeNotice],
    *,
    concerns_nobody: bool = False,
) -> int | None:
    """Keep a delivery until it is signalled, which one that concerns nobody is at once; its number.

    None if this delivery was signalled before. One that was kept but not signalled yet has its number again.
    """
    values = {
        "connection": connection,
        "delivery_id": delivery_id,
        "notices": [notice.model_dump(mode="json") for notice in notices],
        "signalled_at": datetime.now(UTC) if concerns_nobody else None,
    }
    kept: int | None = await tx.scalar(KEEP, values)
    return kept


async def mark_signalled(tx: Tx, ids: Sequence[int]) -> None:
    """Note that every pair with these deliveries' records has been signalled."""
    await tx.execute(MARK, {"ids": list(ids)})


async def unsignalled(
    tx: Tx, limit: int = 100, older_than: timedelta = timedelta(seconds=5)
) -> list[DeliveryRow]:
    """What the relay must still signal, oldest first.

    Younger webhooks are still in the hands of the request that brought them; what a poll, a stream or a sweep kept is
    in nobody's.
    """
    documents = await tx.scalars(UNSIGNALLED, {"most": limit, "older_than": older_than})
    return [ROW.validate_python(document) for document in documents]
