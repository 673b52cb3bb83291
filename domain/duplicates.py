"""Records that stand twice: which belong to one group, and what is known of each of them.

A **twin** is one of several records on one side that a match key or our marker can't tell apart. Links **cross** where
two pairs hold each other's records. What is proposed for a group stands in `domain.proposing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from domain.backfilling import index_keys
from domain.integration import Integration
from domain.mapping import is_same
from domain.records import RecordRef, Snapshot
from domain.sides import SIDES, Pair, Side
from domain.values import MISSING, same

KEPT = "{kept}"
"""In a closing text: the key of the record that stays."""


@dataclass(frozen=True, slots=True)
class Bunch:
    """Records that one look at the inventory has found together, by id."""

    match_key: str
    records: Pair[tuple[str, ...]]
    size: int
    """How many there are of them on their side; more than are named, if they are many."""
    side: Side | None = None
    """Where the value stands several times; None for links that cross."""
    is_crossed: bool = False


@dataclass(frozen=True, slots=True)
class Cluster:
    """Bunches that share records, as one."""

    by: str
    """The match key by which all of them are the same; empty if there is none."""
    records: Pair[tuple[str, ...]]
    size: int
    is_crossed: bool


@dataclass(frozen=True, slots=True)
class Twin:
    """A record of a group, with what the store knows of it."""

    side: Side
    record: Snapshot
    pair_id: str | None = None
    """Its pair in this integration."""
    partner: str | None = None
    """That pair's other record, by its key."""
    said: Literal["create", "ignore"] | None = None
    """What a person said of it."""
    elsewhere: tuple[str, ...] = ()
    """Other integrations in which it has a pair."""
    is_source: bool = False
    """A counterpart of it was made, or is being made."""
    made_for: RecordRef | None = None
    former: frozenset[RecordRef] = frozenset()
    """What it was linked with once."""


@dataclass(frozen=True, slots=True)
class Group:
    """A cluster as it stands now."""

    by: str
    twins: tuple[Twin, ...]
    size: int = 0
    is_crossed: bool = False

    def linked(self, side: Side) -> list[Twin]:
        return [one for one in self.twins if one.side is side and one.pair_id is not None]


def clusters(bunches: Sequence[Bunch]) -> list[Cluster]:
    """Bunches that share a record are one cluster; in the order of their first bunches."""
    having: dict[tuple[Side, str], list[int]] = {}
    for number, bunch in enumerate(bunches):
        for node in _nodes(bunch):
            having.setdefault(node, []).append(number)
    seen, found = set[int](), list[Cluster]()
    for number in range(len(bunches)):
        together, waiting = set[int](), [number]
        while waiting:
            one = waiting.pop()
            if one not in seen:
                seen.add(one)
                together.add(one)
                waiting += [other for node in _nodes(bunches[one]) for other in having[node]]
        if together:
            found.append(_cluster([bunches[one] for one in sorted(together)]))
    return found


def _nodes(bunch: Bunch) -> set[tuple[Side, str]]:
    return {(side, one) for side in SIDES for one in bunch.records[side]}


def _cluster(bunches: Sequence[Bunch]) -> Cluster:
    records = Pair.of(lambda side: _each_once(one for bunch in bunches for one in bunch.records[side]))
    crossed = [one.match_key for one in bunches if one.is_crossed]
    whole = [one.match_key for one in bunches if _is_whole(one.match_key, bunches, records)]
    return Cluster(
        by=next(iter([*crossed, *whole]), ""),
        records=records,
        size=max(one.size for one in bunches),
        is_crossed=bool(crossed),
    )


def _is_whole(match_key: str, bunches: Sequence[Bunch], records: Pair[tuple[str, ...]]) -> bool:
    """Whether one value of this key leads to all records of the cluster."""
    mine = [one for one in bunches if one.match_key == match_key and one.side is not None]
    reached = set().union(*(_nodes(one) for one in mine))
    sides = [one.side for one in mine]
    return len(sides) == len(set(sides)) and reached == {(s, one) for s in SIDES for one in records[s]}


def _each_once(ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ids))


# ------------------------------------------------------------------------------------------------- what stands there
def is_together(rules: Integration, group: Group) -> bool:
    """Whether the key that found the group still leads to all of its records."""
    found = Pair.of(
        lambda side: {
            (key.own, key.wants)
            for one in group.twins
            if one.side is side
            for key in index_keys(rules, side, one.record, [group.by])
        }
    )
    if any(own is None for side in SIDES for own, _ in found[side]) or any(len(s) > 1 for s in found):
        return False
    if not (found.a and found.b):
        return True
    (own_a, wants_a), (own_b, wants_b) = next(iter(found.a)), next(iter(found.b))
    return wants_a == own_b or wants_b == own_a


def own_values(rules: Integration, twin: Twin, kept: Twin) -> tuple[str, ...]:
    """Declared fields in which the twin holds something that the one that stays doesn't hold."""
    found = []
    for field in rules.fields:
        mine, theirs = (one.record.value(field.native(twin.side)) for one in (twin, kept))
        is_held = mine is not MISSING and mine not in (None, "", [])
        if is_held and (theirs is MISSING or not is_same(field, twin.side, mine, theirs)):
            found.append(field.name)
    return tuple(found)


def is_younger(twin: Twin, kept: Twin) -> bool:
    """Whether it surely was made later; a system may not tell."""
    mine, theirs = twin.record.created_at, kept.record.created_at
    return mine is not None and theirs is not None and mine > theirs


def is_closed(rules: Integration, twin: Twin) -> bool:
    """Whether the record shows the closing values that are declared; texts that name another record aren't asked."""
    closing = rules.duplicates.close.get(twin.side, {})
    fixed = {n: value for n, value in closing.items() if not (isinstance(value, str) and KEPT in value)}
    return bool(fixed) and all(same(twin.record.value(n), value) for n, value in fixed.items())
