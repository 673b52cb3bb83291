"""Comments and properties of an issue."""

from collections.abc import Callable
from typing import Any

from starlette.responses import JSONResponse, Response

from lab.systems.call import Call
from lab.systems.jira.comments import by_id, with_edited, without
from lab.systems.jira.edits import comment_of
from lab.systems.jira.request import ISSUE, Ask
from lab.systems.jira.site import Json
from lab.systems.records import Record
from lab.systems.refusals import Refused
from lab.systems.system import PublicRoute

COMMENT_PAGE = 100
SERVICE_DESK = "/rest/servicedeskapi/request/{issue}/comment"


class CommentApi:
    """Each write is one save of the issue."""

    def routes(self, base: str) -> list[PublicRoute]:
        comments, properties = f"{base}/issue/{{issue}}/comment", f"{base}/issue/{{issue}}/properties"
        return [
            PublicRoute("GET", comments, "read", self.list_comments),
            PublicRoute("POST", comments, "write", self.add),
            PublicRoute("GET", f"{comments}/{{comment}}", "read", self.read),
            PublicRoute("PUT", f"{comments}/{{comment}}", "write", self.edit),
            PublicRoute("DELETE", f"{comments}/{{comment}}", "write", self.remove),
            PublicRoute("GET", properties, "read", self.property_keys),
            PublicRoute("GET", f"{properties}/{{property}}", "read", self.property),
            PublicRoute("PUT", f"{properties}/{{property}}", "write", self.set_property),
            PublicRoute("DELETE", f"{properties}/{{property}}", "write", self.remove_property),
        ]

    def service_desk_routes(self) -> list[PublicRoute]:
        return [PublicRoute("POST", SERVICE_DESK, "write", self.answer_request)]

    async def list_comments(self, call: Call) -> Response:
        ask = Ask(call)
        record = await call.read(ISSUE, ask.issue_id())
        return JSONResponse(ask.page(ask.shapes.comments(record), limit=COMMENT_PAGE, name="comments"))

    async def read(self, call: Call) -> Response:
        ask = Ask(call)
        record = await call.read(ISSUE, ask.issue_id())
        return JSONResponse(ask.shapes.comment(record, _comment(record, call.path["comment"])))

    async def add(self, call: Call) -> Response:
        ask = Ask(call)
        return await self._add(ask, comment_of(ask.shapes.codec, await call.json()))

    async def answer_request(self, call: Call) -> Response:
        body = await call.json()
        comment = comment_of(Ask(call).shapes.codec, body)
        return await self._add(Ask(call), comment | {"public": bool(body.get("public", True))})

    async def edit(self, call: Call) -> Response:
        ask, body = Ask(call), await call.json()
        comment_id = call.path["comment"]
        written = comment_of(ask.shapes.codec, body)
        stamp = call.system.clock.stamp(call.system.clock.true_time())

        def edited(issue: Record) -> Json:
            kept = _comment(issue, comment_id)
            # Visibility moves only where the request says so: a body alone keeps it.
            same = {} if "properties" in body else {name: kept[name] for name in ("properties", "public")}
            change = written | same
            return {
                "comments": with_edited(_comments(issue), comment_id, change, by=str(call.actor), stamp=stamp)
            }

        record = await _rewrite(ask, edited)
        return JSONResponse(ask.shapes.comment(record, _comment(record, comment_id)))

    async def remove(self, call: Call) -> Response:
        comment_id = call.path["comment"]

        def removed(issue: Record) -> Json:
            _comment(issue, comment_id)
            return {"comments": without(_comments(issue), comment_id)}

        await _rewrite(Ask(call), removed)
        return Response(status_code=204)

    async def property_keys(self, call: Call) -> Response:
        ask = Ask(call)
        record = await call.read(ISSUE, ask.issue_id())
        links = [{"self": _property_link(ask, record, key), "key": key} for key in _properties(record)]
        return JSONResponse({"keys": links})

    async def property(self, call: Call) -> Response:
        record, key = await call.read(ISSUE, Ask(call).issue_id()), call.path["property"]
        if key not in _properties(record):
            raise Refused("not_found", f"The property {key} does not exist.")
        return JSONResponse({"key": key, "value": _properties(record)[key]})

    async def set_property(self, call: Call) -> Response:
        ask, key, value = Ask(call), call.path["property"], await call.request.json()
        existed = key in _properties(ask.existing())
        await _rewrite(ask, lambda issue: {"properties": _properties(issue) | {key: value}})
        return Response(status_code=200 if existed else 201)

    async def remove_property(self, call: Call) -> Response:
        key = call.path["property"]

        def removed(issue: Record) -> Json:
            return {"properties": {name: kept for name, kept in _properties(issue).items() if name != key}}

        await _rewrite(Ask(call), removed)
        return Response(status_code=204)

    async def _add(self, ask: Ask, comment: Json) -> Response:
        record = await ask.call.update(ISSUE, ask.existing().id, {"comment": [comment]})
        return JSONResponse(ask.shapes.comment(record, _comments(record)[-1]), 201)


async def _rewrite(ask: Ask, values: Callable[[Record], Json]) -> Record:
    """Save values that build on what stands on the issue at that moment."""
    before = ask.existing()
    return await ask.call.update(ISSUE, before.id, values(before), recompute=values)


def _comments(record: Record) -> list[Json]:
    return record.fields.get("comments") or []


def _properties(record: Record) -> dict[str, Any]:
    return record.fields.get("properties") or {}


def _property_link(ask: Ask, record: Record, key: str) -> str:
    return ask.site.link(f"issue/{record.id}/properties/{key}")


def _comment(record: Record, comment_id: str) -> Json:
    found = by_id(_comments(record), comment_id)
    if found is None:
        raise Refused("not_found", f"Can not find a comment for the id: {comment_id}.")
    return found
