"""Connector to a PostgreSQL database: a table is a record type, a row is a record.

A write names the version that it was decided on, and the database compares and sets in one statement. What triggers
made of a write is read before it is committed, so its answer tells exactly what this very write left. There is no
change history: who wrote what when is known only where columns tell it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any

import httpx
from pydantic import JsonValue
from sqlalchemy import Select, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.base import ChangePage, ClockReading, Connector, StreamBatch, WriteResult
from connectors.cursors import open_cursor, seal_cursor
from connectors.gate import Gate
from connectors.refusals import Aim, Call
from connectors.scopes import is_within, parse_scope
from connectors.settings import read_settings
from connectors.sql.choices import choices
from connectors.sql.culprits import Culprits
from connectors.sql.log import LogReader
from connectors.sql.polling import Changed, Feed, Place, order_of
from connectors.sql.refusals import Complaint
from connectors.sql.rows import snapshot
from connectors.sql.session import Session
from connectors.sql.settings import MICROSECOND, SqlSettings
from connectors.sql.slot import Slot
from connectors.sql.statements import by_ids, by_values, delete_row, insert_row, update_row
from connectors.sql.tables import RecordTable, Tables
from domain.description import Description
from domain.errors import ConfigError, RecordHidden, RecordRejected, StaleVersion
from domain.records import ChangeNotice, RecordRef, Snapshot

READ_AT_ONCE = 1_000
SETTLE = text("SET CONSTRAINTS ALL IMMEDIATE")
"""Deferred triggers run now, not after we have looked at what they left."""


class SqlConnector(Connector):
    """Reads and writes the tables of one database."""

    system = "PostgreSQL"

    def __init__(self, connection: str, settings: SqlSettings) -> None:
        super().__init__(connection, settings.capabilities())
        self._settings = settings.named_stream(connection)
        self._session = Session(settings)
        self._tables = Tables(self._session, settings.tables)
        self._clock: ClockReading | None = None

    # ------------------------------------------------------------------------------------------------- reading
    async def read(self, ref: RecordRef) -> Snapshot:
        known = await self._tables.get(ref.record_type)
        async with self._session.begin(_call("SELECT", ref, Aim.READ)) as connection:
            return await self._read(connection, known, ref.id)

    async def by_key(self, record_type: str, key: str) -> Snapshot | None:
        known = await self._tables.get(record_type)
        found = await self.find(record_type, {known.key: key}, limit=1)
        return found[0] if found else None

    async def read_many(self, refs: Sequence[RecordRef]) -> dict[str, Snapshot]:
        found: dict[str, Snapshot] = {}
        for record_type, ids in _by_type(refs).items():
            known = await self._tables.get(record_type)
            for start in range(0, len(ids), READ_AT_ONCE):
                listed = await self._select(
                    known, by_ids(known, ids[start : start + READ_AT_ONCE]), Aim.QUERY
                )
                found |= {one.ref.id: one for one in listed}
        return found

    async def find(
        self, record_type: str, equals: Mapping[str, JsonValue], *, scope: str | None = None, limit: int = 10
    ) -> list[Snapshot]:
        values = {**parse_scope(scope), **equals}
        known = await self._tables.get(record_type, values)
        try:
            return await self._select(known, by_values(known, values, limit), Aim.READ)
        except RecordHidden:  # a value that its column's type can't hold: no row has it
            return []

    async def find_marked(self, record_type: str, marker: str) -> list[Snapshot]:
        known = await self._tables.get(record_type)
        column = known.settings.marker
        return await self.find(record_type, {column: marker}) if column else []

    def lies_within(self, snapshot: Snapshot, scope: str) -> bool | None:
        return is_within(snapshot.fields, parse_scope(scope))

    async def is_in_scope(self, snapshot: Snapshot, scope: str) -> bool:
        """Asked always: a column's type decides what equals what."""
        known = await self._tables.get(snapshot.ref.record_type)
        equals = {known.id: snapshot.ref.id}
        return bool(await self.find(known.record_type, equals, scope=scope, limit=1))

    async def list_changes(
        self, record_type: str, *, scope: str | None, cursor: str | None, limit: int = 100
    ) -> ChangePage:
        bounds = parse_scope(scope)
        known = await self._tables.get(record_type, bounds)
        order = order_of(known)
        query = {"type": record_type, "scope": scope, "by": order.name}
        place = Place.model_validate(open_cursor(cursor, query)) if cursor else Place()
        feed, call = Feed(known, bounds, order), Call("LIST", record_type, Aim.QUERY)
        async with self._session.begin(call, isolation="REPEATABLE READ") as connection:
            found, after, more = await feed.read(connection, place, limit)
        notices = [self._changed(record_type, one) for one in found]
        return ChangePage(notices, seal_cursor(query, after.model_dump(mode="json")), more)

    async def allowed_values(self, ref: RecordRef | str, field: str) -> list[JsonValue] | None:
        record_type = ref if isinstance(ref, str) else ref.record_type
        await self._tables.read_again(record_type)
        known = await self._tables.get(record_type, [field])
        async with self._session.begin(Call("DESCRIBE", record_type, Aim.QUERY)) as connection:
            return await choices(connection, known, field)

    async def describe(self, record_type: str, listed: Collection[str]) -> Description:
        known = await self._tables.read_again(record_type)
        async with self._session.begin(Call("DESCRIBE", record_type, Aim.QUERY)) as connection:
            found = {name: await choices(connection, known, name) for name in listed if known.has([name])}
        return Description(
            fields=known.facts,
            allowed={name: tuple(values) for name, values in found.items() if values is not None},
        )

    # ------------------------------------------------------------------------------------------------- writing
    async def create(
        self, record_type: str, fields: Mapping[str, JsonValue], *, marker: str, scope: str | None = None
    ) -> Snapshot:
        """Insert a row; `scope` chooses nothing here."""
        del scope
        known = await self._tables.get(record_type, fields)
        values = {**fields, **_marked(known, marker)}
        async with self._writing(known, values, Call("INSERT", record_type, Aim.CREATE)) as connection:
            record_id = await connection.scalar(insert_row(known, values))
            return await self._settled(connection, known, str(record_id))

    async def update(
        self, expected: Snapshot, fields: Mapping[str, JsonValue], *, marker: str
    ) -> WriteResult:
        del marker  # nothing in a row would carry it
        ref, call = expected.ref, _call("UPDATE", expected.ref, Aim.WRITE)
        known = await self._tables.get(ref.record_type, fields)
        async with self._writing(known, fields, call) as connection:
            done = await connection.execute(update_row(known, ref.id, expected.version, fields))
            if done.rowcount == 0:
                await self._refuse(connection, known, ref)
            left = await self._settled(connection, known, ref.id)
        return WriteResult(
            version=left.version,
            fields=left.fields,
            sequence=left.sequence,
            modified_at=left.modified_at,
            request={"method": call.method, "path": call.path},
        )

    async def delete(self, expected: Snapshot) -> None:
        ref = expected.ref
        known = await self._tables.get(ref.record_type)
        async with self._writing(known, {}, _call("DELETE", ref, Aim.WRITE)) as connection:
            done = await connection.execute(delete_row(known, ref.id, expected.version))
            if done.rowcount == 0:
                await self._refuse(connection, known, ref)

    async def set_marker(self, ref: RecordRef, marker: str) -> None:
        known = await self._tables.get(ref.record_type)
        marked = _marked(known, marker)
        if marked:
            async with self._writing(known, marked, _call("UPDATE", ref, Aim.WRITE)) as connection:
                await connection.execute(update_row(known, ref.id, None, marked))

    # ------------------------------------------------------------------------------------------------- hearing
    def verify_webhook(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> bool:
        """Nothing is believed: a database sends no webhooks."""
        del headers, body, now
        return False

    def parse_webhook(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> list[ChangeNotice]:
        del headers, body, now
        raise ValueError("a database sends no webhooks")

    async def stream_changes(
        self, record_types: Sequence[str], position: str | None
    ) -> AsyncGenerator[StreamBatch, None]:
        stream = self._settings.stream
        if stream is None:
            raise ConfigError(f"connection {self.connection}: set `stream: {{}}` to have its log read")
        tables = [await self._tables.read_again(record_type) for record_type in record_types]
        slot = Slot(self._session, name=stream.slot or "", publication=stream.publication or "")
        reader = LogReader(slot, self.connection, tables, stream.every)
        async with aclosing(reader.read(position)) as batches:
            async for batch in batches:
                yield batch

    # ---------------------------------------------------------------------------------------------- connection
    @property
    def clock(self) -> ClockReading | None:
        return self._clock

    def guard(self, gate: Gate) -> None:
        self._session.gate = gate

    async def probe(self) -> ClockReading:
        async with self._session.begin(Call("SELECT", "clock_timestamp()", Aim.PROBE)) as connection:
            sent = perf_counter()
            theirs: datetime = (await connection.execute(select(func.clock_timestamp()))).scalar_one()
            half = timedelta(seconds=perf_counter() - sent) / 2
            self._clock = ClockReading(theirs - (datetime.now(UTC) - half), half + MICROSECOND)
        return self._clock

    async def aclose(self) -> None:
        await self._session.aclose()

    # ----------------------------------------------------------------------------------------------- in between
    async def _select(self, known: RecordTable, statement: Select[str, str], aim: Aim) -> list[Snapshot]:
        async with self._session.begin(Call("SELECT", known.record_type, aim)) as connection:
            found = (await connection.execute(statement)).all()
        return [snapshot(self.connection, known, row, version) for row, version in found]

    async def _read(self, connection: AsyncConnection, known: RecordTable, record_id: str) -> Snapshot:
        found = (await connection.execute(by_ids(known, [record_id]))).one_or_none()
        if found is None:
            raise RecordHidden(f"{self.connection} has no {known.record_type} {record_id} that we may see")
        return snapshot(self.connection, known, *found)

    async def _settled(self, connection: AsyncConnection, known: RecordTable, record_id: str) -> Snapshot:
        """The row as this transaction will leave it."""
        await connection.execute(SETTLE)
        return await self._read(connection, known, record_id)

    async def _refuse(self, connection: AsyncConnection, known: RecordTable, ref: RecordRef) -> None:
        """Nothing was written: the row has moved on, or is gone."""
        now = await self._read(connection, known, ref.id)
        raise StaleVersion(f"{self.connection} {now.key} is at version {now.version}")

    @asynccontextmanager
    async def _writing(
        self, known: RecordTable, fields: Mapping[str, JsonValue], call: Call
    ) -> AsyncIterator[AsyncConnection]:
        """A transaction whose refusal names the columns to blame."""
        try:
            async with self._session.begin(call) as connection:
                yield connection
        except RecordRejected as error:
            culprits = await Culprits(self._session, known).find(Complaint.behind(error), fields)
            raise RecordRejected(error.message, fields=culprits, **error.evidence) from error

    def _changed(self, record_type: str, found: Changed) -> ChangeNotice:
        ref = RecordRef(connection=self.connection, record_type=record_type, id=found.id)
        return ChangeNotice(ref=ref, source="poll", version=found.version)


def _call(method: str, ref: RecordRef, aim: Aim) -> Call:
    return Call(method, f"{ref.record_type}/{ref.id}", aim, ref)


def _marked(known: RecordTable, marker: str) -> dict[str, JsonValue]:
    column = known.settings.marker
    return {column: marker} if column else {}


def _by_type(refs: Sequence[RecordRef]) -> dict[str, list[str]]:
    ids: dict[str, list[str]] = {}
    for ref in refs:
        ids.setdefault(ref.record_type, []).append(ref.id)
    return ids


def build(
    name: str, settings: Mapping[str, Any], *, transport: httpx.AsyncBaseTransport | None = None
) -> SqlConnector:
    """Open a connection; nothing is sent yet.

    Raises:
        ConfigError: A setting is wrong or missing, or a transport is given: there is no HTTP here.
    """
    if transport is not None:
        raise ConfigError(f"connection {name}: a database takes no HTTP transport")
    return SqlConnector(name, read_settings(SqlSettings, name, settings))
