"""The calls that concern issues, and the shapes of their bodies.

The tests hold every request against Atlassian's OpenAPI description.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field, JsonValue

from connectors.http import HttpConnection, Reply, path_of
from connectors.jira.changelog import Entry, history_metadata
from connectors.jira.hits import HitPage
from connectors.jira.issues import FIELDS, PROPERTY, IssueBody, IssueList
from connectors.jira.site import API
from connectors.jira.transitions import Status, Transition, TransitionList
from connectors.refusals import Aim
from domain.records import RecordRef

BATCH = 100
"""Issues per bulkfetch, and entries per page of the history: the most that Jira takes."""
SEARCH = "/rest/api/3/search/jql"


class Created(BaseModel):
    id: str


class StatusField(BaseModel):
    status: Status


class Standing(BaseModel):
    """An issue of which only the status was asked for."""

    fields: StatusField


class EntryPage(BaseModel):
    values: list[Entry] = Field(default_factory=list)
    is_last: bool = Field(default=True, alias="isLast")


@dataclass(frozen=True, slots=True)
class IssueApi:
    """One connection's calls."""

    http: HttpConnection

    async def get(self, ref: RecordRef) -> IssueBody:
        params = {"fields": ",".join(FIELDS), "properties": PROPERTY, "expand": "changelog"}
        reply = await self.http.call("GET", issue_path(ref), aim=Aim.READ, ref=ref, params=params)
        return reply.read_as(IssueBody)

    async def get_many(self, ids: Sequence[str]) -> list[IssueBody]:
        """What can be seen of these issues; never from the index."""
        batches = [ids[start : start + BATCH] for start in range(0, len(ids), BATCH)]
        return [body for batch in batches for body in await self._bulk_fetch(batch)]

    async def search(
        self,
        query: str,
        fields: Sequence[str],
        *,
        limit: int,
        page: str | None = None,
        fresh: Sequence[str] = (),
    ) -> HitPage:
        """One page of the index.

        Args:
            query: JQL.
            fields: To show of each issue.
            limit: Issues at most.
            page: The token of the page before.
            fresh: Up to 50 issues by id, which are judged as they are now, not as the index knows them.

        Raises:
            ConfigError: The query is refused.
        """
        body: dict[str, Any] = {"jql": query, "fields": list(fields), "maxResults": limit}
        body |= {"nextPageToken": page} if page is not None else {}
        body |= {"reconcileIssues": [int(issue) for issue in fresh]} if fresh else {}
        reply = await self.http.call("POST", SEARCH, aim=Aim.QUERY, body=body)
        return reply.read_as(HitPage)

    async def create(self, fields: Mapping[str, JsonValue], marker: str) -> str:
        """The id of the new issue."""
        body = {"fields": dict(fields), "properties": [marker_property(marker)]}
        reply = await self.http.call("POST", f"{API}/issue", aim=Aim.CREATE, body=body)
        return reply.read_as(Created).id

    async def edit(self, ref: RecordRef, body: Mapping[str, JsonValue], marker: str) -> Reply:
        """Edit the issue; the answer shows it as it is then. Watchers get no mail, though a site's rules may send some."""
        params = {"returnIssue": "true", "notifyUsers": "false", "expand": "changelog"}
        body = {**body, "historyMetadata": history_metadata(marker)}
        return await self.http.call("PUT", issue_path(ref), aim=Aim.WRITE, ref=ref, params=params, body=body)

    async def status(self, ref: RecordRef) -> str:
        """The name of the status that the issue stands in."""
        reply = await self.http.call(
            "GET", issue_path(ref), aim=Aim.READ, ref=ref, params={"fields": "status"}
        )
        return reply.read_as(Standing).fields.status.name

    async def transitions(self, ref: RecordRef) -> list[Transition]:
        """What the issue may take now, with the fields of each screen."""
        params = {"expand": "transitions.fields"}
        reply = await self.http.call("GET", transitions_path(ref), aim=Aim.READ, ref=ref, params=params)
        return reply.read_as(TransitionList).transitions

    async def transit(
        self, ref: RecordRef, transition: str, fields: Mapping[str, JsonValue], marker: str
    ) -> None:
        """Take a transition. There is no way to keep watchers' mails back here."""
        body = {"transition": {"id": transition}, "historyMetadata": history_metadata(marker)}
        body |= {"fields": dict(fields)} if fields else {}
        await self.http.call("POST", transitions_path(ref), aim=Aim.WRITE, ref=ref, body=body)

    async def delete(self, ref: RecordRef) -> None:
        await self.http.call("DELETE", issue_path(ref), aim=Aim.WRITE, ref=ref)

    async def entries_after(self, ref: RecordRef, known: int) -> list[Entry]:
        """The saves that came after this entry of the history; all, if it is 0."""
        entries: Iterable[Entry] = await self._recent_entries(ref) if known else []
        if not any(entry.id <= known for entry in entries):
            entries = await self._all_entries(ref)
        return [entry for entry in entries if entry.id > known]

    async def _bulk_fetch(self, ids: Sequence[str]) -> list[IssueBody]:
        body = {
            "issueIdsOrKeys": list(ids),
            "fields": list(FIELDS),
            "properties": [PROPERTY],
            "expand": ["changelog"],
        }
        reply = await self.http.call("POST", f"{API}/issue/bulkfetch", aim=Aim.QUERY, body=body)
        return reply.read_as(IssueList).issues

    async def _recent_entries(self, ref: RecordRef) -> Sequence[Entry]:
        params = {"fields": "updated", "expand": "changelog"}
        reply = await self.http.call("GET", issue_path(ref), aim=Aim.READ, ref=ref, params=params)
        return reply.read_as(IssueBody).changelog.entries

    async def _all_entries(self, ref: RecordRef) -> list[Entry]:
        entries: list[Entry] = []
        while True:
            page = await self._entry_page(ref, start=len(entries))
            entries += page.values
            if page.is_last or not page.values:
                return entries

    async def _entry_page(self, ref: RecordRef, start: int) -> EntryPage:
        params = {"startAt": start, "maxResults": BATCH}
        path = f"{issue_path(ref)}/changelog"
        reply = await self.http.call("GET", path, aim=Aim.READ, ref=ref, params=params)
        return reply.read_as(EntryPage)


def issue_path(ref: RecordRef) -> str:
    return f"{API}{path_of('issue', ref.id)}"


def transitions_path(ref: RecordRef) -> str:
    return f"{issue_path(ref)}/transitions"


def marker_property(marker: str) -> dict[str, JsonValue]:
    """The issue property that carries the marker."""
    return {"key": PROPERTY, "value": {"marker": marker}}
