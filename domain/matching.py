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
from domain.outcome import RECORD_UNIT, LogKind, LogLine, LogStage, ReviewRequest
from domain.records import RecordRef, Snapshot
from domain.rules_language import CREATE_VARIABLES, RuleFailed, compile_condition
from domain.sides import Side
from domain.values import MISSING, digest

MARKER = "correlation_id"
"""The match key that stands for our own correlation marker."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A record of the other system that a key found."""

    snapshot: Snapshot
    is_linked: bool = False
    """Whether it is an end of an active pair of this integration already."""


@dataclass(frozen=True, slots=True)
class Found:
    """What one match key found."""

    by: str
    candidates: tuple[Candidate, ...]


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

    candidates: tuple[RecordRef, ...]
    log: LogLine
    review: ReviewRequest


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
        free = [c.snapshot.ref for c in one.candidates if not c.is_linked]
        if len(free) > 1:
            return _hold(rules, record, one, free)
        if free:
            return Link(free[0], one.by)
        if one.by == MARKER and one.candidates:
            return _hold(rules, record, one, [c.snapshot.ref for c in one.candidates])
    return _create_or_nothing(rules, side, record)


def _hold(rules: Integration, record: Snapshot, found: Found, refs: list[RecordRef]) -> Hold:
    names = ", ".join(str(ref) for ref in refs)
    conflict_id = digest("match", rules.name, str(record.ref), sorted(str(ref) for ref in refs))
    reason = f"{record.key} has several candidates by {found.by}, or one that is linked already: {names}"
    log = LogLine(
        conflict_id=conflict_id,
        unit=RECORD_UNIT,
        kind=LogKind.DUPLICATE_CANDIDATE,
        stage=LogStage.OPENED,
        policy="match",
        reason=reason,
    )
    review = ReviewRequest(
        unit=RECORD_UNIT, conflict_id=conflict_id, kind=log.kind, asked_by=f"match: {found.by}", reason=reason
    )
    return Hold(tuple(refs), log, review)


def _create_or_nothing(rules: Integration, side: Side, record: Snapshot) -> Create | Nothing:
    if rules.create is None or not rules.create.direction.allows(side):
        return Nothing("no record matches, and none is created from this side")
    variables = {s.value: record.fields if s is side else {} for s in Side}
    try:
        wanted = compile_condition(rules.create.when, CREATE_VARIABLES).holds(variables)
    except RuleFailed as failure:
        return Nothing(str(failure))
    return Create() if wanted else Nothing(f"`{rules.create.when}` does not hold")
