"""The write ledger: what we wrote and which version came back, so that an echo is known at the door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

from pydantic import JsonValue
from sqlalchemy import Text, and_, bindparam, func, insert, literal, select

from domain.records import RecordRef
from domain.sides import Side
from domain.values import digest
from store.database import Tx
from store.schema import pair_ends, plan_steps, plans, write_ledger

RECORD = insert(write_ledger)

CONNECTION = bindparam("connection", type_=Text)
RECORD_ID = bindparam("record_id", type_=Text)


@dataclass(frozen=True, slots=True)
class Written:
    """One write, as its response tells of it."""

    side: Side
    ref: RecordRef
    version: str
    fields: Mapping[str, JsonValue]
    exact: bool
    """Whether version tokens are unique per write."""
    request: Mapping[str, JsonValue] = field(default_factory=dict)
    """Method and path; no secrets, no bodies."""


class Echoes(NamedTuple):
    """What is known of a record's version, pair by pair."""

    own: frozenset[str]
    """Pairs that wrote exactly this version themselves. Every other pair must be told of it."""
    undecided: frozenset[str]
    """Pairs that are just writing on this record: their write may turn out to be this version."""

    @classmethod
    def of(cls, found: Mapping[str, bool]) -> Self:
        """By pair, whether it is its own."""
        return cls(
            frozenset(pair_id for pair_id, is_own in found.items() if is_own),
            frozenset(pair_id for pair_id, is_own in found.items() if not is_own),
        )


def _echoes() -> Any:
    """One statement, so that a write can't be kept between the two looks."""
    own = select(write_ledger.c.pair_id, literal(True).label("is_own")).where(
        write_ledger.c.exact,
        write_ledger.c.connection == CONNECTION,
        write_ledger.c.record_id == RECORD_ID,
        write_ledger.c.version == bindparam("version", type_=Text),
    )
    end = and_(pair_ends.c.pair_id == plans.c.pair_id, pair_ends.c.side == plan_steps.c.side)
    under_way = (
        select(plans.c.pair_id, literal(False))
        .join(plan_steps, plan_steps.c.plan_id == plans.c.id)
        .join(pair_ends, end)
        .where(
            plans.c.state == "open",
            plan_steps.c.state == "claimed",
            pair_ends.c.connection == CONNECTION,
            pair_ends.c.record_id == RECORD_ID,
        )
    )
    each = own.union_all(under_way).subquery("each")
    return select(each.c.pair_id, func.bool_or(each.c.is_own).label("is_own")).group_by(each.c.pair_id)


ECHOES = _echoes()


async def record(tx: Tx, pair_id: str, written: Written) -> None:
    """Keep one write. Of its fields only a hash is kept."""
    values = {
        "pair_id": pair_id,
        "side": written.side.value,
        "connection": written.ref.connection,
        "record_type": written.ref.record_type,
        "record_id": written.ref.id,
        "version": written.version,
        "fields_hash": digest(written.fields),
        "exact": written.exact,
        "request": dict(written.request),
    }
    await tx.execute(RECORD, values)


async def echoes(tx: Tx, ref: RecordRef, version: str) -> Echoes:
    """Which pairs know this version of the record as their own write, or may soon."""
    values = {"connection": ref.connection, "record_id": ref.id, "version": version}
    return Echoes.of({row.pair_id: row.is_own for row in await tx.execute(ECHOES, values)})
