"""Which tables of a database are record types, and what their columns are for.

inventory:
  system: sql
  url: ${env:INVENTORY_URL}          # postgresql://user:password@host/database
  tables:
    assets: {key: asset_tag, updated_at: changed_at, marker: correlation_id}
  stream: {}                          # read the log as well; needs wal_level=logical
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, field_validator
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from connectors.base import Capabilities
from connectors.settings import ConnectionSettings
from domain.durations import Duration

MICROSECOND = timedelta(microseconds=1)
"""What PostgreSQL's time stamps can tell apart."""


def within_a_minute(span: timedelta) -> timedelta:
    """A rhythm that is none would be a busy loop; a very slow one would look like a stream that hangs."""
    if not timedelta(milliseconds=50) <= span <= timedelta(minutes=1):
        raise ValueError("choose between 50ms and 1m")
    return span


class TableSettings(ConnectionSettings):
    """The roles of a table's columns. Every name is a column's."""

    table: str | None = None
    """`table` or `schema.table`; the record type's own name, if omitted."""
    id: str | None = None
    """Unique and never changed; the primary key, if omitted."""
    key: str | None = None
    """What people call the record; the id, if omitted."""
    version: str | None = None
    """A whole number that every save raises by one. PostgreSQL's own `xmin` serves, if omitted."""
    version_kept_by: Literal["writers", "database"] = "writers"
    """Whether writers have to raise `version`, or a trigger does."""
    updated_at: str | None = None
    updated_by: str | None = None
    marker: str | None = None
    """Where our link id may be written."""
    lookback: Duration = timedelta(minutes=1)
    """How long a transaction may take, and a writer's clock may lag: polling by `updated_at` reads that far back."""


class StreamSettings(ConnectionSettings):
    """The log is read through a replication slot. Both are made, if they aren't there."""

    slot: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,63}$")] | None = None
    """`accord_<connection>`, if omitted. Never shared: what one reader takes, no other sees."""
    publication: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,63}$")] | None = None
    """The same name, if omitted."""
    every: Annotated[Duration, AfterValidator(within_a_minute)] = timedelta(seconds=1)


class SqlSettings(ConnectionSettings):
    url: SecretStr
    tables: dict[str, TableSettings] = Field(min_length=1)
    """By record type."""
    stream: StreamSettings | None = None
    timeout: Duration = timedelta(seconds=20)
    """For one statement; must stay below the activity's own."""
    max_connections: int = Field(default=5, ge=1, le=100)

    @field_validator("url")
    @classmethod
    def _is_postgres(cls, written: SecretStr) -> SecretStr:
        try:
            url = make_url(written.get_secret_value())
        except ArgumentError:
            raise ValueError("write postgresql://user:password@host/database") from None
        if url.get_backend_name() != "postgresql":
            raise ValueError("only PostgreSQL databases are spoken to")
        return written

    @property
    def address(self) -> URL:
        return make_url(self.url.get_secret_value()).set(drivername="postgresql+psycopg")

    def named_stream(self, connection: str) -> Self:
        """With the names that the stream's slot and publication have by default."""
        if self.stream is None:
            return self
        name = f"accord_{connection.replace('-', '_')}"[:63]
        names = {"slot": self.stream.slot or name, "publication": self.stream.publication or name}
        return self.model_copy(update={"stream": self.stream.model_copy(update=names)})

    def capabilities(self) -> Capabilities:
        """A connection promises what every one of its tables can keep."""
        tables = self.tables.values()
        return Capabilities(
            compare_and_set=True,
            version_exact=True,
            sequence=all(table.version for table in tables),
            creates_with_marker=all(table.marker for table in tables),
            granularity=MICROSECOND,
            deletes=frozenset({"event"} if self.stream else ()),
            change_stream=self.stream is not None,
        )
