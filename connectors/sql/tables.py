"""Tables as they stand in the database, read by reflection when first asked for and again when they have changed."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, Connection, MetaData, String, Table, text
from sqlalchemy.dialects.postgresql import dialect
from sqlalchemy.exc import NoSuchTableError

from connectors.refusals import Aim, Call
from connectors.sql.session import Session
from connectors.sql.settings import TableSettings
from domain.description import FieldFacts
from domain.errors import ConfigError

DIALECT = dialect(paramstyle="named")  # type: ignore[no-untyped-call] # SQLAlchemy's own signature
QUOTE = DIALECT.identifier_preparer
"""Leaves `%` alone: whatever compiles the statement doubles it."""

SCHEMA = text("""
    SELECT nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass(:name)
""")

XMIN = "xmin"
"""The transaction that wrote a row's present version: a system column, never a user's."""


@dataclass(frozen=True, slots=True)
class RecordTable:
    """A record type's table, and its columns by their roles."""

    record_type: str
    settings: TableSettings
    table: Table
    id: str
    key: str

    @property
    def place(self) -> tuple[str, str]:
        """Schema and name."""
        return self.table.schema or "", self.table.name

    @property
    def columns(self) -> list[str]:
        """The record's native fields."""
        return [column.name for column in self.table.c if not column.system]

    @property
    def facts(self) -> dict[str, FieldFacts]:
        """What the database says of them."""
        return {column.name: _facts(column) for column in self.table.c if not column.system}

    @property
    def version(self) -> str:
        """The column whose value is the version token."""
        return self.settings.version or XMIN

    @property
    def counts(self) -> bool:
        """The version is a counter that rises by one per save."""
        return self.settings.version is not None

    def has(self, names: Iterable[str]) -> bool:
        return set(names) <= set(self.columns)

    def require(self, names: Iterable[str]) -> None:
        """Refuse columns that aren't there.

        Raises:
            ConfigError: Names them, and those that are.
        """
        unknown = [name for name in names if name not in self.columns]
        if unknown:
            raise ConfigError(
                f"{self.record_type}: no column {', '.join(unknown)} in {self.table.fullname} "
                f"(there are: {', '.join(self.columns)})"
            )


@dataclass(slots=True)
class Tables:
    """The record types of one connection."""

    session: Session
    settings: Mapping[str, TableSettings]
    _known: dict[str, RecordTable] = field(default_factory=dict)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def get(self, record_type: str, columns: Collection[str] = ()) -> RecordTable:
        """The table of this record type; looked at again if it has none of these columns yet.

        Raises:
            ConfigError: The connection has no such record type, or table, settings and columns don't fit.
        """
        async with self._reading:
            known = self._known.get(record_type)
            if known is None or not known.has(columns):
                self._known[record_type] = known = await self._read(record_type)
        known.require(columns)
        return known

    async def read_again(self, record_type: str) -> RecordTable:
        """The table as it is now."""
        self._known.pop(record_type, None)
        return await self.get(record_type)

    async def _read(self, record_type: str) -> RecordTable:
        settings = self.settings.get(record_type)
        if settings is None:
            raise ConfigError(f"no table is set for {record_type!r} (there are: {', '.join(self.settings)})")
        name = settings.table or record_type
        async with self.session.begin(Call("DESCRIBE", name, Aim.QUERY)) as connection:
            try:
                table = await connection.run_sync(_reflect, name)
            except NoSuchTableError:
                raise ConfigError(
                    f"{record_type}: there is no table {name}, or this user may not see it"
                ) from None
        return _with_roles(record_type, settings, table)


def _facts(column: Column[Any]) -> FieldFacts:
    is_generated = column.computed is not None
    has_default = column.server_default is not None or column.identity is not None or is_generated
    return FieldFacts(
        label=column.comment or "",
        type=str(column.type.compile(DIALECT)),
        required=not (column.nullable or has_default),
        read_only=is_generated,
    )


def _reflect(connection: Connection, name: str) -> Table:
    """The table with its schema, which the search path chose where the name has none."""
    quoted = ".".join(QUOTE.quote_identifier(part) for part in name.split(".", 1))
    schema = connection.scalar(SCHEMA, {"name": quoted})
    if schema is None:
        raise NoSuchTableError(name)
    version = Column(XMIN, String, system=True)
    bare = name.rpartition(".")[2]
    return Table(bare, MetaData(), version, schema=schema, autoload_with=connection, resolve_fks=False)


def _with_roles(record_type: str, settings: TableSettings, table: Table) -> RecordTable:
    known = settings.id or _primary_key(record_type, table)
    described = RecordTable(record_type, settings, table, id=known, key=settings.key or known)
    roles = (
        described.id,
        described.key,
        settings.version,
        settings.updated_at,
        settings.updated_by,
        settings.marker,
    )
    described.require(name for name in roles if name is not None)
    return described


def _primary_key(record_type: str, table: Table) -> str:
    columns = [column.name for column in table.primary_key.columns]
    if len(columns) != 1:
        found = f"has {len(columns)} columns" if columns else "is missing"
        raise ConfigError(
            f"{record_type}: the primary key of {table.fullname} {found}; set `id` to one unique column"
        )
    return columns[0]
