"""Other records on the same side of the same integration.

What a system still shows of them tells a lost permission from a deletion, and one deletion from many.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import TypeAdapter
from sqlalchemy import bindparam, exists, func, select

from domain.records import RecordRef
from domain.sides import Side
from store.database import Tx
from store.documents import built
from store.schema import losses, pair_ends


@dataclass(frozen=True, slots=True)
class Sibling:
    """A record that we have read before."""

    ref: RecordRef
    key: str


ROW = TypeAdapter(Sibling)

_ref = built(connection=pair_ends.c.connection, record_type=pair_ends.c.record_type, id=pair_ends.c.record_id)

# In an order that is each pair's own, so that a sample isn't always the same few records.
SIBLINGS = (
    select(built(ref=_ref, key=pair_ends.c.key))
    .where(
        pair_ends.c.integration == bindparam("integration"),
        pair_ends.c.side == bindparam("side"),
        pair_ends.c.active,
        pair_ends.c.pair_id != bindparam("pair_id"),
        pair_ends.c.snapshot_id.is_not(None),
        ~exists().where(
            losses.c.pair_id == pair_ends.c.pair_id, losses.c.side == pair_ends.c.side, losses.c.allowed
        ),
    )
    .order_by(func.md5(pair_ends.c.pair_id + bindparam("pair_id")))
    .limit(bindparam("most"))
)


async def siblings(tx: Tx, integration: str, side: Side, pair_id: str, *, limit: int) -> list[Sibling]:
    """A sample of the records that stand on this side of the integration's other active pairs.

    Without those of which somebody has said already that they may vanish.
    """
    values = {"integration": integration, "side": side.value, "pair_id": pair_id, "most": limit}
    return [ROW.validate_python(document) for document in await tx.scalars(SIBLINGS, values)]
