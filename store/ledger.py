"""The write ledger: what we wrote and which version came back, so that an echo is known at the door."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import JsonValue
from sqlalchemy import bindparam, func, insert, select

from domain.records import RecordRef
from domain.sides import Side
from domain.values import digest
from store.database import Tx
from store.schema import write_ledger

RECORD = insert(write_ledger)

OWN = (
    select(write_ledger.c.pair_id)
    .distinct()
    .where(
        write_ledger.c.exact,
        write_ledger.c.connection == bindparam("connection"),
        write_ledger.c.record_id == bindparam("record_id"),
        write_ledger.c.version == bindparam("version"),
        write_ledger.c.pair_id == func.any(bindparam("pair_ids")),
    )
)


async def record(
    tx: Tx,
    pair_id: str,
    side: Side,
    ref: RecordRef,
    *,
    version: str,
    fields: Mapping[str, JsonValue],
    exact: bool,
    request: Mapping[str, JsonValue],
) -> None:
    """Keep one write: the version token of its own response, whether such tokens are unique per write (`exact`).

    Of the fields only a hash is kept. `request` holds method and path, no secrets, no bodies.
    """
    values = {
        "pair_id": pair_id,
        "side": side.value,
        "connection": ref.connection,
        "record_type": ref.record_type,
        "record_id": ref.id,
        "version": version,
        "fields_hash": digest(fields),
        "exact": exact,
        "request": dict(request),
    }
    await tx.execute(RECORD, values)


async def is_own(tx: Tx, pair_ids: Sequence[str], connection: str, record_id: str, version: str) -> set[str]:
    """Those of the pairs that wrote exactly this version themselves. Every other pair must be told of it."""
    values = {
        "pair_ids": list(pair_ids),
        "connection": connection,
        "record_id": record_id,
        "version": version,
    }
    return set(await tx.scalars(OWN, values))
