"""Files on rows. Their content lies in the record, base64: the lab's files are small."""

import base64
from hashlib import sha256
from typing import Any, Final

from starlette.responses import JSONResponse, Response

from lab.systems.call import Call
from lab.systems.records import Record
from lab.systems.servicenow.encoded_query import parse
from lab.systems.servicenow.settings import ServiceNowSettings
from lab.systems.servicenow.table_api import DEFAULT_LIMIT, number
from lab.systems.servicenow.values import time_text
from lab.systems.system import PublicRoute, System

TYPE: Final = "sys_attachment"
_COLUMNS: Final = frozenset(
    {"sys_id", "table_name", "table_sys_id", "file_name", "content_type", "sys_created_on"}
)


class Attachments:
    """The Attachment API: list, upload, describe, download, delete."""

    def __init__(self, system: System[ServiceNowSettings]) -> None:
        self._system = system

    def routes(self) -> list[PublicRoute]:
        return [route for base in ("/api/now", "/api/now/v1") for route in self._routes(f"{base}/attachment")]

    def _routes(self, base: str) -> list[PublicRoute]:
        one = f"{base}/{{sys_id}}"
        return [
            PublicRoute("GET", base, "search", self.list_files),
            PublicRoute("POST", f"{base}/file", "create", self.upload),
            PublicRoute("GET", one, "read", self.describe),
            PublicRoute("GET", f"{one}/file", "read", self.download),
            PublicRoute("DELETE", one, "delete", self.delete),
        ]

    async def list_files(self, call: Call) -> Response:
        parameters = call.request.query_params
        query = parse(parameters.get("sysparm_query", ""), _COLUMNS.__contains__)
        rows = [self._row(record) for record in await call.search(TYPE)]
        found = query.sort([row for row in rows if query.matches(row)])
        offset = number(parameters, "sysparm_offset", 0)
        page = found[offset : offset + number(parameters, "sysparm_limit", DEFAULT_LIMIT)]
        return JSONResponse({"result": page}, headers={"x-total-count": str(len(found))})

    async def upload(self, call: Call) -> Response:
        parameters, content = call.request.query_params, await call.request.body()
        table, sys_id = parameters.get("table_name", ""), parameters.get("table_sys_id", "")
        await call.read(table, sys_id)
        record = await call.create(
            TYPE, _fields(dict(parameters), content, call.request.headers.get("content-type", ""))
        )
        return JSONResponse({"result": self._row(record)}, 201)

    async def describe(self, call: Call) -> Response:
        return JSONResponse({"result": self._row(await call.read(TYPE, call.path["sys_id"]))})

    async def download(self, call: Call) -> Response:
        fields = (await call.read(TYPE, call.path["sys_id"])).fields
        return Response(base64.b64decode(fields["content"]), media_type=fields["content_type"])

    async def delete(self, call: Call) -> Response:
        await call.delete(TYPE, call.path["sys_id"])
        return Response(status_code=204)

    def _row(self, record: Record) -> dict[str, str]:
        fields = {name: value for name, value in record.fields.items() if name != "content"}
        return fields | {
            "sys_id": record.id,
            "download_link": f"{self._system.url}/api/now/attachment/{record.id}/file",
            "sys_created_on": time_text(record.created_at),
            "sys_created_by": record.created_by,
            "sys_updated_on": time_text(record.modified_at),
            "sys_updated_by": record.modified_by,
            "sys_mod_count": str(record.version - 1),
        }


def _fields(parameters: dict[str, str], content: bytes, content_type: str) -> dict[str, Any]:
    return {
        "table_name": parameters.get("table_name", ""),
        "table_sys_id": parameters.get("table_sys_id", ""),
        "file_name": parameters.get("file_name", ""),
        "content_type": content_type or "application/octet-stream",
        "size_bytes": str(len(content)),
        "hash": sha256(content).hexdigest(),
        "state": "available",
        "content": base64.b64encode(content).decode(),
    }
