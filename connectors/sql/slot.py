"""A replication slot and its publication, through plain SQL: made, peeked at, moved on.

A **slot** keeps the log from the place on that its reader has confirmed; it is read by a function, so any connection
pool serves and no replication protocol is spoken. Peeking changes nothing, so what was read is lost only once it is
confirmed, which is done after it was kept elsewhere.

A slot that nobody reads keeps the log for ever: drop it with the connection (docs/sql.md).

Source: PostgreSQL, "Replication Management Functions" (peek and advance; upto_nchanges is looked at after each
transaction only, so a transaction always comes whole).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.refusals import Aim, Call
from connectors.sql.pgoutput import Decoder, Message
from connectors.sql.session import Session
from connectors.sql.tables import QUOTE, RecordTable
from domain.errors import ConfigError

PLUGIN = "pgoutput"
CHANGES_AT_ONCE = 5_000
"""A peek ends with the transaction that passes this number."""
ROWS_PER_FETCH = 1_000

IS_LOGICAL = text("SELECT current_setting('wal_level') = 'logical'")

FIND = text("""
    SELECT plugin, database = current_database() AS is_here, coalesce(wal_status, '') AS wal_status,
           confirmed_flush_lsn - '0/0'::pg_lsn AS confirmed
    FROM pg_replication_slots WHERE slot_name = :slot
""")
CREATE = text("SELECT pg_create_logical_replication_slot(:slot, :plugin)")
DROP = text("SELECT pg_drop_replication_slot(:slot)")
ADVANCE = text("SELECT pg_replication_slot_advance(:slot, '0/0'::pg_lsn + CAST(:to AS numeric))")
END = text("SELECT pg_current_wal_flush_lsn() - '0/0'::pg_lsn")
PATIENCE = text("SET LOCAL statement_timeout = '10min'")
"""The first fetch decodes everything up to the last row; a transaction may have millions."""
PEEK = text("""
    SELECT data FROM pg_logical_slot_peek_binary_changes(
        :slot, NULL, :most, 'proto_version', '1', 'publication_names', :publication)
""")

PUBLISHED = text("SELECT schemaname, tablename FROM pg_publication_tables WHERE pubname = :publication")
IS_PUBLICATION = text("SELECT EXISTS (SELECT FROM pg_publication WHERE pubname = :publication)")

TELLS_DELETIONS = text("""
    SELECT c.relreplident = 'f' OR EXISTS (
        SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
        WHERE i.indrelid = c.oid AND a.attname = :id
          AND CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident ELSE false END)
    FROM pg_class c WHERE c.oid = CAST(:table AS regclass)
""")


@dataclass(frozen=True, slots=True)
class Slot:
    """One slot, read by us alone. Places in the log are numbers of bytes."""

    session: Session
    name: str
    publication: str

    async def ensure(self, tables: Sequence[RecordTable]) -> int:
        """Publish the tables, make the slot where there is none or only a lost one; from where it can be read.

        Raises:
            ConfigError: The database keeps no logical log, a table can't tell which row was deleted, or the slot is
                another's.
        """
        async with self._begin("CHECK") as connection:
            if not await connection.scalar(IS_LOGICAL):
                raise ConfigError(
                    "the log can't be read: set wal_level = logical and restart PostgreSQL, or remove `stream`"
                )
        await self._publish(tables)  # first of all: a slot that is older than its publication can't be read
        found = await self._find()
        if found is None or found.wal_status == "lost":
            await self._make(lost=found is not None)
            found = await self._find()
        assert found is not None
        self._check(found)
        return int(found.confirmed)

    async def end(self) -> int:
        """How far the log is safely written now."""
        async with self._begin("CHECK") as connection:
            return int(await connection.scalar(END) or 0)

    async def peek(self) -> AsyncGenerator[Message, None]:
        """Whole transactions in the order of their commits, from the confirmed place on; about 5,000 changes."""
        decoder = Decoder()
        values = {
            "slot": self.name,
            "most": CHANGES_AT_ONCE,
            "publication": QUOTE.quote_identifier(self.publication),
        }
        async with self._begin("PEEK") as connection:
            await connection.execute(PATIENCE)
            fetched = {"yield_per": ROWS_PER_FETCH}
            rows = await connection.stream(PEEK, values, execution_options=fetched)
            try:  # its own context manager closes nothing if the reader stops early
                async for row in rows:
                    message = decoder.read(bytes(row.data))
                    if message is not None:
                        yield message
            finally:
                await rows.close()

    async def advance(self, to: int) -> None:
        """Confirm everything up to here; the log before it may go."""
        found = await self._find()
        if found is not None and int(found.confirmed) < to:
            async with self._begin("ADVANCE") as connection:
                await connection.execute(ADVANCE, {"slot": self.name, "to": to})

    # ----------------------------------------------------------------------------------------------- in between
    async def _find(self) -> Any:
        async with self._begin("CHECK") as connection:
            return (await connection.execute(FIND, {"slot": self.name})).one_or_none()

    async def _make(self, *, lost: bool) -> None:
        async with self._begin("CREATE") as connection:
            await connection.execute(PATIENCE)  # it waits for the transactions that run now
            if lost:
                await connection.execute(DROP, {"slot": self.name})
            await connection.execute(CREATE, {"slot": self.name, "plugin": PLUGIN})

    def _check(self, found: Any) -> None:
        if found.plugin != PLUGIN or not found.is_here:
            raise ConfigError(
                f"the replication slot {self.name} exists, but for {found.plugin} or another database; "
                "set `stream: {slot: …}` to a free name"
            )

    async def _publish(self, tables: Sequence[RecordTable]) -> None:
        async with self._begin("PUBLISH") as connection:
            for known in tables:
                await self._refuse_silent(connection, known)
            wanted = {known.place: QUOTE.format_table(known.table) for known in tables}
            if not await connection.scalar(IS_PUBLICATION, {"publication": self.publication}):
                await connection.execute(self._create_publication(list(wanted.values())))
                return
            published = await connection.execute(PUBLISHED, {"publication": self.publication})
            here = {(row.schemaname, row.tablename) for row in published}
            missing = [name for place, name in wanted.items() if place not in here]
            if missing:
                await connection.execute(self._extend_publication(missing))

    async def _refuse_silent(self, connection: AsyncConnection, known: RecordTable) -> None:
        """A published table without a key couldn't even be updated any more."""
        values = {"id": known.id, "table": QUOTE.format_table(known.table)}
        if not await connection.scalar(TELLS_DELETIONS, values):
            raise ConfigError(
                f"{known.record_type}: the log wouldn't tell which row was deleted; run "
                f"ALTER TABLE {values['table']} REPLICA IDENTITY FULL, or set `id` to its primary key"
            )

    def _create_publication(self, tables: Sequence[str]) -> TextClause:
        # Without truncate, which names no row: the sweep finds what it took.
        options = "publish = 'insert, update, delete', publish_via_partition_root = true"
        return text(f"CREATE PUBLICATION {self._quoted} FOR TABLE {', '.join(tables)} WITH ({options})")

    def _extend_publication(self, tables: Sequence[str]) -> TextClause:
        return text(f"ALTER PUBLICATION {self._quoted} ADD TABLE {', '.join(tables)}")

    @property
    def _quoted(self) -> str:
        return str(QUOTE.quote_identifier(self.publication))

    def _begin(self, verb: str) -> Any:
        return self.session.begin(Call(verb, f"slot {self.name}", Aim.QUERY))
