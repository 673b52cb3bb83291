"""The calls of one connection to PagerDuty, and what it learns once.

The tests hold every request against a description of the API.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, Field, JsonValue

from connectors.http import HttpConnection, path_of
from connectors.pagerduty.incidents import (
    CustomValues,
    Incident,
    IncidentAnswer,
    IncidentPage,
    Reference,
)
from connectors.pagerduty.log import LogEntry, LogPage
from connectors.refusals import Aim
from domain.errors import ConfigError
from domain.records import RecordRef

PAGE = 100
"""The most that any list gives at once."""
REACH = 10_000
"""The furthest that `offset + limit` may point."""


class User(BaseModel):
    id: str
    email: str = ""


class Users(BaseModel):
    users: list[User]


class Priorities(BaseModel):
    priorities: list[Reference]


class Option(BaseModel):
    class Data(BaseModel):
        value: JsonValue = None

    data: Data


class CustomField(BaseModel):
    name: str
    label: str = Field(default="", alias="display_name")
    type: str = Field(default="", alias="data_type")
    kind: str = Field(default="", alias="field_type")
    options: list[Option] | None = Field(default=None, alias="field_options")

    def allowed(self) -> list[JsonValue] | None:
        """The options of a closed list; None if it takes anything."""
        if not self.kind.endswith("_fixed") or self.options is None:
            return None
        return [option.data.value for option in self.options]


class CustomFields(BaseModel):
    fields: list[CustomField]


@dataclass(slots=True)
class PagerDutyApi:
    """Safe to use from many tasks at once."""

    http: HttpConnection
    from_email: str
    _user: str | None = None
    _priorities: dict[str, str] = field(default_factory=dict)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    # ------------------------------------------------------------------------------------------------ incidents
    async def incident(self, ref: RecordRef) -> Incident:
        path, params = incident_path(ref), {"include[]": "body"}
        reply = await self.http.call("GET", path, aim=Aim.READ, ref=ref, params=params)
        return reply.read_as(IncidentAnswer).incident

    async def incidents(
        self, params: Mapping[str, Any], *, offset: int = 0, limit: int = PAGE
    ) -> IncidentPage:
        """One page of the list, in UTC."""
        query = {**params, "time_zone": "UTC", "offset": offset, "limit": within_reach(offset, limit)}
        reply = await self.http.call("GET", "/incidents", aim=Aim.QUERY, params=query)
        return reply.read_as(IncidentPage)

    async def create(self, incident: Mapping[str, JsonValue]) -> str:
        """The id of the new incident."""
        body = {"incident": {"type": "incident", **incident}}
        reply = await self.http.call("POST", "/incidents", aim=Aim.CREATE, body=body, headers=self._actor())
        return reply.read_as(IncidentAnswer).incident.id

    async def edit(self, ref: RecordRef, incident: Mapping[str, JsonValue]) -> Incident:
        """The incident as this edit left it."""
        body = {"incident": {"type": "incident_reference", **incident}}
        reply = await self.http.call(
            "PUT", incident_path(ref), aim=Aim.WRITE, ref=ref, body=body, headers=self._actor()
        )
        return reply.read_as(IncidentAnswer).incident

    # -------------------------------------------------------------------------------------------- custom fields
    async def custom_values(self, ref: RecordRef) -> dict[str, JsonValue]:
        """All custom fields of an incident, by name."""
        reply = await self.http.call("GET", custom_path(ref), aim=Aim.READ, ref=ref)
        return reply.read_as(CustomValues).by_name()

    async def set_custom_values(self, ref: RecordRef, values: Sequence[JsonValue]) -> dict[str, JsonValue]:
        """The fields as this write left them, by name."""
        reply = await self.http.call(
            "PUT",
            custom_path(ref),
            aim=Aim.WRITE,
            ref=ref,
            body={"custom_fields": list(values)},
            headers=self._actor(),
        )
        return reply.read_as(CustomValues).by_name()

    async def custom_fields(self) -> list[CustomField]:
        """The definitions, with the options of closed lists."""
        params = {"include[]": "field_options"}
        reply = await self.http.call("GET", "/incidents/custom_fields", aim=Aim.QUERY, params=params)
        return reply.read_as(CustomFields).fields

    # ------------------------------------------------------------------------------------------------------ log
    async def log(self, params: Mapping[str, Any], *, offset: int, limit: int) -> LogPage:
        """One page of the account's log, newest first."""
        query = {**params, **LOG_DETAIL, "offset": offset, "limit": within_reach(offset, limit)}
        reply = await self.http.call("GET", "/log_entries", aim=Aim.QUERY, params=query)
        return reply.read_as(LogPage)

    async def log_of(self, ref: RecordRef, since: str | None) -> list[LogEntry]:
        """The incident's entries from this time on (all, if None), oldest first."""
        bounds = {"since": since} if since else {}
        entries: list[LogEntry] = []
        more = True
        while more:
            page = await self._log_page(ref, bounds, offset=len(entries))
            entries += page.log_entries
            more = page.more and bool(page.log_entries)
        entries.reverse()  # Before sorting, which keeps the order of those within one second.
        return sorted(entries, key=lambda entry: entry.created_at)

    async def _log_page(self, ref: RecordRef, bounds: Mapping[str, str], offset: int) -> LogPage:
        query = {**bounds, **LOG_DETAIL, "offset": offset, "limit": within_reach(offset, PAGE)}
        path = f"{incident_path(ref)}/log_entries"
        reply = await self.http.call("GET", path, aim=Aim.READ, ref=ref, params=query)
        return reply.read_as(LogPage)

    # ------------------------------------------------------------------------------------------------ the account
    async def own_user(self) -> str:
        """The id of the user who stands as the actor of our writes.

        Raises:
            ConfigError: Nobody has the configured address.
        """
        async with self._lock:
            if self._user is None:
                self._user = await self.find_user(Aim.QUERY)
            return self._user

    async def find_user(self, aim: Aim) -> str:
        """The user with the configured address. The query matches loosely, so the address is compared here."""
        params = {"query": self.from_email, "limit": PAGE}
        reply = await self.http.call("GET", "/users", aim=aim, params=params)
        for user in reply.read_as(Users).users:
            if user.email.casefold() == self.from_email.casefold():
                return user.id
        raise ConfigError(f"PagerDuty knows no user {self.from_email}: set from_email to one of its users")

    async def priorities(self, needed: JsonValue = None) -> Mapping[str, str]:
        """Ids of the priorities by name, highest first; asked anew if the needed name isn't among those known."""
        async with self._lock:
            if not self._priorities or (needed is not None and needed not in self._priorities):
                self._priorities = await self._ask_priorities()
            return self._priorities

    async def priorities_now(self) -> Mapping[str, str]:
        """The same, asked anew: what nobody asks for by name may be gone."""
        async with self._lock:
            self._priorities = await self._ask_priorities()
            return self._priorities

    async def _ask_priorities(self) -> dict[str, str]:
        reply = await self.http.call("GET", "/priorities", aim=Aim.QUERY)
        return {priority.label: priority.id for priority in reply.read_as(Priorities).priorities}

    def _actor(self) -> dict[str, str]:
        return {"From": self.from_email}


LOG_DETAIL: Mapping[str, Any] = {"is_overview": "false", "include[]": "channels", "time_zone": "UTC"}
"""Every entry, and what it changed."""


def incident_path(ref: RecordRef) -> str:
    return path_of("incidents", ref.id)


def custom_path(ref: RecordRef) -> str:
    return f"{incident_path(ref)}/custom_fields/values"


def within_reach(offset: int, limit: int) -> int:
    """The limit to ask for at this offset.

    Raises:
        ConfigError: The list goes on beyond what the API lets anyone read.
    """
    if offset >= REACH:
        raise ConfigError(f"PagerDuty lists no more than {REACH} entries: narrow the scope or the backfill")
    return min(limit, PAGE, REACH - offset)
