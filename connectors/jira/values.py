"""The values that a field takes now: of one issue by its edit screen, of a record type by its create screen."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, Field, JsonValue

from connectors.http import HttpConnection, path_of
from connectors.jira.fields import Catalogue, FieldInfo, natural
from connectors.jira.site import API
from connectors.refusals import Aim
from domain.description import Description, FieldFacts
from domain.records import RecordRef

PAGE = 200
"""The most that the create metadata gives at once; more fields than that are no screen."""

T = TypeVar("T")


class Named(BaseModel):
    id: str = ""
    name: str


class Offer(BaseModel):
    """What a screen tells of one of its fields."""

    id: str = Field(default="", alias="fieldId")
    allowed: list[JsonValue] | None = Field(default=None, alias="allowedValues")
    required: bool = False
    has_default: bool = Field(default=False, alias="hasDefaultValue")


class EditScreen(BaseModel):
    fields: dict[str, Offer] = Field(default_factory=dict)


class CreateScreen(BaseModel):
    fields: list[Offer] = Field(default_factory=list)


class IssueTypes(BaseModel):
    types: list[Named] = Field(default_factory=list, alias="issueTypes")


class TypeStatuses(Named):
    """The statuses that issues of one type can have in a project."""

    statuses: list[Named] = Field(default_factory=list)


class Place(BaseModel):
    """The fields of an issue that say which workflow it follows."""

    project: dict[str, JsonValue]
    issue_type: Named = Field(alias="issuetype")


class PlacedIssue(BaseModel):
    fields: Place


@dataclass(frozen=True, slots=True)
class AllowedValues:
    """Asks each time: options come and go, and a reviewer's choice is checked against them."""

    http: HttpConnection
    project: str | None

    async def ask(self, ref: RecordRef | str, field: str) -> list[JsonValue] | None:
        """The values in natural form; None if the field takes any, or no screen tells."""
        if field == "status":
            return await self._statuses(ref)
        if isinstance(ref, RecordRef):
            return _natural(field, (await self._edit_screen(ref)).get(field))
        if self.project is None:
            return await self._priorities() if field == "priority" else None
        return _natural(field, (await self._create_screen(self.project, ref)).get(field))

    async def describe(self, issue_type: str, known: Catalogue, listed: Collection[str]) -> Description:
        """The site's fields as the create screen of the type has them, and what the listed ones take."""
        screen = {} if self.project is None else await self._create_screen(self.project, issue_type)
        allowed = {name: _natural(name, screen.get(name)) for name in listed}
        for name in {"status", "priority"} & allowed.keys():
            allowed[name] = allowed[name] or await self.ask(issue_type, name)
        return Description(
            fields={name: _facts(info, screen) for name, info in known.items()},
            allowed={name: tuple(values) for name, values in allowed.items() if values is not None},
        )

    async def statuses_in(self, project: str, issue_type: str) -> list[JsonValue]:
        """The statuses of one issue type in a project."""
        types = await self._list(path_of("project", project, "statuses"), list[TypeStatuses])
        return _names(status for kind in types if kind.name == issue_type for status in kind.statuses)

    async def _statuses(self, ref: RecordRef | str) -> list[JsonValue]:
        if isinstance(ref, RecordRef):
            place = await self._place(ref)
            return await self.statuses_in(str(place.project["key"]), place.issue_type.name)
        if self.project is None:
            return _names(await self._list("/status", list[Named]))
        return await self.statuses_in(self.project, ref)

    async def _priorities(self) -> list[JsonValue]:
        return _names(await self._list("/priority", list[Named]))

    async def _place(self, ref: RecordRef) -> Place:
        params = {"fields": "project,issuetype"}
        path = f"{API}{path_of('issue', ref.id)}"
        reply = await self.http.call("GET", path, aim=Aim.READ, ref=ref, params=params)
        return reply.read_as(PlacedIssue).fields

    async def _edit_screen(self, ref: RecordRef) -> Mapping[str, Offer]:
        path = f"{API}{path_of('issue', ref.id, 'editmeta')}"
        reply = await self.http.call("GET", path, aim=Aim.READ, ref=ref)
        return reply.read_as(EditScreen).fields

    async def _create_screen(self, project: str, issue_type: str) -> Mapping[str, Offer]:
        base = path_of("issue", "createmeta", project, "issuetypes")
        types = (await self._list(base, IssueTypes, maxResults=PAGE)).types
        kind = next((kind.id for kind in types if kind.name == issue_type), None)
        if kind is None:
            return {}
        screen = await self._list(base + path_of(kind), CreateScreen, maxResults=PAGE)
        return {offer.id: offer for offer in screen.fields}

    async def _list(self, path: str, shape: type[T], **params: int) -> T:
        reply = await self.http.call("GET", API + path, aim=Aim.QUERY, params=params)
        return reply.read_as(shape)


def _names(named: Iterable[Named]) -> list[JsonValue]:
    return list(dict.fromkeys(entry.name for entry in named))


def _facts(info: FieldInfo, screen: Mapping[str, Offer]) -> FieldFacts:
    """What no screen has can't be set; where no screen is known, nothing is said of that."""
    offer = screen.get(info.id)
    return FieldFacts(
        label=info.name,
        type=" of ".join(filter(None, (info.schema_.type, info.schema_.items))),
        required=(offer is not None and offer.required and not offer.has_default) if screen else None,
        read_only=offer is None if screen else None,
    )


def _natural(field: str, offer: Offer | None) -> list[JsonValue] | None:
    if offer is None or offer.allowed is None:
        return None
    return [natural(field, value) for value in offer.allowed]
