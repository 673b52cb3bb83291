"""Issues and comments as the API writes them."""

from dataclasses import dataclass
from typing import Any

from lab.systems.jira.fields import Codec, Field, catalogue
from lab.systems.jira.site import Json, Site
from lab.systems.jira.times import time_text
from lab.systems.records import Record


def project_of(key: str) -> str:
    return key.rpartition("-")[0]


def wanted_fields(asked: list[str] | None, *, default: str) -> list[str]:
    """The `fields` parameter, comma-separated parts taken apart."""
    parts = [part.strip() for given in asked or [] for part in given.split(",") if part.strip()]
    return parts or [default]


@dataclass(frozen=True, slots=True)
class Shapes:
    """For one site and one version of the API."""

    site: Site

    @property
    def codec(self) -> Codec:
        return Codec(self.site)

    @property
    def fields(self) -> dict[str, Field]:
        return catalogue(self.site.settings)

    def head(self, record: Record) -> Json:
        return {"id": record.id, "key": record.key, "self": self.site.link(f"issue/{record.id}")}

    def issue(self, record: Record, wanted: list[str], properties: list[str] | None = None) -> Json:
        """The issue with the wanted fields: names, `*all`, `*navigable`, and `-name` to leave one out."""
        shape = self.head(record) | {"fields": self._values(record, wanted)}
        if properties:
            kept = record.fields.get("properties") or {}
            names = [name for given in properties for name in given.split(",")]
            shape["properties"] = {
                name: value for name, value in kept.items() if name in names or "*all" in names
            }
        return shape

    def comments(self, record: Record) -> list[Json]:
        return [self.comment(record, comment) for comment in record.fields.get("comments") or []]

    def comment(self, record: Record, comment: Json) -> Json:
        body_field = Field("comment", "Comment", "textarea")
        return {
            "self": self.site.link(f"issue/{record.id}/comment/{comment['id']}"),
            "id": comment["id"],
            "author": self.site.person(comment["author"]),
            "body": self.codec.show(body_field, comment["body"]),
            "updateAuthor": self.site.person(comment["edited_by"]),
            "created": time_text(comment["created"]),
            "updated": time_text(comment["updated"]),
            "jsdPublic": comment["public"],
        }

    def _values(self, record: Record, wanted: list[str]) -> Json:
        left_out = {name[1:] for name in wanted if name.startswith("-")}
        everything = any(name in {"*all", "*navigable"} for name in wanted) or left_out == {
            name[1:] for name in wanted
        }
        names = [
            name
            for name in dict.fromkeys([*self.fields, *_extra(record)])
            if name not in left_out and (everything or name in wanted)
        ]
        return {name: self._value(record, name) for name in names}

    def _value(self, record: Record, name: str) -> Any:
        field = self.fields.get(name)
        if field is None:
            return record.fields.get(name)  # a field that only the lab knows of
        if name == "comment":
            comments = self.comments(record)
            return {"comments": comments, "maxResults": len(comments), "total": len(comments), "startAt": 0}
        return self.codec.show(field, kept_value(record, name))


def kept_value(record: Record, name: str) -> Any:
    """A field's plain value, also of those that the record itself knows."""
    match name:
        case "project":
            return project_of(record.key)
        case "created":
            return time_text(record.created_at)
        case "updated":
            return time_text(record.modified_at)
        case "creator":
            return record.created_by
        case _:
            return record.fields.get(name)


def _extra(record: Record) -> list[str]:
    return [name for name in record.fields if name not in {"comments", "properties"}]
