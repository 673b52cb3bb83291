"""The policies of a chain, as declared. How they decide stands in `domain/deciding/`.

Owners write `last_write_wins`, `merge`, `review`, `{source_priority: servicenow}`, `{rules: […]}`, `{custom: name, with: {…}}`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, JsonValue

from domain.sides import Side


class Declared(BaseModel):
    """A part of a declaration: frozen, strict, and a key that it doesn't know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)


class LastWriteWins(Declared):
    kind: Literal["last_write_wins"] = "last_write_wins"


class SourcePriority(Declared):
    """The owner's value wins. The owner is written `a`, `b`, or a side's connection name; the loader resolves it."""

    kind: Literal["source_priority"] = "source_priority"
    owner: Side


class Merge(Declared):
    kind: Literal["merge"] = "merge"


class Review(Declared):
    kind: Literal["review"] = "review"


class Rule(Declared):
    """`when` is a CEL expression over a, b, base, later, group, now; `decide` names what then holds."""

    when: str
    decide: Literal["a", "b", "next", "review"] | ValueChoice


class ValueChoice(Declared):
    """A value native to the named side."""

    value: JsonValue
    side: Side


class Rules(Declared):
    kind: Literal["rules"] = "rules"
    rules: tuple[Rule, ...] = Field(min_length=1)


class Custom(Declared):
    """A Python callable found by its name among the entry points `accord.policies`."""

    kind: Literal["custom"] = "custom"
    name: str
    params: dict[str, JsonValue] = Field(default_factory=dict, alias="with")


def tagged(written: Any) -> Any:
    """Turn the owner's words into the tagged form; leave anything else to the models' own errors."""
    if isinstance(written, str):
        return {"kind": written}
    if not isinstance(written, dict) or "kind" in written:
        return written
    if "source_priority" in written:
        return {"kind": "source_priority", "owner": written["source_priority"]}
    if "rules" in written:
        return {"kind": "rules", **written}
    if "custom" in written:
        return {
            "kind": "custom",
            "name": written["custom"],
            **{k: v for k, v in written.items() if k != "custom"},
        }
    return written


Policy: TypeAlias = Annotated[
    Annotated[LastWriteWins | SourcePriority | Merge | Review | Rules | Custom, Discriminator("kind")],
    BeforeValidator(tagged),
]
Chain: TypeAlias = tuple[Policy, ...]
