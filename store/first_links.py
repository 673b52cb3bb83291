"""Many pairs at once, as an initial load makes them: what is known of unlinked records, links, first baselines.

A pair whose records agree needs no pass: its baselines, snapshots and state are set here as a first pass would leave
them, and its workflow begins when something happens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.errors import UniqueViolation
from pydantic import TypeAdapter
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError

from domain.errors import LookAgain
from domain.records import RecordRef, Snapshot
from domain.sides import SIDES, Pair
from domain.values import digest
from store.baselines import Move
from store.database import Tx
from store.held_matches import MatchDecision
from store.pairs import EndRow
from store.snapshots import first_versions


@dataclass(frozen=True, slots=True)
class KnownOf:
    """What the store knows of a record."""

    id: str
    pair_id: str | None = None
    """Its active pair in this integration."""
    partner: EndRow | None = None
    has_passed: bool = False
    """Whether that pair was looked at since it was linked."""
    is_source: bool = False
    """We made a counterpart of it, or may have: a create was sent."""
    decision: MatchDecision | None = None
    former: frozenset[RecordRef] = frozenset()
    """What it was linked with once."""
    made_for: RecordRef | None = None
    """The record that it was made for, by its marker."""


@dataclass(frozen=True, slots=True)
class NewPair:
    """A link to be made."""

    id: str
    ends: Pair[EndRow]


@dataclass(frozen=True, slots=True)
class InStep:
    """A pair that needs no pass: what was read, and the baselines that follow from it."""

    pair_id: str
    read: Pair[Snapshot]
    moves: dict[str, Move]


KNOWN = TypeAdapter(KnownOf)

STANDING = text("""
    SELECT jsonb_build_object('id', g.id, 'pair_id', mine.pair_id, 'has_passed', p.last_pass_at IS NOT NULL,
        'partner', (
            SELECT jsonb_build_object('ref', jsonb_build_object('connection', o.connection,
                'record_type', o.record_type, 'id', o.record_id), 'key', o.key, 'url', o.url)
            FROM pair_ends o WHERE o.pair_id = mine.pair_id AND o.side <> mine.side),
        'is_source', EXISTS (
            SELECT FROM creations c WHERE c.integration = :integration AND c.state <> 'reserved'
            AND (c.connection, c.record_type, c.record_id) = (:connection, :record_type, g.id)),
        'decision', (
            SELECT d.decision FROM match_decisions d WHERE d.integration = :integration
            AND (d.connection, d.record_type, d.record_id) = (:connection, :record_type, g.id)),
        'former', coalesce((
            SELECT jsonb_agg(jsonb_build_object('connection', o.connection, 'record_type', o.record_type,
                'id', o.record_id))
            FROM pair_ends f JOIN pair_ends o ON o.pair_id = f.pair_id AND o.side <> f.side
            WHERE NOT f.active AND f.integration = :integration
            AND (f.connection, f.record_type, f.record_id) = (:connection, :record_type, g.id)), '[]'),
        'made_for', (
            SELECT jsonb_build_object('connection', c.connection, 'record_type', c.record_type, 'id', c.record_id)
            FROM creations c WHERE c.integration = :integration AND c.key = g.marker
            AND (c.connection, c.record_type, c.record_id) <> (:connection, :record_type, g.id)))
    FROM jsonb_to_recordset(:records) AS g(id text, marker text)
    LEFT JOIN pair_ends mine ON mine.active AND mine.integration = :integration
        AND mine.connection = :connection AND mine.record_type = :record_type AND mine.record_id = g.id
    LEFT JOIN pairs p ON p.id = mine.pair_id
""").bindparams(bindparam("records", type_=JSONB))

LINK = text("""
    WITH new AS (
        SELECT * FROM jsonb_to_recordset(:ends) AS t(pair text, side text, connection text, record_type text,
            record_id text, key text, url text)
    ), pair AS (
        INSERT INTO pairs (id, integration, version)
        SELECT DISTINCT pair, :integration, CAST(:version AS integer) FROM new
    )
    INSERT INTO pair_ends (pair_id, integration, side, connection, record_type, record_id, key, url)
    SELECT pair, :integration, side, connection, record_type, record_id, key, url FROM new ORDER BY record_id, side
""").bindparams(bindparam("ends", type_=JSONB))

# A pair that a pass has looked at meanwhile is left as that pass left it.
SETTLE = text("""
    WITH fresh AS (
        UPDATE pairs SET state = ARRAY['in_sync'], waits_for = '', last_pass_at = now()
        WHERE id = ANY(:pairs) AND link = 'active' AND last_pass_at IS NULL RETURNING id
    ), kept AS (
        INSERT INTO snapshots (pair_id, side, version, hash, modified_at, body)
        SELECT s.pair, s.side, s.version, s.hash, s.modified_at, s.body
        FROM jsonb_to_recordset(:snapshots) AS s(pair text, side text, version text, hash text,
            modified_at timestamptz, body jsonb) JOIN fresh ON fresh.id = s.pair
        ON CONFLICT ON CONSTRAINT uq_snapshots_content DO UPDATE SET taken_at = now()
        RETURNING id, pair_id, side
    ), pointed AS (
        UPDATE pair_ends e SET snapshot_id = kept.id FROM kept
        WHERE e.pair_id = kept.pair_id AND e.side = kept.side AND e.snapshot_id IS NULL
        RETURNING e.pair_id, e.side
    ), based AS (
        INSERT INTO baselines (pair_id, field, native_a, native_b, half_a, half_b, revision)
        SELECT m.pair, m.field, m.native_a, m.native_b, coalesce(m.half_a, 'null'), coalesce(m.half_b, 'null'), 1
        FROM jsonb_to_recordset(:moves) AS m(pair text, field text, native_a text, native_b text,
            half_a jsonb, half_b jsonb) JOIN fresh ON fresh.id = m.pair
        ON CONFLICT DO NOTHING
    )
    INSERT INTO field_versions (pair_id, side, field, value, old, at, by, origin, sequence, seen_by)
    SELECT c.pair, c.side, c.field, coalesce(c.value, 'null'), coalesce(c.old, 'null'), c.at, c.by, c.origin,
        c.sequence, c.seen_by
    FROM jsonb_to_recordset(:changes) AS c(pair text, side text, field text, value jsonb, old jsonb,
        at timestamptz, by text, origin text, sequence bigint, seen_by text)
    JOIN pointed ON pointed.pair_id = c.pair AND pointed.side = c.side
""").bindparams(*(bindparam(name, type_=JSONB) for name in ("snapshots", "moves", "changes")))


async def known_of(tx: Tx, integration: str, records: Sequence[Snapshot]) -> dict[str, KnownOf]:
    """By record id, what the store knows of these records of one connection and type."""
    if not records:
        return {}
    values = {
        "integration": integration,
        "connection": records[0].ref.connection,
        "record_type": records[0].ref.record_type,
        "records": [{"id": record.ref.id, "marker": record.marker} for record in records],
    }
    found = [KNOWN.validate_python(document) for document in await tx.scalars(STANDING, values)]
    return {one.id: one for one in found}


async def link(tx: Tx, integration: str, version: int, new: Sequence[NewPair]) -> None:
    """Link all these, or none.

    Raises:
        LookAgain: One of the records has been linked meanwhile.
    """
    if not new:
        return
    rows = [{"pair": one.id, "side": side.value, **_place(one.ends[side])} for one in new for side in SIDES]
    try:
        async with tx.begin_nested():
            await tx.execute(LINK, {"integration": integration, "version": version, "ends": rows})
    except IntegrityError as error:
        if not isinstance(error.orig, UniqueViolation):
            raise
        raise LookAgain(
            f"{integration}: one of {len(new)} pairs was linked by somebody else meanwhile"
        ) from error


async def settle(tx: Tx, pairs: Sequence[InStep]) -> None:
    """Keep the first baselines of pairs whose records agree."""
    if not pairs:
        return
    values = {
        "pairs": [one.pair_id for one in pairs],
        "snapshots": [row for one in pairs for row in _snapshots(one)],
        "moves": [row for one in pairs for row in _moves(one)],
        "changes": [
            {"pair": one.pair_id, **change}
            for one in pairs
            for side in SIDES
            for change in first_versions(side, one.read[side])
        ],
    }
    await tx.execute(SETTLE, values)


def _place(end: EndRow) -> dict[str, Any]:
    ref = end.ref
    return {
        "connection": ref.connection,
        "record_type": ref.record_type,
        "record_id": ref.id,
        "key": end.key,
        "url": end.url,
    }


def _snapshots(one: InStep) -> Iterator[dict[str, Any]]:
    for side in SIDES:
        body = one.read[side].model_dump(mode="json")
        yield {
            "pair": one.pair_id,
            "side": side.value,
            "version": one.read[side].version,
            "hash": digest(one.read[side].fields),
            "modified_at": body["modified_at"],
            "body": body,
        }


def _moves(one: InStep) -> Iterator[dict[str, Any]]:
    for field, (native_a, native_b, half_a, half_b) in one.moves.items():
        natives = {"native_a": native_a, "native_b": native_b}
        yield {"pair": one.pair_id, "field": field, **natives, "half_a": half_a, "half_b": half_b}
