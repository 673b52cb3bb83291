"""What a policy can say about a conflict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from pydantic import JsonValue

from domain.sides import Pair, Side


@dataclass(frozen=True, slots=True)
class Takes:
    """One side's value stands; for a group all its members'."""

    side: Side
    rule: str
    """The policy in the owner's words, with the systems' names."""
    why: str


@dataclass(frozen=True, slots=True)
class Merges:
    """Both edits hold."""

    values: Mapping[str, Pair[JsonValue]]
    """Field name → what each side ends with, in its own words."""
    rule: str
    why: str


@dataclass(frozen=True, slots=True)
class Gives:
    """A value that is neither side's."""

    values: Mapping[str, JsonValue]
    """Field name → value native to `side`."""
    side: Side
    rule: str
    why: str


@dataclass(frozen=True, slots=True)
class Asks:
    """A person decides; no later policy is asked."""

    rule: str
    why: str


@dataclass(frozen=True, slots=True)
class Passes:
    """Cannot tell; the next policy is asked."""

    why: str
    alert: str | None = None
    """Something that an operator should see to: a clock in the future."""


Settled: TypeAlias = Takes | Merges | Gives
Answer: TypeAlias = Settled | Asks | Passes
