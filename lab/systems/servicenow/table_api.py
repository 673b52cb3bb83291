"""The Table API: rows in, rows out."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.responses import JSONResponse, Response

from lab.systems.call import Call
from lab.systems.records import Record
from lab.systems.refusals import Refused
from lab.systems.servicenow.display import Display
from lab.systems.servicenow.encoded_query import EncodedQuery, Row, parse
from lab.systems.servicenow.policies import judge, writable
from lab.systems.servicenow.rows import RecordRow
from lab.systems.servicenow.settings import ServiceNowSettings
from lab.systems.servicenow.sources import columns_of, rows_of
from lab.systems.servicenow.tables import TABLES
from lab.systems.system import PublicRoute, System

DEFAULT_LIMIT = 10_000
VERSIONS = ("/api/now", "/api/now/v1", "/api/now/v2")


class TableApi:
    """The handlers. `sysparm_*` parameters are read where they take effect."""

    def __init__(self, system: System[ServiceNowSettings]) -> None:
        self._system = system

    def routes(self) -> list[PublicRoute]:
        return [route for version in VERSIONS for route in self._routes(f"{version}/table")]

    def _routes(self, base: str) -> list[PublicRoute]:
        rows, row = f"{base}/{{table}}", f"{base}/{{table}}/{{sys_id}}"
        return [
            PublicRoute("GET", f"{base}/sys_audit", "history", self.list_rows),
            PublicRoute("GET", rows, "search", self.list_rows),
            PublicRoute("POST", rows, "create", self.create),
            PublicRoute("GET", row, "read", self.read),
            PublicRoute("PATCH", row, "write", self.update),
            PublicRoute("PUT", row, "write", self.update),
            PublicRoute("DELETE", row, "delete", self.delete),
        ]

    async def list_rows(self, call: Call) -> Response:
        table, parameters = call.path.get("table", "sys_audit"), call.request.query_params
        query = parse(_asked(parameters), columns_of(table))
        found = await self._matching(call, table, query)
        if not found and "/v1/" in call.request.url.path:
            raise Refused("not_found", "")
        offset, limit = (
            number(parameters, "sysparm_offset", 0),
            number(parameters, "sysparm_limit", DEFAULT_LIMIT),
        )
        hidden = self._settings.hidden_records
        # The limit counts rows that the ACL then hides, so a page may be short and still not be the last.
        page = [row for row in found[offset : offset + limit] if row["sys_id"] not in hidden]
        result = [self._display(call).row(table, row) for row in page]
        return JSONResponse({"result": result}, headers=self._page_headers(call, len(found), offset, limit))

    async def read(self, call: Call) -> Response:
        table, sys_id = call.path["table"], call.path["sys_id"]
        if table not in TABLES:
            return await self._read_derived(call, table, sys_id)
        return self._answer(call, self._visible(await call.read(table, sys_id)))

    async def create(self, call: Call) -> Response:
        table, body = _task_table(call), await _body(call)
        fields = writable(self._settings, table, body)
        judge(self._settings, table, None, fields)
        record = await call.create(table, fields)
        location = f"{self._system.url}/api/now/table/{table}/{record.id}"
        return self._answer(call, record, 201, {"location": location})

    async def update(self, call: Call) -> Response:
        table, sys_id, body = _task_table(call), call.path["sys_id"], await _body(call)
        fields = writable(self._settings, table, body)
        before = self._system.records.head(table, sys_id)
        if before is not None and not before.deleted:
            judge(self._settings, table, self._visible(before), fields)
        return self._answer(call, await call.update(table, sys_id, fields))

    async def delete(self, call: Call) -> Response:
        await call.delete(_task_table(call), call.path["sys_id"])
        return Response(status_code=204)

    async def _matching(self, call: Call, table: str, query: EncodedQuery) -> list[Row]:
        rows = await rows_of(call, table, query, self._settings)
        if query.dropped and self._settings.invalid_query_returns_no_rows:
            return []
        return query.sort([row for row in rows if query.matches(row)])

    async def _read_derived(self, call: Call, table: str, sys_id: str) -> Response:
        query = parse(f"sys_id={sys_id}", columns_of(table))
        found = await self._matching(call, table, query)
        if not found:
            raise Refused("not_found", "")
        return JSONResponse({"result": self._display(call).row(table, found[0])})

    def _visible(self, record: Record) -> Record:
        if record.id in self._settings.hidden_records:
            raise Refused("not_found", "")
        return record

    def _answer(
        self, call: Call, record: Record, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Response:
        result = self._display(call).row(record.record_type, RecordRow(record))
        return JSONResponse({"result": result}, status, headers=headers)

    def _display(self, call: Call) -> Display:
        return Display.asked(
            call.request.query_params,
            url=self._system.url,
            unreadable=[*self._settings.unreadable, *self._settings.removed_columns],
            user_names=list(self._settings.users),
        )

    def _page_headers(self, call: Call, total: int, offset: int, limit: int) -> dict[str, str]:
        parameters = call.request.query_params
        headers = {} if parameters.get("sysparm_no_count") == "true" else {"x-total-count": str(total)}
        if parameters.get("sysparm_suppress_pagination_header") == "true":
            return headers
        links = {
            "first": 0,
            "prev": offset - limit,
            "next": offset + limit,
            "last": max(0, (total - 1) // limit * limit),
        }
        wanted = {name: at for name, at in links.items() if 0 <= at < max(total, 1)}
        return headers | {"link": ",".join(self._link(call, name, at) for name, at in wanted.items())}

    def _link(self, call: Call, relation: str, offset: int) -> str:
        parameters = {**call.request.query_params, "sysparm_offset": str(offset)}
        return f'<{self._system.url}{call.request.url.path}?{urlencode(parameters)}>;rel="{relation}"'

    @property
    def _settings(self) -> ServiceNowSettings:
        return self._system.switches.now


def _asked(parameters: Mapping[str, str]) -> str:
    """The encoded query; a plain `column=value` parameter counts as one more condition."""
    plain = [f"{name}={value}" for name, value in parameters.items() if not name.startswith("sysparm_")]
    return "^".join([*plain, parameters.get("sysparm_query", "")])


def number(parameters: Mapping[str, str], name: str, default: int) -> int:
    """A count; one that can't be read counts as not given."""
    given = parameters.get(name, "")
    return max(int(given), 1 if name == "sysparm_limit" else 0) if given.isdecimal() else default


def _task_table(call: Call) -> str:
    table = call.path["table"]
    columns_of(table)
    if table not in TABLES:
        raise Refused("refused_field", f"{table} can't be written through this API", status=403)
    return table


async def _body(call: Call) -> dict[str, Any]:
    """The written columns. Of an array only the first element is used.

    Raises:
        Refused: `malformed`, also with status 415 for another content type than JSON.
    """
    content_type = call.request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip() != "application/json":
        raise Refused("malformed", "Unsupported media type", status=415)
    try:
        content = json.loads(await call.request.body() or b"{}")
    except ValueError as error:
        raise Refused("malformed", "Exception while reading request") from error
    if isinstance(content, list) and content:
        content = content[0]
    if not isinstance(content, dict):
        raise Refused("malformed", "Exception while reading request")
    return content
