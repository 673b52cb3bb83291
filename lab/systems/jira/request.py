"""What every handler needs of one request: the version of the API, the issue it names, flags and pages."""

from dataclasses import dataclass
from typing import Any

from lab.systems.call import Call
from lab.systems.jira.settings import JiraSettings
from lab.systems.jira.shapes import Shapes
from lab.systems.jira.site import Json, Site
from lab.systems.records import Record
from lab.systems.refusals import Refused

ISSUE = "issue"
"""The record type of every issue, whatever its issue type."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A request in Jira's words."""

    call: Call

    @property
    def settings(self) -> JiraSettings:
        settings = self.call.system.switches.now
        assert isinstance(settings, JiraSettings)
        return settings

    @property
    def site(self) -> Site:
        version = "3" if "/rest/api/3/" in self.call.request.url.path else "2"
        return Site(self.settings, self.call.system.url, version)

    @property
    def shapes(self) -> Shapes:
        return Shapes(self.site)

    def issue_id(self, id_or_key: str | None = None) -> str:
        """The id behind an id or a key, also one that the issue bore before it moved; of the path, unless given."""
        asked = id_or_key or self.call.path["issue"]
        if asked.isdecimal():
            return asked
        found = self.call.system.records.by_key(ISSUE, asked.upper())
        return found.id if found else asked

    def existing(self) -> Record:
        """The issue of the path, without a trace in the journal; for checks that come before a write.

        Raises:
            Refused: `not_found`.
        """
        record = self.call.system.records.head(ISSUE, self.issue_id())
        if record is None or record.deleted:
            raise Refused("not_found", "")
        return record

    def flag(self, name: str) -> bool:
        return self.call.request.query_params.get(name, "").lower() == "true"

    def list_of(self, name: str) -> list[str]:
        """A parameter that may be repeated or comma-separated."""
        given = self.call.request.query_params.getlist(name)
        return [part.strip() for value in given for part in value.split(",") if part.strip()]

    def number(self, name: str, default: int) -> int:
        """A numeric parameter.

        Raises:
            Refused: `malformed`, if it is no number.
        """
        given = self.call.request.query_params.get(name)
        try:
            return default if given is None else int(given)
        except ValueError as error:
            raise Refused("malformed", f"{name} is no number") from error

    def page(self, rows: list[Any], *, limit: int, name: str) -> Json:
        """`startAt` and `maxResults` applied, in the shape of Jira's older pages."""
        start, size = self.number("startAt", 0), min(self.number("maxResults", limit), limit)
        return {"startAt": start, "maxResults": size, "total": len(rows), name: rows[start : start + size]}
