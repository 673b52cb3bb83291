"""The change feed by polling: rows in order of `sys_updated_on`, which has whole seconds and many rows in each.

Inside a drain the position is (second, sys_id), a keyset, since rows move while we page. At the end of a drain it
steps back by the overlap: rows of that time may still appear, because a stamp is set before its transaction commits.
What was already told of that time is remembered in the cursor and not told again. Deletions never show here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from pydantic import BaseModel

from connectors.servicenow.encoded_query import join
from connectors.servicenow.rows import Row, version_of
from connectors.servicenow.table_api import TableApi
from connectors.servicenow.values import parse_time, spell_time
from domain.errors import ConfigError

FIELDS = "sys_id,sys_mod_count,sys_updated_on"
ORDER = "ORDERBYsys_updated_on^ORDERBYsys_id"
REMEMBERED = 500
"""Rows at the edge that a cursor can name; beyond that they are told again, which does no harm."""


class Position(BaseModel, frozen=True):
    """How far the feed has been read."""

    second: str | None = None
    """`sys_updated_on` to go on from; None reads from the beginning."""
    after: str | None = None
    """Within that second, go on after this sys_id; None takes the second from its start."""
    told: tuple[str, ...] = ()
    """Rows since `second` that were told already, as id and version."""


@dataclass(frozen=True, slots=True)
class FeedPage:
    rows: Sequence[Row]
    position: Position
    more: bool


@dataclass(frozen=True, slots=True)
class Feed:
    """The feed of one table and scope. The scope is one that the dictionary knows whole."""

    api: TableApi
    table: str
    scope: str
    overlap: timedelta

    async def page(self, position: Position, limit: int) -> FeedPage:
        """At most `limit` rows from the position on.

        Raises:
            ConfigError: The instance answers with rows from before the position: it dropped a part of the query.
        """
        found, is_full = await self._rows(position, limit)
        told = set(position.told)
        fresh = [row for row in found if token(row) not in told]
        moved = self._step_on(position, found) if is_full else self._step_back(position, found)
        return FeedPage(fresh, moved, is_full)

    async def _rows(self, position: Position, limit: int) -> tuple[list[Row], bool]:
        rows: list[Row] = []
        if position.after:
            within = f"sys_updated_on={position.second}^sys_id>{position.after}"
            rows, more = await self._select(position, within, limit)
            if more or len(rows) == limit:
                return rows, True
        later, more = await self._select(position, _from(position), limit - len(rows))
        return rows + later, more

    async def _select(self, position: Position, condition: str, limit: int) -> tuple[list[Row], bool]:
        query = join(self.scope, condition, ORDER)
        selection = await self.api.select(self.table, query, fields=FIELDS, limit=limit)
        if position.second and any(_second(row) < position.second for row in selection.rows):
            raise ConfigError(f"ServiceNow ignores a part of the query {query!r} on {self.table}")
        return selection.rows, selection.more

    @staticmethod
    def _step_on(position: Position, found: Sequence[Row]) -> Position:
        last = found[-1]
        return Position(second=_second(last), after=str(last["sys_id"]), told=position.told)

    def _step_back(self, position: Position, found: Sequence[Row]) -> Position:
        newest = _second(found[-1]) if found else position.second
        moment = parse_time(newest)
        if moment is None:
            return Position()
        second = max(spell_time(moment - self.overlap), _floor(position))
        remembered = [t for t in position.told if _second_of(t) >= second]
        remembered += [token(row) for row in found if _second(row) >= second]
        return Position(second=second, told=tuple(dict.fromkeys(remembered))[-REMEMBERED:])


def token(row: Row) -> str:
    """Id and version of a row: what was told of it."""
    return f"{row.get('sys_id')}#{version_of(row)}"


def _from(position: Position) -> str:
    if position.second is None:
        return ""
    return f"sys_updated_on{'>' if position.after else '>='}{position.second}"


def _floor(position: Position) -> str:
    """A drain that began in mid-second may step back behind it; one at rest never steps back further."""
    return "" if position.after or position.second is None else position.second


def _second(row: Row) -> str:
    return str(row.get("sys_updated_on") or "")


def _second_of(told: str) -> str:
    return told.rpartition("@")[2]
