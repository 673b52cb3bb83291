"""Many issues at once: JQL over the index, bulk reads by id, bulk changelogs."""

import base64
import binascii
import json
from typing import Any

from starlette.responses import JSONResponse, Response

from lab.systems.call import Call
from lab.systems.jira import jql
from lab.systems.jira.changelog import Changelog
from lab.systems.jira.request import ISSUE, Ask
from lab.systems.jira.shapes import kept_value, wanted_fields
from lab.systems.jira.site import Json
from lab.systems.records import Record
from lab.systems.refusals import Refused
from lab.systems.system import PublicRoute

PAGE = 50
LARGEST_PAGE = 5000
LARGEST_FETCH = 100


class SearchApi:
    """The handlers. The index lags by the setting `search_lag`; `reconcileIssues` and bulk reads don't."""

    def routes(self, base: str) -> list[PublicRoute]:
        return [
            PublicRoute("GET", f"{base}/search/jql", "search", self.search),
            PublicRoute("POST", f"{base}/search/jql", "search", self.search),
            PublicRoute("POST", f"{base}/search/approximate-count", "search", self.count),
            PublicRoute("POST", f"{base}/issue/bulkfetch", "read", self.fetch),
            PublicRoute("POST", f"{base}/changelog/bulkfetch", "history", self.changelogs),
        ]

    async def search(self, call: Call) -> Response:
        ask, body = Ask(call), await self._asked(call)
        found = await self._found(ask, str(body.get("jql") or ""), body.get("reconcileIssues") or [])
        start = _start(body.get("nextPageToken"))
        size = min(int(body.get("maxResults") or PAGE), LARGEST_PAGE)
        wanted = wanted_fields(body.get("fields"), default="id")
        answer: Json = {
            "issues": [_shape(ask, record, wanted, body) for record in found[start : start + size]],
            "isLast": start + size >= len(found),
        }
        if not answer["isLast"]:
            answer["nextPageToken"] = _token(start + size)
        return JSONResponse(answer)

    async def count(self, call: Call) -> Response:
        found = await self._found(Ask(call), str((await call.json()).get("jql") or ""), [])
        return JSONResponse({"count": len(found)})

    async def fetch(self, call: Call) -> Response:
        ask, body = Ask(call), await call.json()
        asked = [str(one) for one in body.get("issueIdsOrKeys") or []]
        if len(asked) > LARGEST_FETCH:
            raise Refused("malformed", f"At most {LARGEST_FETCH} issues can be fetched at once.")
        ids = {ask.issue_id(one): one for one in asked}
        records = await call.read_many(ISSUE, list(ids))
        wanted = wanted_fields(body.get("fields"), default="*navigable")
        issues = [ask.shapes.issue(record, wanted, body.get("properties")) for record in records]
        if "changelog" in (body.get("expand") or []):
            log, history = Changelog(ask.shapes), call.system.records.history
            for issue, record in zip(issues, records, strict=True):
                issue["changelog"] = log.expanded(history(ISSUE, record.id), record)
        missing = [
            asked for issue_id, asked in ids.items() if issue_id not in {record.id for record in records}
        ]
        return JSONResponse({"issues": issues, "issueErrors": [{"id": one} for one in missing]})

    async def changelogs(self, call: Call) -> Response:
        ask, body = Ask(call), await call.json()
        ids = [ask.issue_id(str(one)) for one in body.get("issueIdsOrKeys") or []]
        records = await call.read_many(ISSUE, ids)
        wanted = set(body.get("fieldIds") or [])
        return JSONResponse({"issueChangeLogs": [self._changelog(ask, record, wanted) for record in records]})

    async def _asked(self, call: Call) -> Json:
        if call.request.method == "POST":
            return await call.json()
        ask, parameters = Ask(call), call.request.query_params
        return {
            **parameters,
            "fields": parameters.getlist("fields"),
            "properties": ask.list_of("properties"),
            "reconcileIssues": ask.list_of("reconcileIssues"),
        }

    async def _found(self, ask: Ask, text: str, reconcile: list[Any]) -> list[Record]:
        query = self._query(ask, text)
        records = {record.id: record for record in await ask.call.search(ISSUE)}
        for issue_id in map(str, reconcile):
            head = ask.call.system.records.head(ISSUE, issue_id)
            records.pop(issue_id, None)
            if head is not None and not head.deleted:
                records[issue_id] = head
        assert query.test is not None
        found = [record for record in records.values() if query.test(row_of(record))]
        return jql.sort(query, found, row_of)

    def _query(self, ask: Ask, text: str) -> jql.Query:
        try:
            query = jql.parse(text, vocabulary(ask))
        except jql.JqlError as error:
            raise Refused("malformed", str(error)) from error
        if query.test is None:
            raise Refused(
                "malformed",
                "Unbounded JQL queries are not allowed here. Please add a search restriction to your query.",
            )
        return query

    def _changelog(self, ask: Ask, record: Record, wanted: set[str]) -> Json:
        log, histories = Changelog(ask.shapes), []
        for save in ask.call.system.records.history(ISSUE, record.id):
            entry = log.entry(save)
            if entry is None:
                continue
            entry["items"] = [item for item in entry["items"] if not wanted or item["fieldId"] in wanted]
            entry["created"] = int(
                (save.record.modified_at or save.at) * 1000
            )  # a number here, text elsewhere
            if entry["items"]:
                histories.append(entry)
        return {"issueId": record.id, "changeHistories": histories}


def _shape(ask: Ask, record: Record, wanted: list[str], body: Json) -> Json:
    if wanted == ["id"]:
        return {"id": record.id}
    return ask.shapes.issue(record, wanted, body.get("properties"))


def row_of(record: Record) -> jql.Row:
    """An issue as JQL sees it."""
    times = {"created": record.created_at, "updated": record.modified_at}

    def value(name: str) -> Any:
        match name:
            case "id":
                return record.id
            case "key":
                return record.key
            case "created" | "updated":
                return times[name]
        return kept_value(record, name)

    return value


def vocabulary(ask: Ask) -> jql.Vocabulary:
    settings = ask.settings
    me = settings.people.get(settings.account_id)
    return jql.Vocabulary(
        custom_ids={field.name.casefold(): name for name, field in settings.custom_fields.items()},
        names={
            "project": list(settings.projects),
            "status": [status.name for status in settings.way.statuses],
            "priority": list(settings.priorities),
            "issuetype": list(settings.issue_types),
            "resolution": list(settings.resolutions),
        },
        time_zone=me.time_zone if me else "UTC",
        now=ask.call.system.clock.true_time(),
    )


def _token(start: int) -> str:
    return base64.urlsafe_b64encode(json.dumps({"start": start}).encode()).decode()


def _start(token: str | None) -> int:
    if not token:
        return 0
    try:
        return int(json.loads(base64.urlsafe_b64decode(token))["start"])
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise Refused("malformed", "The nextPageToken is not valid.") from error
