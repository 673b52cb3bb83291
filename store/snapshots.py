"""Records as last read, and every value that their fields took.

A pass saves what it has read. What is unchanged (same version token, same content) writes nothing; what has changed
leaves one row per changed field in `field_versions`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from pydantic import JsonValue, TypeAdapter
from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    DateTime,
    TableValuedAlias,
    Text,
    and_,
    bindparam,
    func,
    insert,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert

from domain.records import FieldVersion, Snapshot
from domain.sides import SIDES, Pair, Side
from domain.values import digest, same
from store.database import Tx
from store.documents import built, given, json_of
from store.errors import Fenced
from store.schema import field_versions, pair_ends, snapshots

History: TypeAlias = Sequence[FieldVersion]
NO_HISTORY: Pair[History] = Pair((), ())


@dataclass(frozen=True, slots=True)
class SnapshotRow:
    """A snapshot as kept."""

    id: int
    hash: str
    """Of the fields: a version token that lies is found out."""
    snapshot: Snapshot
    taken_at: datetime


SNAPSHOT = built(
    id=snapshots.c.id, hash=snapshots.c.hash, snapshot=snapshots.c.body, taken_at=snapshots.c.taken_at
)

ROW = TypeAdapter(SnapshotRow)

GET = select(SNAPSHOT).where(snapshots.c.id == func.any(bindparam("ids")))

LAST = (
    select(pair_ends.c.side, SNAPSHOT)
    .join(snapshots, snapshots.c.id == pair_ends.c.snapshot_id, isouter=True)
    .where(pair_ends.c.pair_id == bindparam("pair_id"))
    .order_by(pair_ends.c.side)
)


PAIR_ID = bindparam("pair", type_=Text)
SCHEDULED = bindparam("scheduled", type_=DateTime(timezone=True))

FENCE = (
    update(pair_ends)
    .where(pair_ends.c.pair_id == PAIR_ID)
    .values(fence=func.greatest(pair_ends.c.fence, SCHEDULED))
)
FENCED = select(func.max(pair_ends.c.fence)).where(pair_ends.c.pair_id == PAIR_ID)


def _kept(new: TableValuedAlias) -> CTE:
    """Keep the snapshots. A record can return to an earlier version: then its row is the last one again."""
    insertion = upsert(snapshots).from_select(
        ["pair_id", "side", "version", "hash", "modified_at", "body"],
        select(PAIR_ID, new.c.side, new.c.version, new.c.hash, new.c.modified_at, new.c.body),
    )
    renewed = {"taken_at": func.now(), "body": insertion.excluded.body}
    upserted = insertion.on_conflict_do_update(constraint="uq_snapshots_content", set_=renewed)
    return upserted.returning(snapshots.c.id, snapshots.c.side).cte("kept")


def _pointed(new: TableValuedAlias, kept: CTE) -> CTE:
    """Point the ends to what is their last snapshot now, unless somebody pointed them elsewhere since `before`, or fenced us off."""
    return (
        update(pair_ends)
        .where(
            pair_ends.c.pair_id == PAIR_ID,
            pair_ends.c.side == kept.c.side,
            pair_ends.c.side == new.c.side,
            pair_ends.c.snapshot_id.is_not_distinct_from(new.c.before),
            func.coalesce(pair_ends.c.fence <= SCHEDULED, true()),
        )
        .values(snapshot_id=kept.c.id, key=new.c.key, url=new.c.url)
        .returning(pair_ends.c.side, pair_ends.c.snapshot_id)
        .cte("pointed")
    )


def _noted(pointed: CTE) -> CTE:
    """Note every change of a side as a field version, if it is the one who found it."""
    plain = {
        "side": Text,
        "field": Text,
        "at": DateTime(timezone=True),
        "by": Text,
        "origin": Text,
        "sequence": BigInteger,
        "seen_by": Text,
    }
    change = given("changes", value=JSONB, old=JSONB, **plain)
    values = select(
        PAIR_ID, json_of(change.c.value), json_of(change.c.old), *(change.c[name] for name in plain)
    ).where(change.c.side == pointed.c.side)
    return insert(field_versions).from_select(["pair_id", "value", "old", *plain], values).cte("noted")


def _save() -> Any:
    """Keep snapshots, make them the ends' last ones, and note what they changed; the sides on which that was done."""
    new = given(
        "snapshots",
        side=Text,
        version=Text,
        hash=Text,
        modified_at=DateTime(timezone=True),
        body=JSONB,
        key=Text,
        url=Text,
        before=BigInteger,
    )
    pointed = _pointed(new, _kept(new))
    return select(pointed.c.side, pointed.c.snapshot_id).add_cte(_noted(pointed))


SAVE = _save()


def _last_showing() -> Any:
    shown = given("shown", field=Text, value=JSONB)
    newest = (
        select(func.max(snapshots.c.id))
        .where(
            snapshots.c.pair_id == bindparam("pair_id"),
            snapshots.c.side == bindparam("side"),
            snapshots.c.body["fields"][shown.c.field] == json_of(shown.c.value),
        )
        .scalar_subquery()
    )
    each = select(shown.c.field, newest.label("id")).select_from(shown).subquery("each")
    return select(each.c.field, SNAPSHOT).join(snapshots, snapshots.c.id == each.c.id)


LAST_SHOWING = _last_showing()


VERSION = built(**{name: field_versions.c[name] for name in FieldVersion.model_fields})

FIELD_HISTORY = (
    select(field_versions.c.side, VERSION)
    .where(
        field_versions.c.pair_id == PAIR_ID,
        or_(
            *(
                and_(
                    field_versions.c.side == side.value,
                    field_versions.c.field == func.any(bindparam(side.value, type_=ARRAY(Text))),
                )
                for side in SIDES
            )
        ),
    )
    .order_by(field_versions.c.n.desc())
    .limit(bindparam("most"))
)


@dataclass(frozen=True, slots=True)
class _Look:
    """What is to be saved; see `save`."""

    read: Pair[Snapshot]
    histories: Pair[History]
    scheduled: datetime | None


async def save(
    tx: Tx,
    pair_id: str,
    read: Pair[Snapshot],
    histories: Pair[History] = NO_HISTORY,
    *,
    known: Pair[SnapshotRow | None] | None = None,
    scheduled: datetime | None = None,
) -> Pair[int]:
    """Keep what was read on both sides; the ids under which it is kept.

    Also takes over the records' keys and addresses, which may change.

    Args:
        tx: The transaction.
        pair_id: The pair.
        read: Both records.
        histories: What the systems' change histories tell since the last snapshots; a changed field that they don't
            speak of gets the version that the snapshot itself shows. For a side that hasn't changed, it is told already.
        known: The last snapshots as far as the caller knows; looked up without them. Nothing is locked: where another
            pass has been quicker, its snapshots are the last ones, and a change that both have seen is noted once.
        scheduled: When the attempt was that looked, on Temporal's clock; None where what we wrote is kept.

    Raises:
        Fenced: A later attempt to look has begun, and its word counts: what this one alone has seen would be taken for seen.
    """
    last, look = await _last(tx, pair_id) if known is None else known, _Look(read, histories, scheduled)
    while (ids := await _save_after(tx, pair_id, last, look)) is None:
        await _check_fence(tx, pair_id, scheduled)
        last = await _last(tx, pair_id)
    return ids


async def fence(tx: Tx, pair_id: str, scheduled: datetime) -> None:
    """From now on nothing is kept of what attempts find that were scheduled before this moment."""
    await tx.execute(FENCE, {"pair": pair_id, "scheduled": scheduled})


async def _check_fence(tx: Tx, pair_id: str, scheduled: datetime | None) -> None:
    fenced = await tx.scalar(FENCED, {"pair": pair_id})
    if fenced is not None and scheduled is not None and scheduled < fenced:
        raise Fenced(f"pair {pair_id}: a later attempt to look has begun; nothing of this one is kept")


async def _save_after(tx: Tx, pair_id: str, last: Pair[SnapshotRow | None], look: _Look) -> Pair[int] | None:
    """Save what differs from these last snapshots; None if they weren't the last ones any more, or a later attempt counts."""
    read, histories = look.read, look.histories
    hashes = read.map(lambda snapshot: digest(snapshot.fields))
    changed = [side for side in SIDES if not _is_kept(last[side], read[side], hashes[side])]
    if not changed:
        return last.map(_id_of)
    values = {
        "pair": pair_id,
        "scheduled": look.scheduled,
        "snapshots": [_given_snapshot(side, last[side], read[side], hashes[side]) for side in changed],
        "changes": [
            change for side in changed for change in _changes(side, last[side], read[side], histories[side])
        ],
    }
    ids = {row.side: row.snapshot_id for row in await tx.execute(SAVE, values)}
    if ids.keys() != set(changed):
        return None
    return Pair.of(lambda side: ids[side] if side in ids else _id_of(last[side]))


async def get(tx: Tx, ids: Pair[int]) -> Pair[Snapshot]:
    """The snapshots by their ids.

    Raises:
        KeyError: One has been pruned.
    """
    documents = await tx.scalars(GET, {"ids": list(ids)})
    rows = {row.id: row.snapshot for row in map(ROW.validate_python, documents)}
    return ids.map(lambda number: rows[number])


async def last_showing(
    tx: Tx, pair_id: str, side: Side, shown: Mapping[str, JsonValue]
) -> dict[str, Snapshot]:
    """Native field → the last snapshot that showed this value; fields that no snapshot showed are left out.

    A field can only have changed after it.
    """
    rows = [{"field": field, "value": value} for field, value in shown.items()]
    found = await tx.execute(LAST_SHOWING, {"pair_id": pair_id, "side": side.value, "shown": rows})
    return {row[0]: ROW.validate_python(row[1]).snapshot for row in found}


async def field_history(
    tx: Tx, pair_id: str, natives: Pair[Sequence[str]], *, limit: int = 50
) -> list[tuple[Side, FieldVersion]]:
    """The newest versions of these native fields, in the order in which we learned of them."""
    values = {"pair": pair_id, "a": list(natives.a), "b": list(natives.b), "most": limit}
    rows = (await tx.execute(FIELD_HISTORY, values)).all()
    return [(Side(side), FieldVersion.model_validate(document)) for side, document in reversed(rows)]


async def _last(tx: Tx, pair_id: str) -> Pair[SnapshotRow | None]:
    found = {row[0]: row[1] for row in await tx.execute(LAST, {"pair_id": pair_id})}
    return Pair.of(lambda side: ROW.validate_python(found[side]) if found[side]["id"] else None)


def _is_kept(last: SnapshotRow | None, snapshot: Snapshot, content: str) -> bool:
    return last is not None and (last.snapshot.version, last.hash) == (snapshot.version, content)


def _id_of(row: SnapshotRow | None) -> int:
    assert row is not None
    return row.id


def _given_snapshot(side: Side, last: SnapshotRow | None, snapshot: Snapshot, content: str) -> dict[str, Any]:
    body = snapshot.model_dump(mode="json")
    return {
        "side": side.value,
        "version": snapshot.version,
        "hash": content,
        "modified_at": body["modified_at"],
        "body": body,
        "key": snapshot.key,
        "url": snapshot.url,
        "before": last.id if last else None,
    }


def _changes(
    side: Side, last: SnapshotRow | None, snapshot: Snapshot, history: History
) -> Iterator[dict[str, Any]]:
    """What the history tells, then the changed fields that it doesn't speak of."""
    for version in history:
        yield _given_change(side, version, "history")
    before = last.snapshot.fields if last else {}
    told = {version.field for version in history}
    for field in sorted({*before, *snapshot.fields} - told):
        old, value = before.get(field), snapshot.fields.get(field)
        if last is None or not same(old, value):
            yield _as_shown(side, field, old, snapshot)


def first_versions(side: Side, snapshot: Snapshot) -> list[dict[str, Any]]:
    """The rows of a record that is seen for the first time, one per field."""
    return list(_changes(side, None, snapshot, ()))


def _as_shown(side: Side, field: str, old: JsonValue, snapshot: Snapshot) -> dict[str, Any]:
    """The field's own stamp if the read carries one for this very value, else the record's."""
    value = snapshot.fields.get(field)
    stamp = snapshot.changes.get(field)
    if stamp is not None and same(stamp.value, value):
        return _given_change(side, stamp, "stamp")
    version = FieldVersion(
        field=field,
        value=value,
        old=old,
        at=snapshot.modified_at,
        by=snapshot.modified_by,
        sequence=snapshot.sequence,
    )
    return _given_change(side, version, "read")


def _given_change(side: Side, version: FieldVersion, seen_by: str) -> dict[str, Any]:
    return {**version.model_dump(mode="json"), "side": side.value, "seen_by": seen_by}
