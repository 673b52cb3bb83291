"""Jira Cloud.

What it can promise: Jira has neither a version nor a precondition, but its change history tells every save of every
field, and a read carries the newest part of it. So each read knows exactly which saves it shows, and the answer to a
write is claimed as that write's own only if no other save stands above it. A deletion shows by webhook alone: to an
account, a deleted issue and a forbidden one look the same.

The correlation marker travels inside the create as an issue property, which JQL can't search, *and* as the marker
field or label, which it can. A record type is the name of an issue type; a record's id is the issue's number, which
stays when a move changes its key.

Source: Jira Cloud REST API (swagger-v3) and developer.atlassian.com, read 2026-11.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from pydantic import JsonValue

from connectors.base import ChangePage, ClockReading, Connector, WriteResult
from connectors.cursors import open_cursor, seal_cursor
from connectors.gate import Gate
from connectors.http import HttpConnection, Reply, open_http
from connectors.jira import jql, webhook
from connectors.jira.changelog import Reader
from connectors.jira.dialect import JIRA
from connectors.jira.fields import Catalogue, edit_verbs, find_info, is_text_set, shaped
from connectors.jira.issue_api import BATCH, IssueApi, marker_property, transitions_path
from connectors.jira.issues import Issue, IssueBody, IssueParser, entry_in
from connectors.jira.marking import Marking
from connectors.jira.polling import Round, read_round
from connectors.jira.settings import JiraSettings
from connectors.jira.site import API, Site
from connectors.jira.subscriptions import JiraSubscriptions, webhook_steps
from connectors.jira.values import AllowedValues
from connectors.jira.walk import STATUS, Walker, errand_of
from connectors.refusals import Aim
from connectors.settings import read_settings
from domain.description import Description
from domain.errors import RecordRejected
from domain.records import ChangeNotice, FieldVersion, RecordRef, Snapshot
from domain.values import same

CANDIDATES = 50
"""Issues that a search looks at beyond its limit: JQL matches text by words, and the index may be old."""
WITH_STATUS = ("resolution",)
"""Fields that most sites offer on the screen of a transition only."""


class JiraConnector(Connector):
    """One account on one site."""

    system = "Jira"

    def __init__(self, connection: str, settings: JiraSettings, http: HttpConnection) -> None:
        super().__init__(connection, settings.capabilities())
        self.settings = settings
        self.http = http
        self.api = IssueApi(http)
        self.site = Site(http)
        self.allowed = AllowedValues(http, settings.project)
        self.walker = Walker(self.api, self.allowed, settings.transition_fields)
        self.marking = Marking(settings.marker_field, settings.correlation_label)

    # ------------------------------------------------------------------------------------------------- reading
    async def read(self, ref: RecordRef) -> Snapshot:
        return (await self._issue(ref)).snapshot

    async def read_many(self, refs: Sequence[RecordRef]) -> dict[str, Snapshot]:
        types = {ref.id: ref.record_type for ref in refs}
        bodies = await self.api.get_many(list(types))
        parser = await self._parser()
        return {body.id: parser.parse(body, types[body.id]).snapshot for body in bodies if body.id in types}

    async def find(
        self, record_type: str, equals: Mapping[str, JsonValue], *, scope: str | None = None, limit: int = 10
    ) -> list[Snapshot]:
        found = await self._search(record_type, equals, scope, limit + CANDIDATES)
        fitting = [s for s in found if all(same(s.value(n), value) for n, value in equals.items())]
        return fitting[:limit]

    async def find_marked(self, record_type: str, marker: str) -> list[Snapshot]:
        """Searches the marker field, or the correlation label; the issue property can't be searched."""
        found = await self._search(record_type, self.marking.as_fields(marker), None, BATCH)
        return [snapshot for snapshot in found if snapshot.marker == marker]

    def lies_within(self, snapshot: Snapshot, scope: str) -> bool | None:
        return jql.names_project_of(scope, snapshot.key)

    async def is_in_scope(self, snapshot: Snapshot, scope: str) -> bool:
        if (told := self.lies_within(snapshot, scope)) is not None:
            return told
        issue = snapshot.ref
        query = jql.both([*jql.of_type(issue.record_type, scope), f"id = {int(issue.id)}"])
        return bool((await self.api.search(query, ["id"], limit=1, fresh=[issue.id])).issues)

    async def list_changes(
        self, record_type: str, *, scope: str | None, cursor: str | None, limit: int = 100
    ) -> ChangePage:
        """One page; see `polling.py`."""
        query = {"record_type": record_type, "scope": scope}
        now = read_round(open_cursor(cursor, query)) if cursor else Round()
        page = await self.api.search(now.query(record_type, scope), ["updated"], limit=limit, page=now.page)
        reached = now.after(page.issues, page.following, self._system_time())
        notices = [self._notice(record_type, issue) for issue in now.news(page.issues)]
        position = reached if page.following else reached.next_round(self.settings.look_back)
        return ChangePage(notices, seal_cursor(query, position.as_json()), more=page.following is not None)

    async def history(self, ref: RecordRef, since: Snapshot | None = None) -> list[FieldVersion]:
        entries = await self.api.entries_after(ref, entry_in(since.version) if since else 0)
        return (await self._reader()).versions(entries)

    async def allowed_values(self, ref: RecordRef | str, field: str) -> list[JsonValue] | None:
        return await self.allowed.ask(ref, field)

    async def describe(self, record_type: str, listed: Collection[str]) -> Description:
        """The site's fields are one list; which of them can be set is told by the create screen of the configured project."""
        return await self.allowed.describe(record_type, await self.site.catalogue_now(), listed)

    # ------------------------------------------------------------------------------------------------- writing
    async def create(
        self, record_type: str, fields: Mapping[str, JsonValue], *, marker: str, scope: str | None = None
    ) -> Snapshot:
        """Create the issue, then walk it to the status asked for.

        A status that can't be reached is no failure of the create: the snapshot shows where the issue stands.
        """
        del scope
        shapes = await self._shaped(self._new_fields(record_type, fields, marker))
        ref = self._ref(record_type, await self.api.create(shapes, marker))
        issue = await self.read(ref)
        if STATUS not in fields or same(issue.value(STATUS), fields[STATUS]):
            return issue
        with contextlib.suppress(RecordRejected):
            await self._walk(issue, {STATUS: fields[STATUS]}, marker)
        return await self.read(ref)

    async def update(
        self, expected: Snapshot, fields: Mapping[str, JsonValue], *, marker: str
    ) -> WriteResult:
        if STATUS in fields:
            await self._walk(expected, fields, marker)
            issue = await self._issue(expected.ref)
            return await self._result(
                expected, issue, marker, {"method": "POST", "path": transitions_path(expected.ref)}
            )
        reply = await self.api.edit(expected.ref, await self._edit(expected, fields), marker)
        issue = await self._issue_in(reply, expected.ref)
        return await self._result(expected, issue, marker, {"method": "PUT", "path": reply.call.path})

    def parts(self, fields: Mapping[str, JsonValue]) -> list[dict[str, JsonValue]]:
        """Normal fields first, then the transition with what belongs on its screen."""
        screen = (STATUS, *WITH_STATUS) if STATUS in fields else ()
        normal = {name: value for name, value in fields.items() if name not in screen}
        moved = {name: fields[name] for name in screen if name in fields}
        return [part for part in (normal, moved) if part]

    async def delete(self, expected: Snapshot) -> None:
        await self.api.delete(expected.ref)

    async def set_marker(self, ref: RecordRef, marker: str) -> None:
        properties: list[JsonValue] = [marker_property(marker)]
        await self.api.edit(ref, {**self.marking.as_edit(marker), "properties": properties}, marker)

    # ------------------------------------------------------------------------------------------------- hearing
    def verify_webhook(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> bool:
        del now  # Jira signs no time: a replay is told by its delivery id.
        return webhook.verify(headers, body, self.settings.webhook_secrets)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> list[ChangeNotice]:
        return webhook.parse(self.connection, headers, body, now)

    @property
    def subscriptions(self) -> JiraSubscriptions | None:
        return JiraSubscriptions(self.http, self.settings.project) if self.settings.webhooks_by_api else None

    def webhook_steps(self, url: str) -> tuple[str, ...]:
        return webhook_steps(url, self.settings.project)

    # ---------------------------------------------------------------------------------------------- connection
    @property
    def clock(self) -> ClockReading | None:
        return self.http.clock.best

    def guard(self, gate: Gate) -> None:
        self.http.gate = gate

    async def probe(self) -> ClockReading:
        await self.http.call("GET", f"{API}/myself", aim=Aim.PROBE)
        return self.http.reading()

    async def aclose(self) -> None:
        await self.http.aclose()

    # ------------------------------------------------------------------------------------------ reading, within
    async def _reader(self) -> Reader:
        hidden = None if self.marking.field else self.marking.label_prefix
        return Reader(await self.site.catalogue(), await self.site.account(), hidden)

    async def _parser(self) -> IssueParser:
        return IssueParser(self.connection, self.settings.url, await self._reader(), self.marking.field)

    async def _issue(self, ref: RecordRef) -> Issue:
        body = await self.api.get(ref)
        return (await self._parser()).parse(body, ref.record_type)

    async def _search(
        self, record_type: str, equals: Mapping[str, JsonValue], scope: str | None, limit: int
    ) -> list[Snapshot]:
        """The issues that the index names, as they are now."""
        catalogue = await self.site.catalogue(equals)
        clauses = [jql.clause(find_info(catalogue, name), value) for name, value in equals.items()]
        query = jql.both([*jql.of_type(record_type, scope), *clauses])
        page = await self.api.search(query, ["id"], limit=limit)
        found = await self.read_many([self._ref(record_type, issue.id) for issue in page.issues])
        return [found[issue.id] for issue in page.issues if issue.id in found]

    def _notice(self, record_type: str, issue: str) -> ChangeNotice:
        return ChangeNotice(ref=self._ref(record_type, issue), source="poll", observed_at=datetime.now(UTC))

    def _ref(self, record_type: str, issue: str) -> RecordRef:
        return RecordRef(connection=self.connection, record_type=record_type, id=issue)

    def _system_time(self) -> datetime:
        return datetime.now(UTC) + (self.clock.offset if self.clock else timedelta(0))

    # ------------------------------------------------------------------------------------------ writing, within
    def _new_fields(
        self, record_type: str, fields: Mapping[str, JsonValue], marker: str
    ) -> dict[str, JsonValue]:
        given = {n: value for n, value in fields.items() if n != STATUS and value is not None}
        place = {"project": self.settings.project} if self.settings.project else {}
        return self.marking.added_to({**place, **given, "issuetype": record_type}, marker)

    async def _edit(self, expected: Snapshot, fields: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """Sets of words by adding and removing, everything else by setting."""
        catalogue = await self.site.catalogue(fields)
        words = {n for n in fields if is_text_set(find_info(catalogue, n).schema_)}
        verbs: dict[str, JsonValue] = {n: edit_verbs(fields[n], expected.fields.get(n)) for n in words}
        return {
            "fields": await self._shaped({n: v for n, v in fields.items() if n not in words}),
            "update": verbs,
        }

    async def _shaped(self, fields: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        catalogue: Catalogue = await self.site.catalogue(fields)
        return {n: shaped(n, value, find_info(catalogue, n).schema_) for n, value in fields.items()}

    async def _walk(self, issue: Snapshot, fields: Mapping[str, JsonValue], marker: str) -> None:
        await self.walker.walk(errand_of(issue, fields, marker))

    async def _issue_in(self, reply: Reply, ref: RecordRef) -> Issue:
        """The issue in a write's answer, or a fresh read where the answer holds none with its history."""
        if reply.body is None:
            return await self._issue(ref)
        issue = (await self._parser()).parse(reply.read_as(IssueBody), ref.record_type)
        return issue if issue.entries else await self._issue(ref)

    async def _result(
        self, expected: Snapshot, issue: Issue, marker: str, request: Mapping[str, JsonValue]
    ) -> WriteResult:
        """What the write left: claimed only if no save by others stands above it."""
        account = await self.site.account()
        claimed = issue.shows_write(marker, account, since=entry_in(expected.version))
        return WriteResult(
            version=issue.snapshot.version,
            fields=issue.snapshot.fields if claimed else None,
            modified_at=issue.snapshot.modified_at,
            request=request,
        )


def build(
    name: str, settings: Mapping[str, Any], *, transport: httpx.AsyncBaseTransport | None = None
) -> JiraConnector:
    """Open a connection to a Jira site; sends nothing.

    Raises:
        ConfigError: A setting is wrong or missing.
    """
    config = read_settings(JiraSettings, name, settings)
    token = config.token.get_secret_value()
    auth = httpx.BasicAuth(config.email, token) if config.email else None
    headers = {} if auth else {"Authorization": f"Bearer {token}"}
    http = open_http(JIRA, config, auth=auth, headers=headers, secrets=[token], transport=transport)
    return JiraConnector(name, config, http)
