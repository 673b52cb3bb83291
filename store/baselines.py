"""Baselines: per field, both native values that last stood in step, and how often that moved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic import JsonValue
from sqlalchemy import Integer, Text, bindparam, exists, func, or_, select
from sqlalchemy.dialects.postgresql import JSONB, insert

from domain.sides import Pair
from domain.view import Baseline
from store.database import Tx
from store.documents import built, given, json_of
from store.errors import Moved
from store.schema import baselines

Move: TypeAlias = tuple[str, str, JsonValue, JsonValue]
"""Native names on A and on B, halves on A and on B. A field moves whole (semantics §2.1)."""


@dataclass(frozen=True, slots=True)
class BaselineRow:
    """A baseline counts only while the natives are still the declared ones."""

    natives: Pair[str]
    baseline: Baseline


BASELINE = built(
    natives=built(a=baselines.c.native_a, b=baselines.c.native_b),
    baseline=built(a=baselines.c.half_a, b=baselines.c.half_b, revision=baselines.c.revision),
)


def _move() -> Any:
    row = given(
        "moves", field=Text, native_a=Text, native_b=Text, half_a=JSONB, half_b=JSONB, revision=Integer
    )
    names = ("pair_id", "field", "native_a", "native_b", "half_a", "half_b", "revision")
    values = select(
        bindparam("pair", type_=Text),
        row.c.field,
        row.c.native_a,
        row.c.native_b,
        json_of(row.c.half_a),
        json_of(row.c.half_b),
        row.c.revision,
    ).order_by(row.c.field)
    insertion = insert(baselines).from_select(names, values)
    written = insertion.excluded
    return insertion.on_conflict_do_update(
        index_elements=["pair_id", "field"],
        set_={
            **{name: written[name] for name in names[2:6]},
            "revision": baselines.c.revision + 1,
            "updated_at": func.now(),
        },
        where=or_(~bindparam("fenced"), baselines.c.revision + 1 == written.revision),
    ).returning(baselines.c.field)


MOVE = _move()


REVISIONS = select(func.jsonb_object_agg(baselines.c.field, baselines.c.revision)).where(
    baselines.c.pair_id == bindparam("pair_id")
)

EXIST = select(exists().where(baselines.c.pair_id == bindparam("pair_id")))


async def exist(tx: Tx, pair_id: str) -> bool:
    """Whether the pair stood in step once, in any field."""
    return bool(await tx.scalar(EXIST, {"pair_id": pair_id}))


async def check_unmoved(tx: Tx, pair_id: str, expected: Mapping[str, int]) -> None:
    """Refuse what was decided on baselines that have moved since: field → revision as read, 0 for one that had none.

    Raises:
        Moved: One of them has another revision by now; nothing may be committed.
    """
    now = await tx.scalar(REVISIONS, {"pair_id": pair_id}) or {}
    if left := sorted(field for field, revision in expected.items() if now.get(field, 0) != revision):
        raise Moved(
            f"pair {pair_id}: the baseline of {', '.join(left)} has moved on; look again", fields=left
        )


async def move(
    tx: Tx, pair_id: str, moves: Mapping[str, Move], *, expected: Mapping[str, int] | None = None
) -> None:
    """Move these fields' baselines, each whole, each by one revision.

    With `expected`, the revisions that the pass decided on (0 or left out for a field that had none), nothing moves
    that has moved meanwhile.

    Raises:
        Moved: One of them has another revision by now; nothing may be committed.
    """
    if not moves:
        return
    revisions = expected or {}
    rows = [
        {
            "field": field,
            "native_a": native_a,
            "native_b": native_b,
            "half_a": half_a,
            "half_b": half_b,
            "revision": revisions.get(field, 0) + 1,
        }
        for field, (native_a, native_b, half_a, half_b) in moves.items()
    ]
    values = {"pair": pair_id, "moves": rows, "fenced": expected is not None}
    moved = set(await tx.scalars(MOVE, values))
    if left := sorted(moves.keys() - moved):
        raise Moved(
            f"pair {pair_id}: the baseline of {', '.join(left)} has moved on; look again", fields=left
        )
