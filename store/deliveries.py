"""Deliveries: kept before a webhook is acknowledged or a cursor moved, seen only once they are signalled.

A delivery that comes twice is dropped only if the first one was signalled: kept alone is not enough, the process may
have died in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from pydantic import TypeAdapter
from sqlalchemy import Interval, Text, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert

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

Said: TypeAlias = tuple[str, str, bool]
"""Record, version, and whether it was deleted."""

_new = insert(deliveries)
KEEP_MANY = _new.on_conflict_do_update(
    index_elements=["connection", "delivery_id"],
    index_where=deliveries.c.delivery_id.is_not(None),
    set_={"notices": _new.excluded.notices, "signalled_at": _new.excluded.signalled_at},
    where=deliveries.c.signalled_at.is_(None),
)
KEEP = KEEP_MANY.returning(deliveries.c.id)

LAST = (
    select(deliveries.c.received_at)
    .where(deliveries.c.connection == bindparam("connection"))
    .order_by(deliveries.c.id.desc())
    .limit(1)
)

_id, _version = (deliveries.c.notices[path].astext for path in (("0", "ref", "id"), ("0", "version")))
SIGNALLED = select(deliveries.c.notices[0]).where(
    deliveries.c.connection == bindparam("connection"),
    _id == func.any(bindparam("ids", type_=ARRAY(Text))),
    _version == func.any(bindparam("versions", type_=ARRAY(Text))),
    deliveries.c.signalled_at.is_not(None),
)

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

RECEIVED = (
    select(deliveries.c.connection, func.max(deliveries.c.received_at))
    .where(
        deliveries.c.connection == func.any(bindparam("connections")),
        deliveries.c.notices[0]["source"].astext == "webhook",
    )
    .group_by(deliveries.c.connection)
)

ALL_LAST = (
    select(deliveries.c.connection, func.max(deliveries.c.received_at))
    .where(deliveries.c.notices[0]["source"].astext != "connection")
    .group_by(deliveries.c.connection)
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
    values = _row(connection, delivery_id, notices, signalled=concerns_nobody)
    kept: int | None = await tx.scalar(KEEP, values)
    return kept


def _row(
    connection: str, delivery_id: str | None, notices: Sequence[ChangeNotice], *, signalled: bool = False
) -> dict[str, Any]:
    return {
        "connection": connection,
        "delivery_id": delivery_id,
        "notices": [notice.model_dump(mode="json") for notice in notices],
        "signalled_at": datetime.now(UTC) if signalled else None,
    }


async def keep_each(tx: Tx, connection: str, notices: Sequence[ChangeNotice]) -> int:
    """Keep notices as deliveries of their own, but for versions that were signalled already, whoever told; how many.

    A notice without a version is always kept: nothing shows whether it was heard of.
    """
    known = await _signalled(tx, connection, [notice for notice in notices if notice.version is not None])
    fresh = {
        _name(notice) or str(n): notice for n, notice in enumerate(notices) if _said(notice) not in known
    }
    rows = [_row(connection, _name(notice), [notice]) for notice in fresh.values()]
    if rows:
        await tx.execute(KEEP_MANY, rows)
    return len(rows)


async def _signalled(tx: Tx, connection: str, notices: Sequence[ChangeNotice]) -> set[Said | None]:
    if not notices:
        return set()
    asked = {
        "connection": connection,
        "ids": [notice.ref.id for notice in notices],
        "versions": [notice.version for notice in notices],
    }
    return {_said(ChangeNotice.model_validate(found)) for found in await tx.scalars(SIGNALLED, asked)}


def _said(notice: ChangeNotice) -> Said | None:
    """What a notice says, whoever brought it; None where it names no version."""
    if notice.version is None:
        return None
    return str(notice.ref), notice.version, notice.kind == "deleted"


def _name(notice: ChangeNotice) -> str | None:
    """The delivery id of a notice that was found, not sent: equal for the same version of the same record."""
    if notice.version is None:
        return None
    kind = "/deleted" if notice.kind == "deleted" else ""
    return f"found/{notice.ref.record_type}/{notice.ref.id}@{notice.version}{kind}"


async def last_heard(tx: Tx, connection: str) -> datetime | None:
    """When this connection's changes were last heard of, by whatever way; None if never."""
    return await tx.scalar(LAST, {"connection": connection})


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


async def last_received(tx: Tx, connections: Sequence[str]) -> dict[str, datetime]:
    """When the last webhook of each connection came; without those that never sent one."""
    rows = await tx.execute(RECEIVED, {"connections": list(connections)})
    return dict(rows.tuples().all())


async def all_last_heard(tx: Tx) -> dict[str, datetime]:
    """When each connection last told of something, as long as deliveries are kept."""
    return {str(name): at for name, at in (await tx.execute(ALL_LAST)).all()}
