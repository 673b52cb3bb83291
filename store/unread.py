"""Which of many listed records a pair has yet to look at, told by their versions. One statement for a whole page."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Text, bindparam, select

from domain.records import ChangeNotice
from store.database import Tx
from store.documents import given
from store.schema import pair_ends, snapshots

_listed = given("listed", id=Text, version=Text)
UNREAD = (
    select(_listed.c.id)
    .join(pair_ends, pair_ends.c.record_id == _listed.c.id)
    .outerjoin(snapshots, snapshots.c.id == pair_ends.c.snapshot_id)
    .where(
        pair_ends.c.active,
        pair_ends.c.connection == bindparam("connection"),
        pair_ends.c.record_type == bindparam("record_type"),
        snapshots.c.version.is_distinct_from(_listed.c.version),
    )
    .distinct()
)


async def unread(
    tx: Tx, connection: str, record_type: str, notices: Sequence[ChangeNotice]
) -> list[ChangeNotice]:
    """Those of linked records that some pair has not read in this version; all of a linked record's without one."""
    listed = [{"id": notice.ref.id, "version": notice.version} for notice in notices]
    asked = {"connection": connection, "record_type": record_type, "listed": listed}
    found = set(await tx.scalars(UNREAD, asked)) if listed else set()
    return [notice for notice in notices if notice.ref.id in found]
