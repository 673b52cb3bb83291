"""What one pass looks at: both snapshots, the baseline, and what else is known of the pair."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, JsonValue

from domain.outcome import Decision
from domain.records import Clock, FieldVersion, Model, Snapshot
from domain.sides import Pair, Side
from domain.values import Value


class Baseline(Model):
    """Both native values that last stood in step, and how often that moved."""

    a: JsonValue
    b: JsonValue
    revision: int = 0

    def half(self, side: Side) -> JsonValue:
        return self.a if side is Side.A else self.b


@dataclass(frozen=True, slots=True)
class Overwritten:
    """A person's value that our own write hit (no compare-and-set there): it must still be judged by policy.

    It stands in for the side's value while what our write left (`ours`) still stands on the record. The field's
    baseline stays where it was before that write; once it moves, the edit has been judged and is forgotten.
    Where somebody edits the field once more before that, the edit is named in the log and forgotten (`superseding`).
    """

    version: FieldVersion
    ours: Value


@dataclass(frozen=True, slots=True)
class SideFacts:
    """What is known of one side beyond its snapshot."""

    history: tuple[FieldVersion, ...] = ()
    """Changes since the baseline, oldest first; empty if the system has no history or it wasn't asked."""
    seen_at: dict[str, AwareDatetime] = field(default_factory=dict)
    """Native field → stamp of the last snapshot that still showed the baseline value."""
    seen_sequence: dict[str, int] = field(default_factory=dict)
    """Native field → `sequence` of that snapshot. One save since: the record's stamp is the field's."""
    overwritten: dict[str, Overwritten] = field(default_factory=dict)
    """Native field → an edit that our write hit."""


NO_FACTS = Pair(SideFacts(), SideFacts())


@dataclass(frozen=True, slots=True)
class PairView:
    """Input of the pure function. Reading it twice gives the same answer."""

    pair_id: str
    snapshots: Pair[Snapshot]
    baselines: Mapping[str, Baseline]
    """By field name, only those whose native names are still the declared ones."""
    now: datetime
    clocks: Pair[Clock] = field(default_factory=lambda: Pair(Clock(), Clock()))
    facts: Pair[SideFacts] = NO_FACTS
    parked: Mapping[str, str] = field(default_factory=dict)
    """Unit → why it is stopped (flapping, refused)."""
    torn: Mapping[str, str] = field(default_factory=dict)
    """Unit → why only a person may decide it: a merge stands on one side, the other refused it for good."""
    decisions: tuple[Decision, ...] = ()
    """What people said, in the order it came."""
    systems: Pair[str] = field(default_factory=lambda: Pair("A", "B"))
    """The systems' names, for texts that people read."""
    valid: Pair[Mapping[str, tuple[Any, ...]]] = field(default_factory=lambda: Pair({}, {}))
    """Native field → allowed values, where known: a decision or a default outside of them is refused."""
    custom: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    """Custom policies by name, found by the loader."""
