"""Initial load: what is counted, what records are indexed by, and how one answer settles many differences.

Both sides are listed once, and matched against each other by an index of digests, so that ten thousand records cost
hundreds of requests. The verdict on each is `domain.matching`'s own: a plan can't decide otherwise than a run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pydantic import JsonValue

from domain.integration import Integration, OnLink
from domain.matching import MARKER, search_value
from domain.outcome import UnitState, Verdict
from domain.records import Model, Snapshot
from domain.sides import Side
from domain.values import MISSING, Value, digest

OnDifferences: TypeAlias = Literal["a", "b", "policy", "review"]
"""What becomes of differences that would open a review, by one answer for all; the words of `on_link`."""

CLEAN = {UnitState.IN_STEP, UnitState.ADOPTED}


class Tally(Model):
    """How many of what. Of a plan: would become; of a run: became."""

    link: int = 0
    """Pairs of records that stood on both sides."""
    create_a_to_b: int = 0
    create_b_to_a: int = 0
    ambiguous: int = 0
    """Records held for a person, as several may belong together."""
    refused: int = 0
    """Records whose counterpart the system didn't take; a plan can't foresee these."""
    differs: int = 0
    """Of those linked, pairs in which something must be written, decided or waited for."""
    reviews: int = 0
    """Of those that differ, pairs that open a review."""
    linked_before: int = 0
    nothing: int = 0
    """Records that match nothing and get no counterpart."""

    def plus(self, **more: int) -> Tally:
        """The same with some more."""
        return self.model_copy(update={name: getattr(self, name) + n for name, n in more.items()})

    @property
    def pairs(self) -> int:
        """Pairs that come into being."""
        return self.link + self.create_a_to_b + self.create_b_to_a


@dataclass(frozen=True, slots=True)
class IndexKey:
    """What a record is found by, and what it looks for, under one match key; None for nothing."""

    match_key: str
    own: str | None
    wants: str | None


def index_keys(
    rules: Integration, side: Side, record: Snapshot, names: Sequence[str] | None = None
) -> list[IndexKey]:
    """A record's place in the index, under these match keys or all that are declared: digests only, no values."""
    return [_key(rules, side, record, name) for name in (rules.match if names is None else names)]


def match_keys(rules: Integration) -> tuple[str, ...]:
    """The declared match keys in their order; our own marker first, where they don't place it."""
    return rules.match if MARKER in rules.match else (MARKER, *rules.match)


def _key(rules: Integration, side: Side, record: Snapshot, name: str) -> IndexKey:
    if name == MARKER:
        marker = _entry(record.marker)
        return IndexKey(name, marker, marker)
    field = next(field for field in rules.fields if field.name == name)
    wanted = search_value(rules, name, side, record)
    return IndexKey(
        name, _entry(record.value(field.native(side))), None if wanted is None else _entry(wanted[1])
    )


def _entry(value: Value) -> str | None:
    """Numbers and their texts meet, as they do in systems' own searches; empty values meet nothing."""
    if value is MISSING or value in (None, "", []):
        return None
    plain: JsonValue = value if isinstance(value, list | dict) else str(value)
    return digest(plain)


def is_clean(verdict: Verdict) -> bool:
    """Whether all that is left to do is to keep the baselines: nothing to write, to decide, to say."""
    return (
        verdict.plan is None
        and verdict.stop_pair is None
        and not (verdict.log or verdict.reviews or verdict.alerts)
        and all(unit.state in CLEAN for unit in verdict.units)
    )


def with_on_link(rules: Integration, units: set[str], answer: OnDifferences) -> Integration:
    """The rules with this answer for these fields and groups; what others declare stays."""
    word = OnLink(answer)
    fields = tuple(
        field.model_copy(update={"on_link": word}) if field.name in units else field for field in rules.fields
    )
    groups = tuple(
        group.model_copy(update={"on_link": word}) if group.name in units else group for group in rules.groups
    )
    return rules.model_copy(update={"fields": fields, "groups": groups})
