"""Which rows changed, asked of the table itself: in scans, each from the horizon of the one before.

A scan's **horizon** is a value of the order below which nothing new can appear once the scan has begun. Whatever is
committed later lies at or above it, so the next scan starts there: it repeats a little and misses nothing.

- By `xmin` the horizon is exact: the oldest transaction still running when the scan began. There is no index on it,
  so each scan reads the whole table.
- By `updated_at` it is the database's clock less `lookback`: right as long as no transaction takes longer than that
  and no writer's clock lags by more. An index on (updated_at, id) serves.

Deleted rows leave no trace in a table: only the log tells of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, TypeAlias

from pydantic import BaseModel, JsonValue
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    FromClause,
    Select,
    Text,
    cast,
    func,
    literal,
    select,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.sql.statements import ROW, equal, given
from connectors.sql.tables import XMIN, RecordTable

XIDS = 2**32
"""`xmin` is a transaction's number modulo this; the full number grows for ever."""


class Place(BaseModel, frozen=True):
    """How far a scan has come. Values of the order are kept as text."""

    start: str | None = None
    """Where the scan began; None for the whole table."""
    after: tuple[str, str] | None = None
    """The last row read: (order, id); None at the scan's beginning."""
    horizon: str | None = None
    """Where the next scan will start; None before this one begins."""

    def followed_by(self, last: tuple[str, str] | None, *, more: bool) -> Place:
        """The place after a page: further on in this scan, or at the beginning of the next."""
        return self.model_copy(update={"after": last}) if more else Place(start=self.horizon)


@dataclass(frozen=True, slots=True)
class ByTransaction:
    """The order of transactions' numbers."""

    name: str = XMIN
    type: ClassVar[Any] = BigInteger()

    async def horizon(self, connection: AsyncConnection) -> str:
        """The oldest transaction that still runs."""
        return str(await connection.scalar(select(_bound(func.pg_snapshot_xmin))))

    async def of(self, connection: AsyncConnection, row: FromClause) -> ColumnElement[Any]:
        """The full number of the transaction: that one below the next to be given out which ends like `xmin`.

        A row that has stood for four billion transactions may be taken for a new one, which does no harm.
        """
        following = int(await connection.scalar(select(_bound(func.pg_snapshot_xmax))) or 0)
        short = cast(cast(row.c[XMIN], Text), BigInteger)
        return literal(following, BigInteger) - func.mod(following % XIDS - short + XIDS, XIDS)


@dataclass(frozen=True, slots=True)
class ByStamp:
    """The order of the rows' own stamps."""

    name: str
    column: Column[Any]
    lookback: timedelta

    @property
    def type(self) -> Any:
        return self.column.type

    async def horizon(self, connection: AsyncConnection) -> str:
        """The database's clock less what a transaction may take."""
        back = func.clock_timestamp() - literal(self.lookback)
        return str(await connection.scalar(select(cast(cast(back, self.type), Text))))

    async def of(self, connection: AsyncConnection, row: FromClause) -> ColumnElement[Any]:
        """Rows without a stamp come first of all, once."""
        del connection
        stamp: ColumnElement[Any] = row.c[self.name]
        return func.coalesce(stamp, _earliest(self.type)) if self.column.nullable else stamp


Order: TypeAlias = ByTransaction | ByStamp


def order_of(known: RecordTable) -> Order:
    """By stamp where the table has one, as that can have an index."""
    stamp = known.settings.updated_at
    return ByStamp(stamp, known.table.c[stamp], known.settings.lookback) if stamp else ByTransaction()


@dataclass(frozen=True, slots=True)
class Changed:
    """A row that was written since."""

    id: str
    version: str


@dataclass(frozen=True, slots=True)
class Feed:
    """A table's changed rows within a scope."""

    known: RecordTable
    scope: Mapping[str, JsonValue]
    order: Order

    async def read(
        self, connection: AsyncConnection, place: Place, most: int
    ) -> tuple[list[Changed], Place, bool]:
        """The next rows in order, the place after them, and whether this scan has more.

        To be run in one snapshot (REPEATABLE READ): horizon and rows must be of the same moment.
        """
        if place.horizon is None:
            place = place.model_copy(update={"horizon": await self.order.horizon(connection)})
        found = (await connection.execute(await self._page(connection, place, most + 1))).all()
        page, more = found[:most], len(found) > most
        last = (page[-1].place, page[-1].id) if page else place.after
        return [Changed(row.id, row.version) for row in page], place.followed_by(last, more=more), more

    async def _page(self, connection: AsyncConnection, place: Place, most: int) -> Select[*tuple[Any, ...]]:
        row = self.known.table.alias(ROW)
        position, record_id = await self.order.of(connection, row), row.c[self.known.id]
        named = {"id": record_id, "version": row.c[self.known.version], "place": position}
        page = select(*(cast(value, Text).label(name) for name, value in named.items()))
        bounds = [*equal(self.known, row, self.scope), *self._from(place, position, record_id)]
        return page.where(*bounds).order_by(position, record_id).limit(most)

    def _from(
        self, place: Place, position: ColumnElement[Any], record_id: ColumnElement[Any]
    ) -> Iterator[ColumnElement[bool]]:
        if place.start is not None:
            yield position >= self._spelled(place.start)
        if place.after is not None:
            at, last = place.after
            typed = given(self.known, {self.known.id: last}, name="accord_last")
            yield tuple_(position, record_id) > tuple_(self._spelled(at), typed.c[self.known.id])

    def _spelled(self, text: str) -> ColumnElement[Any]:
        return cast(literal(text, Text), self.order.type)


def _earliest(stamp: Any) -> ColumnElement[Any]:
    return cast(literal("-infinity", Text), stamp)


def _bound(of: Any) -> ColumnElement[int]:
    """A bound of the current snapshot as a number."""
    return cast(cast(of(func.pg_current_snapshot()), Text), BigInteger)
