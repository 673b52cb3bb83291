"""Pairs that wait for a connection, to be woken once it can be reached again."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import TypeAdapter
from sqlalchemy import bindparam, func, literal, select

from domain.records import RecordRef
from store.database import Tx
from store.documents import built
from store.schema import pair_ends, pairs


@dataclass(frozen=True, slots=True)
class Waiting:
    """A pair that can't go on, and its record on the connection."""

    pair_id: str
    ref: RecordRef


ROW = TypeAdapter(Waiting)

_waits = (
    pairs.c.id == pair_ends.c.pair_id,
    pair_ends.c.active,
    pair_ends.c.connection == bindparam("connection"),
    literal("unreachable") == pairs.c.state.any_(),
)
_ref = built(connection=pair_ends.c.connection, record_type=pair_ends.c.record_type, id=pair_ends.c.record_id)

WAITING = (
    select(built(pair_id=pairs.c.id, ref=_ref))
    .where(*_waits, pairs.c.id > bindparam("after"))
    .order_by(pairs.c.id)
    .limit(bindparam("most"))
)

COUNTS = (
    select(pair_ends.c.connection, func.count())
    .where(_waits[0], _waits[1], _waits[3])
    .group_by(pair_ends.c.connection)
)


async def page(tx: Tx, connection: str, *, after: str, most: int) -> list[Waiting]:
    """Pairs that wait, in the order of their ids, behind this one."""
    found = await tx.scalars(WAITING, {"connection": connection, "after": after, "most": most})
    return [ROW.validate_python(document) for document in found]


async def counts(tx: Tx) -> dict[str, int]:
    """How many pairs wait, by connection; a pair counts for both of its ends."""
    return {str(name): int(number) for name, number in (await tx.execute(COUNTS)).all()}
