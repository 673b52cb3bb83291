"""The policies of a chain, as declared. How they decide stands in `domain/deciding/`.

Owners write `last_write_wins`, `merge`, `review`, `{source_priority: servicenow}`, `{rules: […]}`,
`{custom: name, with: {…}}`; one policy alone is a chain of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    JsonValue,
    Tag,
)
from pydantic.json_schema import JsonSchemaValue, SkipJsonSchema
from pydantic_core import CoreSchema

from domain.wording import SideWord, side_or_word


class Declared(BaseModel):
    """A part of a declaration: frozen, strict, and a key that it doesn't know is an error."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_by_name=True,
        validate_by_alias=True,
        use_attribute_docstrings=True,  # they become the hints that an owner's editor shows
    )


class Word(Declared):
    """A policy that needs no parameters: owners write its bare name."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        del core, handler
        return {"const": cls.model_fields["kind"].default, "description": cls.__doc__}


class LastWriteWins(Word):
    """The later edit wins, by the systems' own clocks; closer than their uncertainty, the next policy is asked."""

    kind: Literal["last_write_wins"] = "last_write_wins"


class SourcePriority(Declared):
    """The owner's value wins."""

    kind: SkipJsonSchema[Literal["source_priority"]] = "source_priority"
    owner: SideWord = Field(alias="source_priority")
    """The side whose value wins: its connection's name, or a, b."""


class Merge(Word):
    """Sets unite element by element, text line by line; overlapping edits pass to the next policy."""

    kind: Literal["merge"] = "merge"


class Review(Word):
    """A person decides; only this field waits."""

    kind: Literal["review"] = "review"


class ValueChoice(Declared):
    """A value native to the named side."""

    value: JsonValue
    side: SideWord


def _form_of_decision(written: Any) -> str:
    return "word" if isinstance(written, str) else "value"


DecisionWord: TypeAlias = Annotated[
    Literal["a", "b", "next", "review"], BeforeValidator(side_or_word, json_schema_input_type=str)
]


class Rule(Declared):
    """`when` holds → `decide` names what then stands."""

    when: str
    """CEL over a, b, base, newer, unit, now, system; see `domain/rules_language.py`."""
    decide: Annotated[
        Annotated[DecisionWord, Tag("word")] | Annotated[ValueChoice, Tag("value")],
        Discriminator(_form_of_decision),
    ]
    """A side, `next` (the next policy of the chain), `review`, or `{value: X, side: S}`."""


class Rules(Declared):
    """Conditions in order; the first that holds decides, and if none holds the next policy is asked."""

    kind: SkipJsonSchema[Literal["rules"]] = "rules"
    rules: tuple[Rule, ...] = Field(min_length=1)


class Custom(Declared):
    """A Python callable found by its name among the entry points `accord.policies`."""

    kind: SkipJsonSchema[Literal["custom"]] = "custom"
    name: str = Field(alias="custom")
    """Name of the entry point."""
    params: dict[str, JsonValue] = Field(default_factory=dict, alias="with")
    """What the callable gets besides the conflict."""


def kind_of(written: Any) -> str | None:
    """Which policy is meant: its `kind`, or the key that only this policy has."""
    if isinstance(written, Declared):
        return getattr(written, "kind", None)
    if not isinstance(written, Mapping):
        return str(written)
    known = [key for key in ("source_priority", "rules", "custom") if key in written]
    return written.get("kind") or next(iter(known or written), None)


def spelled_out(written: Any) -> Any:
    """The tagged form of a bare word; anything else is left to the models' own errors."""
    return {"kind": written} if isinstance(written, str) else written


def listed(written: Any) -> Any:
    """One policy alone is a chain of one."""
    return written if isinstance(written, list | tuple) else [written]


AnyPolicy: TypeAlias = Annotated[
    Annotated[LastWriteWins, Tag("last_write_wins")]
    | Annotated[SourcePriority, Tag("source_priority")]
    | Annotated[Merge, Tag("merge")]
    | Annotated[Review, Tag("review")]
    | Annotated[Rules, Tag("rules")]
    | Annotated[Custom, Tag("custom")],
    Discriminator(kind_of),
]
Policy: TypeAlias = Annotated[AnyPolicy, BeforeValidator(spelled_out, json_schema_input_type=AnyPolicy)]
Chain: TypeAlias = Annotated[
    tuple[Policy, ...], BeforeValidator(listed, json_schema_input_type=AnyPolicy | list[AnyPolicy])
]
