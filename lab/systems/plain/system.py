"""The plain system: the API that `connectors/plain` speaks, and the example for whoever writes another simulated system.

| call | answers |
| --- | --- |
| `GET /capabilities` | the switches |
| `GET /records/{type}/{id or key}` | 200 with `ETag`; 404 unknown; 410 deleted, unless `gone_status` is 404 |
| `POST /records/{type}/read` `{ids}` | `{records, missing}` |
| `POST /records/{type}` `{fields, marker?}` | 201; the same `Idempotency-Key` gives the same record |
| `PATCH /records/{type}/{id}` `{fields, marker?}` | 200 with the record after this save, 204 without `returns_record`; with `If-Match` and `cas` 412 and the record when stale |
| `DELETE /records/{type}/{id}` | 204 |
| `GET /records/{type}/{id}/history?since_version=` | `{changes, last_version}`; 404 without `history` |
| `POST /records/{type}/search` `{field: value …, limit, after}` | `{records, after}`; `after` is null on the last page |
| `GET /records/{type}/changes?since=&limit=` | `{records, cursor, more}`, in order of modification, deleted ones included |
| the same, with `feed` by stamps | `since` in epoch seconds, cut down to `feed_step`; on the next page `cursor` comes along |
| `GET /records/{type}/allowed` | `{field: [values]}` |

A record that was merged into another one holds that one's id in its field `merged_into`.
`Authorization: Bearer <token>`. Webhooks are signed with HMAC-SHA256 over `timestamp.body` in `X-Plain-Signature: sha256=<hex>`.
"""

import hashlib
import hmac
import json
import math
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lab.systems.call import Call
from lab.systems.outbox import Subscription
from lab.systems.plain.settings import PlainSettings
from lab.systems.plain.shapes import (
    change_shape,
    feed_shape,
    field_stamps,
    record_shape,
    version_token,
    webhook_shape,
)
from lab.systems.records import Record, Save
from lab.systems.refusals import Refused
from lab.systems.system import PublicRoute, System

PAGE = 100
EVERYTHING = -1
"""No limit, in SQLite's words."""


class PlainSystem(System[PlainSettings]):
    """See the module."""

    settings_type = PlainSettings

    def routes(self) -> list[PublicRoute]:
        records, record = "/records/{type}", "/records/{type}/{id}"
        return [
            PublicRoute("GET", "/capabilities", "meta", self.capabilities),
            PublicRoute("GET", f"{records}/allowed", "meta", self.allowed),
            PublicRoute("GET", f"{records}/changes", "search", self.changes),
            PublicRoute("POST", f"{records}/search", "search", self.search),
            PublicRoute("POST", f"{records}/read", "read", self.read_many),
            PublicRoute("POST", records, "create", self.create),
            PublicRoute("GET", record, "read", self.read),
            PublicRoute("PATCH", record, "write", self.update),
            PublicRoute("DELETE", record, "delete", self.delete),
            PublicRoute("GET", f"{record}/history", "history", self.history),
        ]

    async def capabilities(self, call: Call) -> Response:  # noqa: ARG002 - a handler's signature
        settings = self.switches.now
        return JSONResponse(
            {
                "cas": settings.cas,
                "history": settings.history,
                "returns_record": settings.returns_record,
                "field_stamps": settings.field_stamps,
                "version_exact": settings.version_exact,
                "search_lag": settings.search_lag,
                "granularity": settings.granularity,
                "feed": settings.feed,
                "feed_step": settings.feed_step,
            }
        )

    async def read(self, call: Call) -> Response:
        record_id = call.path["id"].removeprefix(f"{self.name.upper()}-")
        return self._answer(await call.read(call.path["type"], record_id))

    async def read_many(self, call: Call) -> Response:
        wanted = [str(record_id) for record_id in (await call.json()).get("ids", [])]
        found = await call.read_many(call.path["type"], wanted)
        missing = set(wanted) - {record.id for record in found}
        return JSONResponse(
            {"records": [self._shape(record) for record in found], "missing": sorted(missing)}
        )

    async def create(self, call: Call) -> Response:
        fields, marker = _written(await call.json())
        key = call.request.headers.get("idempotency-key")
        record = await call.create(call.path["type"], fields, marker=marker, idempotency_key=key)
        return self._answer(record, status=201)

    async def update(self, call: Call) -> Response:
        fields, marker = _written(await call.json())
        record = await call.update(
            call.path["type"],
            call.path["id"],
            fields,
            marker=marker,
            expected_version=self._expected(call.request),
        )
        return self._answer(record) if self.switches.now.returns_record else Response(status_code=204)

    async def delete(self, call: Call) -> Response:
        await call.delete(call.path["type"], call.path["id"])
        return Response(status_code=204)

    async def history(self, call: Call) -> Response:
        if not self.switches.now.history:
            raise Refused("no_route", "this system keeps no history")
        since = _number(call.request.query_params.get("since_version", "0")) if self._exact else 0
        saves = await call.history(call.path["type"], call.path["id"], since)
        last = version_token(saves[-1].record, exact=self._exact) if saves else str(since)
        changes = [change_shape(save, change, exact=self._exact) for save in saves for change in save.changes]
        return JSONResponse({"changes": changes, "last_version": last})

    async def search(self, call: Call) -> Response:
        equal = await call.json()
        limit, after = int(equal.pop("limit", PAGE)), equal.pop("after", None)
        found = sorted(await call.search(call.path["type"], equal), key=lambda record: int(record.id))
        rest = [record for record in found if after is None or int(record.id) > int(after)]
        more = len(rest) > limit
        return JSONResponse(
            {
                "records": [self._shape(record) for record in rest[:limit]],
                "after": rest[limit - 1].id if more else None,
            }
        )

    async def changes(self, call: Call) -> Response:
        query = call.request.query_params
        limit = _number(query.get("limit", str(PAGE)))
        if self.switches.now.feed == "stamps":
            return await self._changes_by_stamp(call, float(query.get("since", "0")), limit)
        since = _number(query.get("since", "0"))
        saves = await call.feed(call.path["type"], since, limit + 1)
        page = saves[:limit]
        cursor = page[-1].n if page else since
        records = [feed_shape(save, exact=self._exact) for save in page]
        return JSONResponse({"records": records, "cursor": str(cursor), "more": len(saves) > limit})

    async def _changes_by_stamp(self, call: Call, since: float, limit: int) -> Response:
        """As a query by modification time sees them: late, and no finer than its step."""
        step, after = self.switches.now.feed_step, call.request.query_params.get("cursor")
        start = math.floor(since / step) * step if step else since
        behind = tuple(json.loads(after)) if after else (-math.inf, 0)
        saves = await call.feed(call.path["type"], 0, EVERYTHING)
        found = sorted((save.record.modified_at or 0.0, save.n, save) for save in saves)
        rest = [(stamp, n, save) for stamp, n, save in found if stamp >= start and (stamp, n) > behind]
        page = rest[:limit]
        cursor = json.dumps(page[-1][:2]) if page else ""
        records = [feed_shape(save, exact=self._exact) for _, _, save in page]
        return JSONResponse({"records": records, "cursor": cursor, "more": len(rest) > limit})

    async def allowed(self, call: Call) -> Response:  # noqa: ARG002 - a handler's signature
        return JSONResponse(self.switches.now.valid)

    def authenticate(self, request: Request) -> str:
        settings = self.switches.now
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {settings.token}".encode()):
            raise Refused("unauthorized", "no such token")
        return settings.user

    def refuse(self, refused: Refused) -> Response:
        error = {"code": refused.reason, "message": refused.message}
        if refused.field is not None:
            error["field"] = refused.field
        content: dict[str, Any] = {"error": error}
        if refused.record is not None:
            content["record"] = self._shape(refused.record)
        return JSONResponse(content, refused.status)

    def identify(
        self,
        record_type: str,  # noqa: ARG002 - one series for all types
        fields: dict[str, Any],  # noqa: ARG002 - keys don't depend on them
        next_number: Callable[[str], int],
    ) -> tuple[str, str]:
        number = next_number("record")
        return str(number), f"{self.name.upper()}-{number}"

    def payload(self, save: Save, delivery_id: str, subscription: Subscription) -> dict[str, Any]:  # noqa: ARG002 - the hook's signature
        return webhook_shape(save, delivery_id, exact=self._exact)

    def sign(self, body: bytes, delivery_id: str, subscription: Subscription) -> dict[str, str]:
        timestamp = str(int(self.clock.true_time()))
        digest = hmac.new(subscription.secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
        return {
            "content-type": "application/json",
            "x-plain-timestamp": timestamp,
            "x-plain-delivery": delivery_id,
            "x-plain-signature": f"sha256={digest.hexdigest()}",
        }

    @property
    def _exact(self) -> bool:
        return self.switches.now.version_exact

    def _expected(self, request: Request) -> int | None:
        given = request.headers.get("if-match")
        return _number(given.strip('"')) if given and self.switches.now.cas and self._exact else None

    def _answer(self, record: Record, status: int = 200) -> Response:
        return JSONResponse(
            self._shape(record), status, headers={"etag": f'"{version_token(record, exact=self._exact)}"'}
        )

    def _shape(self, record: Record) -> dict[str, Any]:
        stamped = self.switches.now.field_stamps
        stamps = field_stamps(self.records.history(record.record_type, record.id)) if stamped else None
        return record_shape(record, self.url, stamps, exact=self._exact)


def _written(content: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    fields = content.get("fields")
    if not isinstance(fields, dict):
        raise Refused("malformed", "fields is missing or no object")
    return fields, content.get("marker")


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise Refused("malformed", f"{text!r} is no number") from error


SYSTEM = PlainSystem
