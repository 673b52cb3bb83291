"""Records that may stand twice, found in the inventory of a listing: by what they are matched by, and by their links.

A **bunch** is what one look finds: records of one side under one value of a match key with all that this value leads
to on the other side, or two pairs that cross. Bunches that share a record are told apart by `domain.duplicates`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TEXT

from domain.duplicates import Bunch
from domain.records import RecordRef
from store.database import Tx

MOST = 20
"""Records of a side that one bunch names; its size counts them all."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A record and the other integrations in which it has a pair."""

    id: str
    integrations: tuple[str, ...]


BUNCH = TypeAdapter(Bunch)
ELSEWHERE = TypeAdapter(Elsewhere)

SAME_KEY = text("""
    WITH twins AS (
        SELECT k.side, k.match_key, k.own, count(*) AS size, min(r.n) AS first
        FROM backfill_keys k JOIN backfill_records r USING (backfill, side, record_id)
        WHERE k.backfill = :id AND k.own IS NOT NULL
        GROUP BY k.side, k.match_key, k.own HAVING count(*) > 1
    ), wanted AS (
        SELECT DISTINCT t.side, t.match_key, t.own, k.wants
        FROM twins t JOIN backfill_keys k ON k.backfill = :id AND k.side = t.side AND k.match_key = t.match_key
            AND k.own = t.own
        WHERE k.wants IS NOT NULL
    ), found AS (
        SELECT t.side AS of_side, t.match_key, t.own, k.side, k.record_id
        FROM twins t JOIN backfill_keys k ON k.backfill = :id AND k.match_key = t.match_key
            AND k.side = t.side AND k.own = t.own
        UNION
        SELECT w.side, w.match_key, w.own, k.side, k.record_id
        FROM wanted w JOIN backfill_keys k ON k.backfill = :id AND k.match_key = w.match_key
            AND k.side <> w.side AND k.own = w.wants
        UNION
        SELECT t.side, t.match_key, t.own, k.side, k.record_id
        FROM twins t JOIN backfill_keys k ON k.backfill = :id AND k.match_key = t.match_key
            AND k.side <> t.side AND k.wants = t.own
    ), numbered AS (
        SELECT f.*, r.n, row_number() OVER (PARTITION BY f.of_side, f.match_key, f.own, f.side ORDER BY r.n) AS place
        FROM found f JOIN backfill_records r ON r.backfill = :id AND r.side = f.side AND r.record_id = f.record_id
    )
    SELECT jsonb_build_object('match_key', t.match_key, 'size', t.size, 'side', t.side,
        'records', jsonb_build_object(
            'a', coalesce(jsonb_agg(m.record_id ORDER BY m.n) FILTER (WHERE m.side = 'a'), '[]'),
            'b', coalesce(jsonb_agg(m.record_id ORDER BY m.n) FILTER (WHERE m.side = 'b'), '[]')))
    FROM twins t JOIN numbered m ON m.of_side = t.side AND m.match_key = t.match_key AND m.own = t.own
        AND m.place <= :most
    GROUP BY t.side, t.match_key, t.own, t.size, t.first
    ORDER BY t.side, t.first, t.match_key
""")

# Of a pair, only the first key that both its records have says whether they belong together. Step by step, since the
# planner knows nothing of sizes here and would begin by comparing all keys with all.
CROSSED_BY_KEY = text("""
    WITH linked AS MATERIALIZED (
        SELECT a.pair_id, a.record_id AS a, b.record_id AS b
        FROM pair_ends a JOIN pair_ends b ON b.pair_id = a.pair_id AND b.side = 'b'
        WHERE a.side = 'a' AND a.active AND a.integration = :integration
    ), of_a AS MATERIALIZED (
        SELECT l.*, k.match_key, k.own AS a_own, k.wants AS a_wants
        FROM linked l JOIN backfill_keys k ON k.backfill = :id AND k.side = 'a' AND k.record_id = l.a
        WHERE k.wants IS NOT NULL
    ), judged AS MATERIALIZED (
        SELECT DISTINCT ON (o.pair_id) o.*, k.own AS b_own, k.wants AS b_wants
        FROM of_a o JOIN backfill_keys k ON k.backfill = :id AND k.side = 'b' AND k.record_id = o.b
            AND k.match_key = o.match_key
        WHERE k.own IS NOT NULL
        ORDER BY o.pair_id, array_position(:keys, o.match_key)
    ), astray AS MATERIALIZED (
        SELECT * FROM judged WHERE a_wants <> b_own AND b_wants IS DISTINCT FROM a_own
    ), led AS MATERIALIZED (
        SELECT s.*, k.record_id AS to_b
        FROM astray s JOIN backfill_keys k ON k.backfill = :id AND k.side = 'b' AND k.match_key = s.match_key
            AND k.own = s.a_wants
    )
    SELECT jsonb_build_object('match_key', l.match_key, 'size', 4, 'is_crossed', true,
        'records', jsonb_build_object('a', jsonb_build_array(l.a, other.a), 'b', jsonb_build_array(l.b, other.b)))
    FROM led l JOIN linked other ON other.b = l.to_b AND other.pair_id <> l.pair_id
    ORDER BY l.a, other.a
""").bindparams(bindparam("keys", type_=ARRAY(TEXT)))

# A counterpart was made of one record and is linked with another, while that one has a partner, too. A link that
# somebody has ended since isn't missed.
CROSSED_BY_MARKER = text("""
    SELECT jsonb_build_object('match_key', 'correlation_id', 'size', 4, 'is_crossed', true,
        'records', jsonb_build_object('a', jsonb_build_array(source.a, made.a), 'b', jsonb_build_array(source.b, made.b)))
    FROM creations c
    JOIN LATERAL (
        SELECT e.pair_id, a.record_id AS a, b.record_id AS b FROM pair_ends e
        JOIN pair_ends a ON a.pair_id = e.pair_id AND a.side = 'a'
        JOIN pair_ends b ON b.pair_id = e.pair_id AND b.side = 'b'
        WHERE e.active AND e.integration = c.integration
        AND (e.connection, e.record_type, e.record_id) = (c.connection, c.record_type, c.record_id)
    ) source ON true
    JOIN LATERAL (
        SELECT e.pair_id, a.record_id AS a, b.record_id AS b FROM pair_ends e
        JOIN pair_ends a ON a.pair_id = e.pair_id AND a.side = 'a'
        JOIN pair_ends b ON b.pair_id = e.pair_id AND b.side = 'b'
        WHERE e.active AND e.integration = c.integration AND e.connection = c.created ->> 'connection'
        AND e.record_type = c.created ->> 'record_type' AND e.record_id = c.created ->> 'id'
    ) made ON made.pair_id <> source.pair_id
    WHERE c.integration = :integration AND c.created <> 'null'
    AND NOT EXISTS (
        SELECT FROM pair_ends f JOIN pair_ends o ON o.pair_id = f.pair_id AND o.side <> f.side
        WHERE f.integration = c.integration AND NOT f.active
        AND (f.connection, f.record_type, f.record_id) = (c.connection, c.record_type, c.record_id)
        AND o.record_id = c.created ->> 'id')
    ORDER BY source.a, made.a
""")

LINKED_ELSEWHERE = text("""
    SELECT jsonb_build_object('id', e.record_id, 'integrations', jsonb_agg(DISTINCT e.integration))
    FROM pair_ends e JOIN jsonb_to_recordset(:refs) AS r(connection text, record_type text, id text)
        ON (e.connection, e.record_type, e.record_id) = (r.connection, r.record_type, r.id)
    WHERE e.active AND e.integration <> :integration
    GROUP BY e.record_id
""").bindparams(bindparam("refs", type_=JSONB))


# An inventory is so fresh that nothing is known of its size: taken for a handful of rows, all would be compared with all.
NO_NESTING = text("SET LOCAL enable_nestloop = off")


async def bunches(tx: Tx, backfill: int, integration: str, keys: Sequence[str]) -> list[Bunch]:
    """Everything in this inventory that may stand twice or crossed; `keys` are all match keys, in their order."""
    values = {"id": backfill, "integration": integration, "keys": list(keys), "most": MOST}
    await tx.execute(NO_NESTING)
    found = [
        BUNCH.validate_python(document)
        for query in (SAME_KEY, CROSSED_BY_KEY, CROSSED_BY_MARKER)
        for document in await tx.scalars(query, values)
    ]
    return sorted(found, key=lambda one: list(keys).index(one.match_key))


async def linked_elsewhere(tx: Tx, integration: str, refs: Sequence[RecordRef]) -> dict[str, tuple[str, ...]]:
    """By record id, the other integrations in which these records of one connection and type have a pair."""
    values = {"integration": integration, "refs": [ref.model_dump() for ref in refs]}
    found = [ELSEWHERE.validate_python(document) for document in await tx.scalars(LINKED_ELSEWHERE, values)]
    return {one.id: one.integrations for one in found}
