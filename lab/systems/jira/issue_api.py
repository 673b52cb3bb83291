"""Issues by id or key: read, create, edit, delete, walk through the workflow, look at the changelog."""

import asyncio
import json
import math

from starlette.responses import JSONResponse, Response

from lab.systems.call import Call
from lab.systems.jira.changelog import Changelog
from lab.systems.jira.edits import Editing
from lab.systems.jira.limits import WriteLimit
from lab.systems.jira.request import ISSUE, Ask
from lab.systems.jira.settings import JiraSettings
from lab.systems.jira.shapes import wanted_fields
from lab.systems.jira.site import Json
from lab.systems.jira.workflow import Transition
from lab.systems.records import Record
from lab.systems.refusals import Refused
from lab.systems.system import PublicRoute, System

CHANGELOG_PAGE = 100


class IssueApi:
    """The handlers; `base` is `/rest/api/2` or `/rest/api/3`."""

    def __init__(self, system: System[JiraSettings]) -> None:
        self._system = system
        self._writes = WriteLimit()
        self._in_transition: set[str] = set()

    def routes(self, base: str) -> list[PublicRoute]:
        issue = f"{base}/issue/{{issue}}"
        return [
            PublicRoute("POST", f"{base}/issue", "create", self.create),
            PublicRoute("GET", issue, "read", self.read),
            PublicRoute("PUT", issue, "write", self.edit),
            PublicRoute("DELETE", issue, "delete", self.delete),
            PublicRoute("GET", f"{issue}/transitions", "meta", self.transitions),
            PublicRoute("POST", f"{issue}/transitions", "write", self.transition),
            PublicRoute("GET", f"{issue}/changelog", "history", self.changelog),
        ]

    async def read(self, call: Call) -> Response:
        ask = Ask(call)
        record = await call.read(ISSUE, ask.issue_id())
        return JSONResponse(self._shape(ask, record))

    async def create(self, call: Call) -> Response:
        ask, body = Ask(call), await call.json()
        fields = dict(body.get("fields") or {})
        project = _project(ask, fields.pop("project", None))
        values = self._editing(ask).values(body | {"fields": fields}, {})
        if "summary" not in values:
            raise Refused(
                "invalid_value", "You must specify a summary of the issue.", field="summary", status=400
            )
        for name in ask.settings.required_fields:
            if not values.get(name):
                raise Refused("invalid_value", f"{name} is required.", field=name, status=400)
        record = await call.create(ISSUE, values | {"project": project}, marker=_metadata(body))
        return JSONResponse(ask.shapes.head(record), 201)

    async def edit(self, call: Call) -> Response:
        ask, body = Ask(call), await call.json()
        before = ask.existing()
        self._count_write(before.id)
        editing = self._editing(ask)
        record = await call.update(
            ISSUE,
            before.id,
            editing.values(body, before.fields),
            marker=_metadata(body),
            recompute=lambda found: editing.values(body, found.fields),
        )
        return (
            JSONResponse(self._shape(ask, record)) if ask.flag("returnIssue") else Response(status_code=204)
        )

    async def delete(self, call: Call) -> Response:
        await call.delete(ISSUE, Ask(call).issue_id())
        return Response(status_code=204)

    async def transitions(self, call: Call) -> Response:
        ask = Ask(call)
        record = await call.read(ISSUE, ask.issue_id())
        with_fields = "transitions.fields" in ask.list_of("expand")
        found = [
            self._transition_shape(ask, transition, with_fields=with_fields)
            for transition in ask.settings.way.open_from(record.fields["status"])
        ]
        return JSONResponse({"expand": "transitions", "transitions": found})

    async def transition(self, call: Call) -> Response:
        ask, body = Ask(call), await call.json()
        before = ask.existing()
        self._count_write(before.id)
        step = self._step(ask, before, body)
        values = self._screen(ask, step).values(body, before.fields)
        _require(step, values)
        await self._alone(before.id, ask.settings.transition_seconds)
        await call.update(ISSUE, before.id, values | {"status": step.to}, marker=_metadata(body))
        return Response(status_code=204)

    async def changelog(self, call: Call) -> Response:
        ask = Ask(call)
        saves = await call.history(ISSUE, ask.issue_id())
        page = ask.page(Changelog(ask.shapes).entries(saves), limit=CHANGELOG_PAGE, name="values")
        is_last = page["startAt"] + page["maxResults"] >= page["total"]
        return JSONResponse({"self": f"{self._system.url}{call.request.url.path}", "isLast": is_last, **page})

    def _shape(self, ask: Ask, record: Record) -> Json:
        wanted = wanted_fields(ask.call.request.query_params.getlist("fields"), default="*all")
        shape = ask.shapes.issue(record, wanted, ask.list_of("properties"))
        if "changelog" in ask.list_of("expand"):
            saves = self._system.records.history(ISSUE, record.id)
            shape["changelog"] = Changelog(ask.shapes).expanded(saves, record)
        return shape

    def _editing(self, ask: Ask) -> Editing:
        fields = ask.shapes.fields
        on_screen = {name for name, field in fields.items() if field.editable} - set(ask.settings.off_screen)
        return Editing(ask.shapes.codec, fields, on_screen)

    def _screen(self, ask: Ask, step: Transition) -> Editing:
        return Editing(ask.shapes.codec, ask.shapes.fields, step.screen)

    def _step(self, ask: Ask, record: Record, body: Json) -> Transition:
        asked = str((body.get("transition") or {}).get("id"))
        for transition in ask.settings.way.open_from(record.fields["status"]):
            if transition.id == asked:
                return transition
        raise Refused(
            "malformed",
            f"It seems that you have tried to perform an illegal workflow operation: transition {asked} "
            f"is not open from {record.fields['status']}.",
        )

    async def _alone(self, issue_id: str, seconds: float) -> None:
        """Hold the issue for as long as a transition takes.

        Raises:
            Refused: `stale` (409), if another transition holds it.
        """
        if issue_id in self._in_transition:
            raise Refused("stale", "The issue is being transitioned by another request.", status=409)
        if seconds:
            self._in_transition.add(issue_id)
            try:
                await asyncio.sleep(seconds)
            finally:
                self._in_transition.discard(issue_id)

    def _transition_shape(self, ask: Ask, transition: Transition, *, with_fields: bool) -> Json:
        shape = {
            "id": transition.id,
            "name": transition.name,
            "to": ask.site.status(transition.to),
            "hasScreen": bool(transition.screen),
            "isGlobal": not transition.sources,
            "isInitial": False,
            "isAvailable": True,
            "isConditional": False,
            "isLooped": False,
        }
        if not with_fields:
            return shape
        screen = [name for name in transition.screen if name != "comment"]
        fields = {name: field_meta(ask, name, required=name in transition.required) for name in screen}
        return shape | {"fields": fields}

    def _count_write(self, issue_id: str) -> None:
        wait = self._writes.take(issue_id) if self._system.switches.now.limits_writes_per_issue else 0
        if wait:
            headers = {"retry-after": str(math.ceil(wait)), "ratelimit-reason": "jira-per-issue-on-write"}
            raise Refused("rate_limited", "Too many writes to this issue.", headers=headers)


def field_meta(ask: Ask, name: str, *, required: bool) -> Json:
    """A field as createmeta, editmeta and transition screens describe it."""
    field = ask.shapes.fields[name]
    meta = {
        "required": required,
        "schema": schema_of(ask, name),
        "name": field.name,
        "key": name,
        "hasDefaultValue": name == "priority",
        "operations": ["add", "set", "remove"]
        if field.kind in {"labels", "options", "components"}
        else ["set"],
    }
    choices = ask.shapes.codec.choices(field)
    return meta | ({"allowedValues": choices} if choices else {})


_TYPES = {
    "summary": "string", "text": "string", "textarea": "string", "comments": "comments-page", "labels": "array",
    "options": "array", "components": "array",
}  # fmt: skip
_ITEMS = {"labels": "string", "options": "option", "components": "component"}
_CUSTOM_TYPES = {
    "text": "textfield", "textarea": "textarea", "number": "float", "date": "datepicker", "datetime": "datetime",
    "option": "select", "options": "multiselect", "labels": "labels", "user": "userpicker",
}  # fmt: skip


def schema_of(ask: Ask, name: str) -> Json:
    """The JSON type of a field."""
    field = ask.shapes.fields[name]
    schema: Json = {"type": _TYPES.get(field.kind, field.kind)}
    if field.kind in _ITEMS:
        schema["items"] = _ITEMS[field.kind]
    if not field.is_custom:
        return schema | {"system": name}
    custom = f"com.atlassian.jira.plugin.system.customfieldtypes:{_CUSTOM_TYPES[field.kind]}"
    return schema | {"custom": custom, "customId": int(name.removeprefix("customfield_"))}


def _project(ask: Ask, given: Json | None) -> str:
    for project in ask.site.projects():
        if given and (given.get("key") == project["key"] or given.get("id") == project["id"]):
            return str(project["key"])
    raise Refused("invalid_value", "valid project is required", field="project", status=400)


def _metadata(body: Json) -> str | None:
    given = body.get("historyMetadata")
    return json.dumps(given) if given else None


def _require(step: Transition, values: Json) -> None:
    for name in step.required:
        if not values.get(name):
            raise Refused("refused_field", f"{name.title()} is required.", field=name)
