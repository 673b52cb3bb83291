"""Edits of people that our own write hit, until policy has judged them (semantics §4.5)."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import TypeAdapter
from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from domain.sides import Side
from domain.view import Overwritten
from store.database import Tx
from store.documents import built
from store.schema import overwritten

JSON = TypeAdapter(Overwritten)

KEEP = insert(overwritten)
KEEP = KEEP.on_conflict_do_update(
    constraint="pk_overwritten", set_={"version": KEEP.excluded.version, "ours": KEEP.excluded.ours}
)

STANDING = select(built(version=overwritten.c.version, ours=overwritten.c.ours)).where(
    overwritten.c.pair_id == bindparam("pair_id"),
    overwritten.c.side == bindparam("side"),
    overwritten.c.field == bindparam("field"),
)

FORGET = delete(overwritten).where(
    overwritten.c.pair_id == bindparam("pair_id"),
    overwritten.c.side == bindparam("side"),
    overwritten.c.field == func.any(bindparam("fields")),
)


async def keep(tx: Tx, pair_id: str, side: Side, edit: Overwritten) -> None:
    """Keep an edit that our write hit; a later one of the same native field takes its place."""
    values = {"pair_id": pair_id, "side": side.value, "field": edit.version.field}
    await tx.execute(KEEP, {**values, **JSON.dump_python(edit, mode="json")})


async def standing(tx: Tx, pair_id: str, side: Side, field: str) -> Overwritten | None:
    """The edit of this native field that waits to be judged; None if there is none."""
    found = await tx.scalar(STANDING, {"pair_id": pair_id, "side": side.value, "field": field})
    return None if found is None else JSON.validate_python(found)


async def forget(tx: Tx, pair_id: str, side: Side, fields: Sequence[str]) -> None:
    """Forget the edits of these native fields: they were judged, or our write no longer stands there."""
    await tx.execute(FORGET, {"pair_id": pair_id, "side": side.value, "fields": list(fields)})
