"""What systems said of their record types when last asked, and what of it is no longer as it was once seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import TypeAdapter
from sqlalchemy import Interval, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert

from domain.description import Description, SchemaChange
from store.database import Tx
from store.documents import whole
from store.schema import descriptions


@dataclass(frozen=True, slots=True)
class DescriptionRow:
    """One record type of one connection."""

    connection: str
    record_type: str
    description: Description | None = None
    """None until the system has answered once."""
    changes: tuple[SchemaChange, ...] = ()
    """Those that stand."""
    seen_at: datetime | None = None


ROW = TypeAdapter(DescriptionRow)
ROWS = TypeAdapter(list[DescriptionRow])

_IS_THIS = (descriptions.c.connection == bindparam("of")) & (descriptions.c.record_type == bindparam("type"))
GET = select(whole(descriptions)).where(_IS_THIS)
ALL = select(whole(descriptions)).where(descriptions.c.seen_at.is_not(None))
SEEN = select(descriptions.c.connection, descriptions.c.record_type, descriptions.c.seen_at)

CLAIM = (
    insert(descriptions)
    .values(connection=bindparam("of"), record_type=bindparam("type"))
    .on_conflict_do_update(
        constraint="pk_descriptions",
        set_={"asked_at": func.now()},
        where=descriptions.c.asked_at <= func.now() - bindparam("every", type_=Interval),
    )
    .returning(descriptions.c.connection)
)
KEEP = (
    update(descriptions)
    .where(_IS_THIS)
    .values(
        description=bindparam("now", type_=JSONB),
        changes=bindparam("differs", type_=JSONB),
        seen_at=func.now(),
    )
)


async def claim(tx: Tx, connection: str, record_type: str, every: timedelta) -> bool:
    """Whether the system is to be asked, by the caller: nobody did for so long."""
    given = {"of": connection, "type": record_type, "every": every}
    return await tx.scalar(CLAIM, given) is not None


async def get(tx: Tx, connection: str, record_type: str) -> DescriptionRow:
    """What is known; an empty row if nothing is."""
    found = await tx.scalar(GET, {"of": connection, "type": record_type})
    return DescriptionRow(connection, record_type) if found is None else ROW.validate_python(found)


async def keep(
    tx: Tx, connection: str, record_type: str, description: Description, changes: Sequence[SchemaChange]
) -> None:
    """Keep what the system says now, and what differs from before."""
    given = {
        "of": connection,
        "type": record_type,
        "now": description.model_dump(mode="json"),
        "differs": [change.model_dump(mode="json") for change in changes],
    }
    await tx.execute(KEEP, given)


async def all_seen(tx: Tx) -> list[DescriptionRow]:
    """Every record type that a system has described."""
    return ROWS.validate_python(list(await tx.scalars(ALL)))


async def seen_at(tx: Tx) -> dict[tuple[str, str], datetime | None]:
    """When each was last described; for those who keep what they judged."""
    return {(row.connection, row.record_type): row.seen_at for row in await tx.execute(SEEN)}
