"""Creations: the key of a record to be made is reserved before the request, so that it is made once (semantics §7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias
from uuid import uuid4

from pydantic import TypeAdapter
from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert

from domain.records import RecordRef
from domain.sides import Pair
from store.baselines import Move
from store.database import Tx
from store.documents import built, whole
from store.schema import Instant, creations

CreationState: TypeAlias = Literal["reserved", "sent", "unknown", "adopted", "created"]


@dataclass(frozen=True, slots=True)
class Creation:
    """A counterpart that is to be made, or was."""

    key: str
    """The marker that the new record carries."""
    integration: str
    source: RecordRef
    """The record that gets a counterpart."""
    state: CreationState
    """reserved: nothing sent, or refused; sent: outcome not known yet; unknown: no answer came; adopted: one was
    found by its marker; created."""
    created: RecordRef | None
    halves: dict[str, Move]
    """What both records held when the counterpart was made, by field: the first baseline. Empty before the request."""
    reserved_at: datetime
    attempted_at: datetime | None
    """When the last attempt began; where no answer came, when that was known. Index lag counts from here."""


ROW = TypeAdapter(Creation)

SOURCE = built(
    connection=creations.c.connection, record_type=creations.c.record_type, id=creations.c.record_id
)
CREATION = whole(creations).op("||")(built(source=SOURCE))

# The key stays what it is; the write only makes the row come back.
RESERVE = (
    insert(creations)
    .on_conflict_do_update(constraint="uq_creations_source", set_={"key": creations.c.key})
    .returning(CREATION)
)

_MADE = (
    creations.c.integration == bindparam("name"),
    creations.c.connection == bindparam("source_connection"),
    creations.c.record_type == bindparam("source_type"),
    creations.c.record_id == bindparam("source_id"),
    creations.c.created == bindparam("made", type_=JSONB),
)
FORGET = delete(creations).where(*_MADE)
OF_LINK = select(CREATION).where(*_MADE)

CLAIM = (
    update(creations)
    .where(
        creations.c.key == bindparam("its_key"),
        creations.c.state == bindparam("seen"),
        creations.c.attempted_at.is_not_distinct_from(bindparam("seen_at", type_=Instant)),
    )
    .values(state="sent", attempted_at=func.clock_timestamp(), halves=bindparam("sent", type_=JSONB))
    .returning(creations.c.key)
)

BY_KEY = select(CREATION).where(creations.c.key == bindparam("key"))


async def reserve(tx: Tx, integration: str, source: RecordRef) -> Creation:
    """Reserve the key for this record's counterpart; the one reserved before is returned as it stands."""
    values = {
        "key": uuid4().hex,
        "integration": integration,
        "connection": source.connection,
        "record_type": source.record_type,
        "record_id": source.id,
    }
    return ROW.validate_python(await tx.scalar(RESERVE, values))


async def forget(tx: Tx, integration: str, source: RecordRef, created: RecordRef) -> None:
    """The counterpart that was made for this record is gone: the next reservation gets a new key."""
    values = {**_of_source(integration, source), "made": created.model_dump(mode="json")}
    await tx.execute(FORGET, values)


async def by_key(tx: Tx, key: str) -> Creation | None:
    """Whose counterpart carries this marker; None if it isn't ours."""
    document = await tx.scalar(BY_KEY, {"key": key})
    return None if document is None else ROW.validate_python(document)


async def of_link(tx: Tx, integration: str, ends: Pair[RecordRef]) -> Creation | None:
    """The creation by which one of these two records was made for the other."""
    for source, made in (ends, ends.swapped()):
        values = {**_of_source(integration, source), "made": made.model_dump(mode="json")}
        document = await tx.scalar(OF_LINK, values)
        if document is not None:
            return ROW.validate_python(document)
    return None


async def claim(tx: Tx, seen: Creation, halves: Mapping[str, Move]) -> bool:
    """Note that the request is about to leave, before it does, and what it carries; False if another was faster.

    Of two who saw the creation in the same state, one may send.
    """
    values = {
        "its_key": seen.key,
        "seen": seen.state,
        "seen_at": seen.attempted_at,
        "sent": {name: list(move) for name, move in halves.items()},
    }
    return await tx.scalar(CLAIM, values) is not None


async def lose(tx: Tx, key: str) -> None:
    """Note that no answer came: the record may exist, and its attempt is dead from now on."""
    await _set(tx, key, state="unknown", attempted_at=func.now())


async def refuse(tx: Tx, key: str) -> None:
    """Note that the system took no record: nothing was made, and the next attempt has nothing to look for."""
    await _set(tx, key, state="reserved", attempted_at=None)


async def settle(
    tx: Tx,
    key: str,
    state: Literal["adopted", "created"],
    created: RecordRef,
    halves: Mapping[str, Move] | None = None,
) -> None:
    """Note which record it has become, and what its own answer showed."""
    shown = {} if halves is None else {"halves": {name: list(move) for name, move in halves.items()}}
    await _set(tx, key, state=state, created=created.model_dump(mode="json"), **shown)


async def _set(tx: Tx, key: str, **values: Any) -> None:
    await tx.execute(update(creations).where(creations.c.key == key).values(values))


def _of_source(integration: str, source: RecordRef) -> dict[str, Any]:
    return {
        "name": integration,
        "source_connection": source.connection,
        "source_type": source.record_type,
        "source_id": source.id,
    }
