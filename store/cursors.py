"""How far polls and streams have read, each tied to its query: a cursor of another query means nothing."""

from __future__ import annotations

from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from store.database import Tx
from store.schema import cursors

GET = select(cursors.c.cursor).where(
    cursors.c.connection == bindparam("connection"),
    cursors.c.record_type == bindparam("record_type"),
    cursors.c.query == bindparam("query"),
)

_new = insert(cursors)
MOVE = _new.on_conflict_do_update(
    constraint="pk_cursors", set_={"cursor": _new.excluded.cursor, "moved_at": func.now()}
)

MOVE_FROM = _new.on_conflict_do_update(
    constraint="pk_cursors",
    set_={"cursor": _new.excluded.cursor, "moved_at": func.now()},
    where=cursors.c.cursor == bindparam("expected"),
).returning(cursors.c.cursor)


async def get(tx: Tx, connection: str, record_type: str, query: str) -> str | None:
    """Where this query's last page ended; None if it never ran."""
    values = {"connection": connection, "record_type": record_type, "query": query}
    return await tx.scalar(GET, values)


async def move(tx: Tx, connection: str, record_type: str, query: str, cursor: str) -> None:
    """Move on to here; last of all, when everything before it has been signalled."""
    values = {"connection": connection, "record_type": record_type, "query": query, "cursor": cursor}
    await tx.execute(MOVE, values)


async def move_from(
    tx: Tx, connection: str, record_type: str, query: str, *, expected: str | None, cursor: str
) -> bool:
    """Move on from `expected` (None: from nowhere); False if another reader has moved it meanwhile."""
    values = {
        "connection": connection,
        "record_type": record_type,
        "query": query,
        "cursor": cursor,
        "expected": expected,
    }
    return await tx.scalar(MOVE_FROM, values) is not None
