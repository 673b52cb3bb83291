"""Finding the other record before one is created: semantics §7. Ambiguity is held, never guessed.

Each key of `match` is tried in declared order; the first that finds something decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pydantic import JsonValue

from domain.integration import FieldMap, Integration
from domain.mapping import UNMAPPED, mapped
from domain.records import RecordRef, Snapshot
from domain.rules_language import CREATE_VARIABLES, RuleFailed, compile_condition
from domain.sides import Pair, Side
from domain.values import MISSING, digest

MARKER = "correlation_id"
"""The match key that stands for our own correlation marker."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A record of the other system that a key found."""

    snapshot: Snapshot
    is_linked: bool = False
    """Whether it is an end of an active pair of this integration already."""
    rivals: tuple[Snapshot, ...] = ()
    """Other unlinked records beside ours that the same key leads to from there."""


@dataclass(frozen=True, slots=True)
class Found:
    """What one match key found."""

    by: str
    candidates: tuple[Candidate, ...]

    @property
    def free(self) -> tuple[Candidate, ...]:
        return tuple(candidate for candidate in self.candidates if not candidate.is_linked)

    @property
    def is_riddle(self) -> bool:
        """Whether it isn't clear which belong together. Our own marker on a linked record is a riddle by itself."""
        is_copied = self.by == MARKER and len(self.candidates) > len(self.free)
        return is_copied or len(self.free) > 1 or any(candidate.rivals for candidate in self.free)

    @property
    def decides(self) -> bool:
        """Whether the keys after this one needn't be asked."""
        return self.is_riddle or bool(self.free)


@dataclass(frozen=True, slots=True)
class Link:
    """Exactly one record is the counterpart."""

    ref: RecordRef
    by: str


@dataclass(frozen=True, slots=True)
class Create:
    """No record matches and the declaration wants one."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A person must say which; nothing is created or linked meanwhile."""

    id: str
    """The same for the same records, whichever of them was looked at."""
    by: str
    records: Pair[tuple[Snapshot, ...]]
    """All that may belong together, by side."""
    reason: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """The record stays unlinked."""

    why: str


Match: TypeAlias = Link | Create | Hold | Nothing


def search_value(
    rules: Integration, match_key: str, side: Side, record: Snapshot
) -> tuple[str, JsonValue] | None:
    """What a declared match field searches for: the native name on the other side and the value there.

    None if the record has no value to search by: an empty field matches nothing.
    """
    field = _field(rules, match_key)
    shown = record.value(field.native(side))
    if shown is MISSING or shown in (None, "", []):
        return None
    there = mapped(field, shown, side.other)
    return None if there is UNMAPPED or there is None else (field.native(side.other), there)


def _field(rules: Integration, name: str) -> FieldMap:
    return next(field for field in rules.fields if field.name == name)


def match(rules: Integration, side: Side, record: Snapshot, found: Sequence[Found]) -> Match:
    """Say what becomes of an unlinked record.

    Args:
        rules: The declaration.
        side: Where the record lives.
        record: The unlinked record.
        found: What each match key found in the other system, in the declared order.
    """
    for one in found:
        if one.is_riddle:
            return hold(rules, side, record, one.by, one.candidates if one.by == MARKER else one.free)
        if one.free:
            return Link(one.free[0].snapshot.ref, one.by)
    return _create_or_nothing(rules, side, record)


def hold(rules: Integration, side: Side, record: Snapshot, by: str, candidates: Sequence[Candidate]) -> Hold:
    """Everything that may belong together, for a person to say."""
    here = _in_order([record, *(rival for candidate in candidates for rival in candidate.rivals)])
    there = _in_order([candidate.snapshot for candidate in candidates])
    records = Pair(here, there) if side is Side.A else Pair(there, here)
    listed = records.map(lambda ones: sorted(str(one.ref) for one in ones))
    names = ", ".join(one.key for one in there)
    taken = "; it has a partner already" if all(c.is_linked for c in candidates) else ""
    twins = f"; {len(here)} records here would match" if len(here) > 1 else ""
    reason = f"{record.key}: {by} leads to {names}{taken}{twins}"
    return Hold(digest("match", rules.name, listed.a, listed.b), by, records, reason)


def _in_order(records: Sequence[Snapshot]) -> tuple[Snapshot, ...]:
    """Each once, in an order that doesn't depend on who was looked at first."""
    return tuple(sorted({str(one.ref): one for one in records}.values(), key=lambda one: str(one.ref)))


def _create_or_nothing(rules: Integration, side: Side, record: Snapshot) -> Create | Nothing:
    if rules.create is None or not rules.create.direction.allows(side):
        return Nothing("no record matches, and none is created from this side")
    variables = {s.value: record.fields if s is side else {} for s in Side}
    try:
        wanted = compile_condition(rules.create.when, CREATE_VARIABLES).holds(variables)
    except RuleFailed as failure:
        return Nothing(str(failure))
    return Create() if wanted else Nothing(f"`{rules.create.when}` does not hold")
