"""How far the sweep of each side has come, and which records it has listed, so that a killed one goes on where it was.

The ids stand here, not in the worker's memory, until it is known who wasn't listed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter
from sqlalchemy import Text, bindparam, func, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY

from domain.records import RecordRef
from domain.sides import Side
from store.database import Tx
from store.documents import whole
from store.schema import pair_ends, pairs, sweep_records, sweeps


@dataclass(frozen=True, slots=True)
class SweepPlace:
    """How far the sweep of one side has come."""

    integration: str
    side: Side
    sweep: str
    """Names the sweep: its attempts share it."""
    cursor: str | None
    """Where the last page ended; None before the first one."""
    is_listed: bool
    listed: int
    behind: int
    unlisted: int | None
    """None until it is known."""


PLACE = TypeAdapter(SweepPlace)

BEGIN = text("""
    INSERT INTO sweeps (integration, side, sweep) VALUES (:integration, :side, :sweep)
    ON CONFLICT (integration, side) DO UPDATE
        SET sweep = excluded.sweep, cursor = NULL, is_listed = false, listed = 0, behind = 0, unlisted = NULL
        WHERE sweeps.sweep <> excluded.sweep
    RETURNING sweep
""")
FORGET = text("DELETE FROM sweep_records WHERE integration = :integration AND side = :side")
FIND = select(whole(sweeps)).where(
    sweeps.c.integration == bindparam("integration"), sweeps.c.side == bindparam("side")
)
MOVE = text("""
    UPDATE sweeps SET cursor = :cursor, is_listed = :is_listed
    WHERE integration = :integration AND side = :side AND sweep = :sweep
        AND NOT is_listed AND cursor IS NOT DISTINCT FROM CAST(:reached AS text)
    RETURNING sweep
""")
LIST = text("""
    WITH fresh AS (
        INSERT INTO sweep_records (integration, side, record_id)
        SELECT :integration, :side, unnest(CAST(:ids AS text[])) ON CONFLICT DO NOTHING RETURNING record_id
    )
    UPDATE sweeps SET listed = listed + (SELECT count(*) FROM fresh), behind = behind + :behind
    WHERE integration = :integration AND side = :side
""")
FINISH = text("""
    UPDATE sweeps SET unlisted = :unlisted
    WHERE integration = :integration AND side = :side AND sweep = :sweep AND unlisted IS NULL
    RETURNING sweep
""")

_is_listed = (
    select(sweep_records.c.record_id)
    .where(
        sweep_records.c.integration == bindparam("integration"),
        sweep_records.c.side == bindparam("side"),
        sweep_records.c.record_id == pair_ends.c.record_id,
    )
    .exists()
)
_linked = (
    select(pair_ends.c.record_id)
    .join(pairs, pairs.c.id == pair_ends.c.pair_id)
    .where(
        pairs.c.integration == bindparam("integration"),
        pairs.c.link == "active",
        pairs.c.state == literal(["in_sync"], ARRAY(Text)),
        pair_ends.c.side == bindparam("side"),
        pair_ends.c.connection == bindparam("connection"),
        pair_ends.c.record_type == bindparam("record_type"),
        pair_ends.c.outside_since.is_(None),
    )
)
MISSING = _linked.where(~_is_listed)
COUNT = select(func.count()).select_from(_linked.subquery())


async def begin(tx: Tx, integration: str, side: Side, sweep: str) -> SweepPlace:
    """Where this sweep goes on; at the beginning, if the last one was another."""
    if await tx.scalar(BEGIN, {"integration": integration, "side": side.value, "sweep": sweep}):
        await tx.execute(FORGET, {"integration": integration, "side": side.value})
    return PLACE.validate_python(await tx.scalar(FIND, {"integration": integration, "side": side.value}))


async def move(tx: Tx, place: SweepPlace, cursor: str, *, is_listed: bool) -> bool:
    """Move on from this place; False if another attempt has done so."""
    values = _of(place) | {"reached": place.cursor, "cursor": cursor, "is_listed": is_listed}
    return await tx.scalar(MOVE, values) is not None


async def note_page(tx: Tx, place: SweepPlace, ids: Sequence[str], *, behind: int) -> None:
    """These records were listed; of so many, pairs had not read the version listed."""
    await tx.execute(LIST, _of(place) | {"ids": list(ids), "behind": behind})


async def missing(
    tx: Tx, place: SweepPlace, connection: str, record_type: str
) -> tuple[list[RecordRef], int]:
    """Linked records in step that were not listed, and how many are linked in step."""
    asked = _of(place) | {"connection": connection, "record_type": record_type}
    ids = await tx.scalars(MISSING, asked)
    found = [RecordRef(connection=connection, record_type=record_type, id=one) for one in ids]
    return found, await tx.scalar(COUNT, asked) or 0


async def finish(tx: Tx, place: SweepPlace, *, unlisted: int) -> bool:
    """Done, and what was listed is forgotten; False if another attempt is done already."""
    if await tx.scalar(FINISH, _of(place) | {"unlisted": unlisted}) is None:
        return False
    await tx.execute(FORGET, _of(place))
    return True


def _of(place: SweepPlace) -> dict[str, str]:
    return {"integration": place.integration, "side": place.side.value, "sweep": place.sweep}
