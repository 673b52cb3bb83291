"""Initial loads and their plans: how far each is and what it came to, and the inventory that it matches by.

The inventory holds ids, keys, versions and digests of what records are matched by, never a record's values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from pydantic import TypeAdapter
from sqlalchemy import Text, bindparam, select, text
from sqlalchemy.dialects.postgresql import JSONB

from domain.backfilling import IndexKey, Tally
from domain.errors import LookAgain
from domain.records import RecordRef
from domain.sides import Pair, Side
from store.database import Tx
from store.documents import whole
from store.schema import backfills

Phase: TypeAlias = Literal["listing_a", "listing_b", "matching_a", "matching_b", "listed", "done", "dropped"]
"""`listed` ends a run that was only to list: its inventory stands until it is read, or another begins."""

HITS = 10
"""Candidates looked at per record and key, and rivals per candidate; a person needs no more to see a riddle."""


@dataclass(frozen=True, slots=True)
class BackfillRow:
    """One initial load, or the plan of one."""

    id: int
    run: str
    integration: str
    version: int
    """Of the declaration that it was begun under."""
    dry_run: bool
    asked_by: str
    phase: Phase
    place: str
    tally: Tally
    seen: str
    began_at: datetime
    ended_at: datetime | None

    @property
    def is_over(self) -> bool:
        return self.ended_at is not None


@dataclass(frozen=True, slots=True)
class Listed:
    """A record of the inventory."""

    n: int
    record_id: str
    key: str
    version: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A record as it enters the inventory."""

    record_id: str
    key: str
    version: str
    index: Sequence[IndexKey] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """A record of the other side that one match key leads to."""

    wanted_by: str
    match_key: str
    found: Listed
    is_taken: bool
    rivals: tuple[Listed, ...] = field(default=())
    """Other free records beside the one that wants it, to which the same key leads back."""


ROW = TypeAdapter(BackfillRow)
LISTED = TypeAdapter(list[Listed])
HIT = TypeAdapter(Hit)

BEGIN = text("""
    INSERT INTO backfills (run, integration, version, dry_run, asked_by)
    VALUES (:run, :integration, :version, :dry_run, :asked_by) ON CONFLICT DO NOTHING
""")
DROP_OTHERS = text("""
    UPDATE backfills SET ended_at = now(), phase = 'dropped'
    WHERE integration = :integration AND run <> :run AND ended_at IS NULL
""")
SWEEP_OUT = text("""
    DELETE FROM backfill_records r USING backfills b
    WHERE b.id = r.backfill AND b.integration = :integration AND b.ended_at IS NOT NULL
""")
LAST = (
    select(whole(backfills))
    .where(backfills.c.integration == bindparam("name"), backfills.c.phase == "done")
    .where(backfills.c.dry_run == bindparam("planned"))
    .order_by(backfills.c.id.desc())
    .limit(1)
)
NEWEST = (
    select(whole(backfills))
    .where(backfills.c.integration == bindparam("name"))
    .where((backfills.c.run == bindparam("of_run", type_=Text)) | bindparam("of_run", type_=Text).is_(None))
    .order_by(backfills.c.id.desc())
    .limit(1)
)
MOVE = text("""
    UPDATE backfills SET phase = :phase, place = :place, tally = :tally,
        ended_at = CASE WHEN :phase IN ('done', 'listed') THEN now() END
    WHERE id = :id AND (phase, place) = (:from_phase, :from_place) AND ended_at IS NULL
    RETURNING id
""").bindparams(bindparam("tally", type_=JSONB), bindparam("phase", type_=Text))
HOLD = text("""
    SELECT id FROM backfills
    WHERE id = :id AND (phase, place) = (:from_phase, :from_place) AND ended_at IS NULL FOR NO KEY UPDATE
""")
ANALYZE = text("ANALYZE backfill_records, backfill_keys")

SEAL = text("""
    UPDATE backfills SET seen = (
        SELECT md5(coalesce(string_agg(side || '/' || record_id || '@' || version, ' ' ORDER BY side, record_id), ''))
        FROM backfill_records WHERE backfill = :id
    ) WHERE id = :id
""")

TAKE_IN = text("""
    INSERT INTO backfill_records (backfill, side, record_id, key, version)
    SELECT :id, :side, t.record_id, t.key, t.version
    FROM jsonb_to_recordset(:entries) AS t(record_id text, key text, version text)
    ON CONFLICT (backfill, side, record_id) DO UPDATE SET key = excluded.key, version = excluded.version
""").bindparams(bindparam("entries", type_=JSONB))
INDEX = text("""
    INSERT INTO backfill_keys (backfill, side, record_id, match_key, own, wants)
    SELECT :id, :side, t.record_id, t.match_key, t.own, t.wants
    FROM jsonb_to_recordset(:keys) AS t(record_id text, match_key text, own text, wants text)
    ON CONFLICT (backfill, side, record_id, match_key) DO UPDATE SET own = excluded.own, wants = excluded.wants
""").bindparams(bindparam("keys", type_=JSONB))
COUNT = text("""
    SELECT count(*) FILTER (WHERE side = 'a'), count(*) FILTER (WHERE side = 'b') FROM backfill_records
    WHERE backfill = :id
""")
BEHIND = text("""
    SELECT count(*) FROM backfill_records WHERE backfill = :id AND side = :side AND n <= :after
""")
PAGE = text("""
    SELECT coalesce(jsonb_agg(to_jsonb(p) ORDER BY n), '[]') FROM (
        SELECT n, record_id, key, version FROM backfill_records
        WHERE backfill = :id AND side = :side AND n > :after AND NOT taken ORDER BY n LIMIT :most
    ) p
""")
TAKE = text("""
    UPDATE backfill_records SET taken = true WHERE backfill = :id AND side = :side AND record_id = ANY(:ids)
""")

# Free: nobody has it, here or in the store, and nobody has said anything about it. As `activities.searching` has it.
SEARCH = text("""
    WITH free AS NOT MATERIALIZED (
        SELECT r.*, NOT r.taken
            AND NOT EXISTS (
                SELECT FROM pair_ends e WHERE e.active AND e.integration = :integration AND e.record_id = r.record_id
                AND (e.connection, e.record_type) = (CASE r.side WHEN 'a' THEN :a ELSE :b END,
                    CASE r.side WHEN 'a' THEN :a_type ELSE :b_type END))
            AND NOT EXISTS (
                SELECT FROM match_decisions d WHERE d.integration = :integration AND d.record_id = r.record_id
                AND (d.connection, d.record_type) = (CASE r.side WHEN 'a' THEN :a ELSE :b END,
                    CASE r.side WHEN 'a' THEN :a_type ELSE :b_type END)) AS is_free
        FROM backfill_records r WHERE r.backfill = :id
    )
    SELECT jsonb_build_object('wanted_by', mine.record_id, 'match_key', mine.match_key, 'found', to_jsonb(hit) - 'wants',
        'is_taken', NOT hit.is_free, 'rivals', coalesce(rivals.found, '[]'))
    FROM backfill_keys mine
    CROSS JOIN LATERAL (
        SELECT f.n, f.record_id, f.key, f.version, f.is_free, there.wants
        FROM backfill_keys there JOIN free f ON f.side = there.side AND f.record_id = there.record_id
        WHERE there.backfill = :id AND there.side = :other
            AND there.match_key = mine.match_key AND there.own = mine.wants
        ORDER BY f.n LIMIT :most
    ) hit
    LEFT JOIN LATERAL (
        SELECT jsonb_agg(to_jsonb(r)) AS found FROM (
            SELECT f.n, f.record_id, f.key, f.version
            FROM backfill_keys back JOIN free f ON f.side = back.side AND f.record_id = back.record_id
            WHERE back.backfill = :id AND back.side = :side AND back.match_key = mine.match_key
                AND back.own = hit.wants AND back.record_id <> mine.record_id AND f.is_free
            ORDER BY f.n LIMIT :most
        ) r
    ) rivals ON hit.is_free
    WHERE mine.backfill = :id AND mine.side = :side AND mine.record_id = ANY(:ids) AND mine.wants IS NOT NULL
    ORDER BY hit.n
""")


async def begin(
    tx: Tx, run: str, integration: str, version: int, *, dry_run: bool, asked_by: str
) -> BackfillRow:
    """The load of this workflow run; begun, if it wasn't. One that was broken off before is dropped.

    Raises:
        LookAgain: Another run has begun at this very moment.
    """
    known = await newest(tx, integration, run)
    if known is not None:
        return known
    row = {"run": run, "integration": integration, "version": version, "dry_run": dry_run}
    await tx.execute(DROP_OTHERS, {"integration": integration, "run": run})
    await sweep_out(tx, integration)
    await tx.execute(BEGIN, {**row, "asked_by": asked_by})
    begun = await newest(tx, integration, run)
    if begun is None:
        raise LookAgain(f"another load of {integration} has begun at this moment")
    return begun


async def last(tx: Tx, integration: str, *, dry_run: bool) -> BackfillRow | None:
    """The newest that came to its end."""
    document = await tx.scalar(LAST, {"name": integration, "planned": dry_run})
    return None if document is None else ROW.validate_python(document)


async def newest(tx: Tx, integration: str, run: str | None = None) -> BackfillRow | None:
    """This run, or the newest of the integration, whether it has ended or not."""
    document = await tx.scalar(NEWEST, {"name": integration, "of_run": run})
    return None if document is None else ROW.validate_python(document)


async def hold(tx: Tx, row: BackfillRow) -> None:
    """Have this transaction be the only one at work on the load, at this place.

    Raises:
        LookAgain: Another attempt has gone on from here.
    """
    here = {"id": row.id, "from_phase": row.phase, "from_place": row.place}
    if await tx.scalar(HOLD, here) is None:
        raise LookAgain(f"another attempt loads {row.integration}; going on from its place")


async def move(tx: Tx, row: BackfillRow, phase: Phase, place: str, tally: Tally) -> None:
    """Go on from where `row` stands.

    Raises:
        LookAgain: Another attempt has.
    """
    values = {"id": row.id, "from_phase": row.phase, "from_place": row.place}
    moved = await tx.scalar(MOVE, {**values, "phase": phase, "place": place, "tally": tally.model_dump()})
    if moved is None:
        raise LookAgain(f"another attempt loads {row.integration}; going on from its place")
    if phase == "done":
        await sweep_out(tx, row.integration)


async def sweep_out(tx: Tx, integration: str) -> None:
    """Forget the inventories of runs that have ended."""
    await tx.execute(SWEEP_OUT, {"integration": integration})


async def seal(tx: Tx, row: BackfillRow) -> None:
    """Note what was listed, so that a later load can say whether reality has moved on.

    Then have the planner know how much it is: else the first search over thousands of rows is planned as if there were none.
    """
    await tx.execute(SEAL, {"id": row.id})
    await tx.execute(ANALYZE)


async def take_in(tx: Tx, row: BackfillRow, side: Side, entries: Sequence[Entry]) -> None:
    """Put records into the inventory, or renew what it knows of them."""
    # In one order everywhere, so that two attempts can't wait for each other.
    ordered = sorted(entries, key=lambda entry: entry.record_id)
    records = [{"record_id": e.record_id, "key": e.key, "version": e.version} for e in ordered]
    keys = [
        {"record_id": e.record_id, "match_key": k.match_key, "own": k.own, "wants": k.wants}
        for e in ordered
        for k in e.index
    ]
    await tx.execute(TAKE_IN, {"id": row.id, "side": side.value, "entries": records})
    await tx.execute(INDEX, {"id": row.id, "side": side.value, "keys": keys})


async def listed(tx: Tx, row: BackfillRow) -> Pair[int]:
    """How many records stand in the inventory."""
    a, b = (await tx.execute(COUNT, {"id": row.id})).one()
    return Pair(a, b)


async def behind(tx: Tx, row: BackfillRow, side: Side, place: str) -> int:
    """How many of this side have been matched."""
    found: int = await tx.scalar(BEHIND, {"id": row.id, "side": side.value, "after": int(place or 0)})
    return found


async def page(tx: Tx, row: BackfillRow, side: Side, limit: int) -> list[Listed]:
    """The next records that this load hasn't taken."""
    values = {"id": row.id, "side": side.value, "after": int(row.place or 0), "most": limit}
    return LISTED.validate_python(await tx.scalar(PAGE, values))


async def take(tx: Tx, row: BackfillRow, side: Side, ids: Sequence[str]) -> None:
    """These records have their counterparts now, or would have them."""
    await tx.execute(TAKE, {"id": row.id, "side": side.value, "ids": sorted(ids)})


async def search(
    tx: Tx, row: BackfillRow, side: Side, ends: Pair[RecordRef], ids: Sequence[str]
) -> Mapping[str, list[Hit]]:
    """What the match keys of these records lead to; `ends` name connection and type of either side."""
    values = {
        "id": row.id,
        "integration": row.integration,
        "side": side.value,
        "other": side.other.value,
        "a": ends.a.connection,
        "a_type": ends.a.record_type,
        "b": ends.b.connection,
        "b_type": ends.b.record_type,
        "ids": list(ids),
        "most": HITS,
    }
    hits = [HIT.validate_python(document) for document in await tx.scalars(SEARCH, values)]
    return {one: [hit for hit in hits if hit.wanted_by == one] for one in {hit.wanted_by for hit in hits}}
