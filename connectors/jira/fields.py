"""Jira's field values and their natural form.

A mapping wants `"High"`, the API speaks of `{"id": "2", "name": "High", "iconUrl": …}`. Reading goes by the shape of
the value, so that it needs no schema; writing and searching go by the schema that `GET /field` tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from domain.errors import RecordRejected

KEYED = frozenset({"project", "parent"})
"""Fields that people know by the key, not by the name."""
NATURAL = ("accountId", "value", "name")
"""The part that stands for the whole: of a user, an option, anything named (status, priority, version …)."""

WRITTEN_AS = {
    "user": "accountId",
    "option": "value",
    "project": "key",
    "issuelink": "key",
    **dict.fromkeys(
        ("priority", "resolution", "issuetype", "version", "component", "securitylevel", "group"), "name"
    ),
}
"""Schema type → the part by which the API takes a value. Types not listed are taken as they are."""


class Schema(BaseModel):
    """Type of a field, as `GET /field` and the transition screens tell it."""

    model_config = ConfigDict(frozen=True)

    type: str = "any"
    items: str | None = None
    custom: str | None = None


class FieldInfo(BaseModel):
    """One field of the site."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str = ""
    schema_: Schema = Field(default_factory=Schema, alias="schema")
    clauses: tuple[str, ...] | None = Field(default=None, alias="clauseNames")
    """Names in JQL; empty if it can't be searched, None if the site doesn't tell."""


Catalogue: TypeAlias = Mapping[str, FieldInfo]
"""Fields by id."""


def find_info(catalogue: Catalogue, field: str) -> FieldInfo:
    """What is known of the field. Of an unknown one nothing: the site itself will refuse it, and say so."""
    return catalogue.get(field) or FieldInfo(id=field)


def natural(field: str, value: JsonValue) -> JsonValue:
    """The value as a mapping wants it; as it is, if Jira has no natural form for it (cascading options, links)."""
    if isinstance(value, list):
        return [natural(field, element) for element in value]
    if not isinstance(value, dict) or "child" in value:
        return value
    parts = ("key",) if field in KEYED else NATURAL
    return next((value[part] for part in parts if isinstance(value.get(part), str)), value)


def shaped(field: str, value: JsonValue, schema: Schema) -> JsonValue:
    """The value as the API takes it. An object passes as it is: it already has the API's shape.

    Raises:
        RecordRejected: A field of many values was given a single one.
    """
    if schema.type == "array":
        return _shaped_list(field, value, schema)
    part = WRITTEN_AS.get(schema.type)
    return {part: value} if part and isinstance(value, str) else value


def _shaped_list(field: str, value: JsonValue, schema: Schema) -> JsonValue:
    elements = [] if value is None else value
    if not isinstance(elements, list):
        raise RecordRejected(
            f"Jira field {field} takes a list, not {value!r}", fields={field: "takes a list"}
        )
    return [shaped(field, element, Schema(type=schema.items or "any")) for element in elements]


def is_text_set(schema: Schema) -> bool:
    """Whether the field holds a set of words, as labels do."""
    return schema.type == "array" and schema.items == "string"


def edit_verbs(value: JsonValue, current: JsonValue) -> list[JsonValue]:
    """The `add` and `remove` verbs that lead from the current words to the wanted ones.

    Unlike setting the list, they leave alone what somebody else adds at the same moment.
    """
    wanted, present = _words(value), _words(current)
    added: list[JsonValue] = [{"add": word} for word in wanted if word not in present]
    removed: list[JsonValue] = [{"remove": word} for word in present if word not in wanted]
    return added + removed


def _words(value: JsonValue) -> list[str]:
    return [str(word) for word in value] if isinstance(value, list) else []
