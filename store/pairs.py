"""Pairs and their two ends. A record is an end of at most one active pair within one integration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias
from uuid import uuid4

from psycopg.errors import UniqueViolation
from pydantic import TypeAdapter
from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    bindparam,
    case,
    exists,
    false,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.exc import IntegrityError

from domain.records import RecordRef
from domain.sides import SIDES, Pair, Side
from store.database import Tx
from store.documents import built, given, keyed, whole
from store.errors import AlreadyLinked
from store.schema import pair_ends, pairs

Link: TypeAlias = Literal["active", "detached", "closed"]


@dataclass(frozen=True, slots=True)
class EndRow:
    """One record of a pair."""

    ref: RecordRef
    key: str
    """What people call it, as last seen."""
    url: str | None = None
    outside_since: datetime | None = None
    """Since when it has been out of the integration's scope; None while it isn't."""
    late_writer: bool = False
    """Whether an attempt was taken for dead whose request may have come since, or may still come."""


@dataclass(frozen=True, slots=True)
class PairRow:
    """What is known of a pair beyond its values."""

    id: str
    integration: str
    version: int
    """Of the declaration that its last pass used."""
    ends: Pair[EndRow]
    link: Link
    link_reason: str
    state: list[str]
    """As in the search attribute AccordState: in_sync, pending_review, …"""
    state_since: datetime
    waits_for: str
    """One sentence for people; empty if it waits for nothing."""
    paused: bool
    quarantine: str | None
    """Why it is stopped; None if it isn't."""
    created_at: datetime
    last_pass_at: datetime | None

    @property
    def workflow_id(self) -> str:
        return f"pair/{self.integration}/{self.id}"


END = built(
    ref=built(
        connection=pair_ends.c.connection, record_type=pair_ends.c.record_type, id=pair_ends.c.record_id
    ),
    key=pair_ends.c.key,
    url=pair_ends.c.url,
    outside_since=pair_ends.c.outside_since,
    late_writer=pair_ends.c.late_writer,
)
PAIR = whole(pairs).op("||")(built(ends=keyed(pair_ends.c.side, END, pair_ends.c.pair_id == pairs.c.id)))

ROW = TypeAdapter(PairRow)

GET = select(PAIR).where(pairs.c.id == bindparam("pair_id"))

# Not FOR UPDATE: rows that refer to the pair may still be added meanwhile.
LOCK = select(pairs.c.id).where(pairs.c.id == bindparam("pair_id")).with_for_update(key_share=True)


def _create() -> Any:
    end = given("ends", side=Text, connection=Text, record_type=Text, record_id=Text, key=Text, url=Text)
    names = ("side", "connection", "record_type", "record_id", "key", "url")
    values: dict[str, Any] = {name: bindparam(name) for name in ("id", "integration", "version")}
    pair = insert(pairs).values(values).returning(pairs.c.id, pairs.c.integration).cte("pair")
    columns = (pair.c.id, pair.c.integration, *(end.c[name] for name in names))
    rows = select(*columns).select_from(pair.join(end, true()))
    return insert(pair_ends).from_select(["pair_id", "integration", *names], rows)


CREATE = _create()


def _unlink() -> Any:
    values: dict[str, Any] = {"link": bindparam("link"), "link_reason": bindparam("reason")}
    pair = (
        update(pairs)
        .where(pairs.c.id == bindparam("pair"), pairs.c.link == "active")
        .values(values)
        .returning(pairs.c.id)
        .cte("pair")
    )
    return update(pair_ends).where(pair_ends.c.pair_id == pair.c.id).values(active=False)


UNLINK = _unlink()


MOVE_END = (
    update(pair_ends)
    .where(pair_ends.c.pair_id == bindparam("pair"), pair_ends.c.side == bindparam("on"))
    .values(
        connection=bindparam("to_connection"),
        record_type=bindparam("to_type"),
        record_id=bindparam("to_id"),
        key=bindparam("to_key"),
        url=bindparam("to_url"),
        snapshot_id=null(),
        outside_since=null(),
        late_writer=false(),
    )
)

SET_STATE = (
    update(pairs)
    .where(pairs.c.id == bindparam("pair"))
    .values(
        state=bindparam("states"),
        state_since=case((pairs.c.state == bindparam("states"), pairs.c.state_since), else_=func.now()),
        waits_for=bindparam("sentence"),
        last_pass_at=case((bindparam("passed"), func.now()), else_=pairs.c.last_pass_at),
    )
)


def _set(column: str) -> Any:
    return update(pairs).where(pairs.c.id == bindparam("pair")).values({column: bindparam("value")})


SET_PAUSED, SET_QUARANTINE, SET_VERSION = _set("paused"), _set("quarantine"), _set("version")

SET_LATE_WRITER = (
    update(pair_ends)
    .where(pair_ends.c.pair_id == bindparam("pair"), pair_ends.c.side == bindparam("on"))
    .values(late_writer=bindparam("value"))
)

SET_OUTSIDE = (
    update(pair_ends)
    .where(pair_ends.c.pair_id == bindparam("pair"), pair_ends.c.side == bindparam("on"))
    .values(outside_since=case((bindparam("is_outside"), func.now()), else_=null()))
)


async def create(tx: Tx, integration: str, version: int, ends: Pair[EndRow]) -> PairRow:
    """Link two records; the pair that links them already is returned as it is.

    Raises:
        AlreadyLinked: One of them has another partner in this integration.
    """
    pair_id = uuid4().hex[:16]
    values = {"id": pair_id, "integration": integration, "version": version, "ends": _given_ends(ends)}
    try:
        async with tx.begin_nested():
            await tx.execute(CREATE, values)
    except IntegrityError as error:
        if not isinstance(error.orig, UniqueViolation):
            raise
        return await _linked_already(tx, integration, ends, error)
    return await get(tx, pair_id)


async def get(tx: Tx, pair_id: str) -> PairRow:
    """The pair, whatever became of its link.

    Raises:
        KeyError: There is none with this id.
    """
    document = await tx.scalar(GET, {"pair_id": pair_id})
    if document is None:
        raise KeyError(pair_id)
    return ROW.validate_python(document)


async def lock(tx: Tx, pair_id: str) -> None:
    """Hold the pair's row to the end of the transaction; whoever else wants it waits."""
    await tx.execute(LOCK, {"pair_id": pair_id})


async def of_record(tx: Tx, connection: str, record_id: str, record_type: str | None = None) -> list[PairRow]:
    """Active pairs with this record on either side, in all integrations."""
    return await _all(
        tx, select(PAIR).where(has_record(connection, record_id, record_type)).order_by(pairs.c.id)
    )


def has_record(connection: Any, record_id: Any, record_type: Any = None) -> ColumnElement[bool]:
    """Whether a pair is linked with this record, on either side; of any type, if None is given. Values or parameters."""
    end = (
        pair_ends.c.pair_id == pairs.c.id,
        pair_ends.c.active,
        pair_ends.c.connection == connection,
        pair_ends.c.record_id == record_id,
    )
    of_type = () if record_type is None else (pair_ends.c.record_type == record_type,)
    return _has_end(*end, *of_type)


async def search(tx: Tx, key_or_id: str, *, limit: int = 50) -> list[PairRow]:
    """Pairs by id, beginning of an id, or either record's key in any case; active ones first, then the newest."""
    has_key = _has_end(pair_ends.c.pair_id == pairs.c.id, func.lower(pair_ends.c.key) == key_or_id.lower())
    query = select(PAIR).where(or_(pairs.c.id.startswith(key_or_id, autoescape=True), has_key))
    return await _all(tx, query.order_by(pairs.c.link != "active", pairs.c.created_at.desc()).limit(limit))


async def listing(
    tx: Tx,
    *,
    integration: str | None = None,
    state: str | None = None,
    link: Link | None = "active",
    limit: int = 100,
    after: str = "",
) -> list[PairRow]:
    """A page of pairs in the order of their ids; the next one begins after the last id."""
    wanted = [
        pairs.c.id > after,
        *([pairs.c.integration == integration] if integration else []),
        *([literal(state) == pairs.c.state.any_()] if state else []),
        *([pairs.c.link == link] if link else []),
    ]
    return await _all(tx, select(PAIR).where(*wanted).order_by(pairs.c.id).limit(limit))


async def unlink(tx: Tx, pair_id: str, link: Literal["detached", "closed"], reason: str) -> None:
    """End the link and set both records free for another one. A link that has ended keeps its first reason."""
    await tx.execute(UNLINK, {"pair": pair_id, "link": link, "reason": reason})


async def move_end(tx: Tx, pair_id: str, side: Side, end: EndRow) -> None:
    """Another record stands on this side from now on; what was read of the old one doesn't speak of it."""
    await tx.execute(
        MOVE_END,
        {
            "pair": pair_id,
            "on": side.value,
            "to_connection": end.ref.connection,
            "to_type": end.ref.record_type,
            "to_id": end.ref.id,
            "to_key": end.key,
            "to_url": end.url,
        },
    )


async def set_state(
    tx: Tx, pair_id: str, states: Sequence[str], waits_for: str, *, passed: bool = True
) -> None:
    """Say how the pair stands, for lists; `passed` if a whole pass has just found it so."""
    values = {"pair": pair_id, "states": list(states), "sentence": waits_for, "passed": passed}
    await tx.execute(SET_STATE, values)


async def set_outside(tx: Tx, pair_id: str, side: Side, *, is_outside: bool) -> None:
    """Note that a record has left its scope, or is back."""
    await tx.execute(SET_OUTSIDE, {"pair": pair_id, "on": side.value, "is_outside": is_outside})


async def set_late_writer(tx: Tx, pair_id: str, side: Side, *, may_come: bool) -> None:
    """Note that an attempt was taken for dead which may have a request under way, or that this was looked into."""
    await tx.execute(SET_LATE_WRITER, {"pair": pair_id, "on": side.value, "value": may_come})


async def set_paused(tx: Tx, pair_id: str, *, paused: bool) -> None:
    await tx.execute(SET_PAUSED, {"pair": pair_id, "value": paused})


async def quarantine(tx: Tx, pair_id: str, reason: str | None) -> None:
    """Stop the pair for a reason, or let it go again (None)."""
    await tx.execute(SET_QUARANTINE, {"pair": pair_id, "value": reason})


async def set_version(tx: Tx, pair_id: str, version: int) -> None:
    """Note that the pair now lives by this version of its declaration."""
    await tx.execute(SET_VERSION, {"pair": pair_id, "value": version})


async def _all(tx: Tx, query: Select[Any]) -> list[PairRow]:
    return [ROW.validate_python(document) for document in await tx.scalars(query)]


def _has_end(*where: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(*where)


def _given_ends(ends: Pair[EndRow]) -> list[dict[str, Any]]:
    return [
        {
            "side": side.value,
            "connection": ends[side].ref.connection,
            "record_type": ends[side].ref.record_type,
            "record_id": ends[side].ref.id,
            "key": ends[side].key,
            "url": ends[side].url,
        }
        for side in SIDES
    ]


async def _linked_already(tx: Tx, integration: str, ends: Pair[EndRow], error: IntegrityError) -> PairRow:
    for end in ends:
        for pair in await of_record(tx, end.ref.connection, end.ref.id, end.ref.record_type):
            if pair.integration != integration:
                continue
            if pair.ends.map(lambda its: its.ref) == ends.map(lambda its: its.ref):
                return pair
            raise AlreadyLinked(
                f"{integration}: {end.key} is already linked ({pair.ends.a.key} and {pair.ends.b.key}, pair {pair.id}); "
                f"run `accord unlink {pair.id}` first, if that link is wrong",
                pair_id=pair.id,
            ) from error
    raise error
