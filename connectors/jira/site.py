"""What a connection learns of its site once: its fields, and which account it writes as."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from pydantic import BaseModel, Field

from connectors.http import HttpConnection
from connectors.jira.fields import Catalogue, FieldInfo
from connectors.refusals import Aim

API = "/rest/api/2"
"""Version 2 speaks of rich text as wiki markup, one string; version 3 as a document tree. All else is the same."""


class Myself(BaseModel):
    account: str = Field(alias="accountId")


@dataclass(slots=True)
class Site:
    """Asked at first need, kept until the connection closes."""

    http: HttpConnection
    _fields: Catalogue | None = None
    _account: str | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def account(self) -> str:
        """The account that our writes bear."""
        async with self._lock:
            if self._account is None:
                reply = await self.http.call("GET", f"{API}/myself", aim=Aim.PROBE)
                self._account = reply.read_as(Myself).account
            return self._account

    async def catalogue(self, needed: Iterable[str] = ()) -> Catalogue:
        """The site's fields; asked anew if one that is needed isn't among those known, for it may be new."""
        async with self._lock:
            if self._fields is None or not self._fields.keys() >= set(needed):
                self._fields = await self._ask_fields()
            return self._fields

    async def catalogue_now(self) -> Catalogue:
        """The site's fields, asked anew."""
        async with self._lock:
            self._fields = await self._ask_fields()
            return self._fields

    async def _ask_fields(self) -> Catalogue:
        reply = await self.http.call("GET", f"{API}/field", aim=Aim.QUERY)
        return {info.id: info for info in reply.read_as(list[FieldInfo])}
