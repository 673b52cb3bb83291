"""The Table API: one method per kind of request.

Everything is asked for with database values (`sysparm_display_value=false`), since display values follow the user's
language, time zone and date format.

Source: ServiceNow documentation, "Table API", release Australia.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connectors.http import HttpConnection, Reply, path_of
from connectors.refusals import Aim
from connectors.servicenow.rows import Many, One, Row
from domain.records import RecordRef

RAW = {"sysparm_display_value": "false", "sysparm_exclude_reference_link": "true"}


@dataclass(frozen=True, slots=True)
class Selection:
    """Rows that a query gave, and whether it has more."""

    rows: list[Row]
    more: bool


@dataclass(frozen=True, slots=True)
class TableApi:
    http: HttpConnection

    async def fetch(self, ref: RecordRef, fields: str | None = None) -> Row:
        """One row by its sys_id."""
        reply = await self.http.call(
            "GET", table_path(ref.record_type, ref.id), aim=Aim.READ, ref=ref, params=_shown(fields)
        )
        return reply.read_as(One).result

    async def select(
        self, table: str, query: str, *, fields: str | None = None, limit: int, aim: Aim = Aim.QUERY
    ) -> Selection:
        """Rows of an encoded query.

        The limit counts rows before access rules hide some, so a short page isn't the last one; a page that is hidden
        whole is skipped.
        """
        asked = _shown(fields) | {"sysparm_query": query, "sysparm_limit": str(limit)}
        offset = 0
        while True:
            page = await self._page(table, asked | {"sysparm_offset": str(offset)}, aim)
            offset += limit
            if page.rows or not page.more:
                return page

    async def insert(self, table: str, body: Mapping[str, str], fields: str | None = None) -> Row:
        reply = await self.http.call(
            "POST", table_path(table), aim=Aim.CREATE, params=_shown(fields), body=dict(body)
        )
        return reply.read_as(One).result

    async def patch(self, ref: RecordRef, body: Mapping[str, str], fields: str | None) -> Row:
        """Set these columns and no others."""
        path = table_path(ref.record_type, ref.id)
        reply = await self.http.call(
            "PATCH", path, aim=Aim.WRITE, ref=ref, params=_shown(fields), body=dict(body)
        )
        return reply.read_as(One).result

    async def delete(self, ref: RecordRef) -> None:
        await self.http.call("DELETE", table_path(ref.record_type, ref.id), aim=Aim.WRITE, ref=ref)

    async def _page(self, table: str, asked: Mapping[str, str], aim: Aim) -> Selection:
        reply = await self.http.call("GET", table_path(table), aim=aim, params=asked)
        rows = reply.read_as(Many).result
        return Selection(rows, _has_more(reply, asked, len(rows)))


def table_path(*parts: str) -> str:
    return path_of("api", "now", "table", *parts)


def _shown(fields: str | None) -> dict[str, str]:
    return RAW | ({"sysparm_fields": fields} if fields else {})


def _has_more(reply: Reply, asked: Mapping[str, str], count: int) -> bool:
    limit, total = int(asked["sysparm_limit"]), reply.headers.get("x-total-count", "")
    return int(total) > int(asked["sysparm_offset"]) + limit if total.isdigit() else count >= limit
