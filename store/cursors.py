"""How far polls and streams have read, each tied to its query: a cursor of another query means nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import and_, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert

from store.database import Tx
from store.documents import whole
from store.schema import cursors


@dataclass(frozen=True, slots=True)
class CursorRow:
    """How far one query has been read."""

    cursor: str
    moved_at: datetime
    caught_up_at: datetime | None = None
    """When the end of the query was last reached; None while it is read for the first time."""


ROW = TypeAdapter(CursorRow)

# Other names than the columns', which an UPDATE keeps for itself.
IS_THIS = and_(
    cursors.c.connection == bindparam("of_connection"),
    cursors.c.record_type == bindparam("of_type"),
    cursors.c.query == bindparam("of_query"),
)
GET = select(cursors.c.cursor).where(IS_THIS)
FIND = select(whole(cursors)).where(IS_THIS)

_new = insert(cursors)
MOVE = _new.on_conflict_do_update(
    constraint="pk_cursors", set_={"cursor": _new.excluded.cursor, "moved_at": func.now()}
)

MOVE_FROM = _new.on_conflict_do_update(
    constraint="pk_cursors",
    set_={"cursor": _new.excluded.cursor, "moved_at": func.now()},
    where=cursors.c.cursor == bindparam("expected"),
).returning(cursors.c.cursor)

_at_its_place = update(cursors).where(IS_THIS, cursors.c.cursor == bindparam("reached"))
CATCH_UP = _at_its_place.values(caught_up_at=func.now()).returning(cursors.c.cursor)

DROP = update(cursors).where(IS_THIS).values(cursor="", caught_up_at=None)


async def get(tx: Tx, connection: str, record_type: str, query: str) -> str | None:
    """Where this query's last page ended; None if it never ran."""
    return await tx.scalar(GET, _of(connection, record_type, query))


async def find(tx: Tx, connection: str, record_type: str, query: str) -> CursorRow | None:
    """The same, with when it moved and when its end was reached."""
    document = await tx.scalar(FIND, _of(connection, record_type, query))
    return None if document is None else ROW.validate_python(document)


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


async def catch_up(tx: Tx, connection: str, record_type: str, query: str, cursor: str) -> bool:
    """Note that the query has been read to its end, which is here; False if another reader has moved on meanwhile."""
    values = _of(connection, record_type, query) | {"reached": cursor}
    return await tx.scalar(CATCH_UP, values) is not None


async def drop(tx: Tx, connection: str, record_type: str, query: str) -> None:
    """Begin the query anew: the connector says that its cursor belongs to another one."""
    await tx.execute(DROP, _of(connection, record_type, query))


def _of(connection: str, record_type: str, query: str) -> dict[str, str]:
    return {"of_connection": connection, "of_type": record_type, "of_query": query}
