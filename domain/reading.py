"""One unit as a pass finds it: what each side shows, what counts, and what changed since the baseline."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import JsonValue

from domain.integration import FieldMap, Unit
from domain.mapping import agree, is_same
from domain.normalise import key
from domain.sides import SIDES, Pair, Side
from domain.values import MISSING, Value, digest
from domain.view import Baseline, PairView


@dataclass(frozen=True, slots=True)
class FieldReading:
    """One field on both sides."""

    field: FieldMap
    standing: Pair[JsonValue]
    """What the records show."""
    values: Pair[JsonValue]
    """What counts: a person's edit that our write hit stands in for what the write left."""
    base: Baseline | None
    raced: Pair[bool]
    """Whether such an edit stands in."""
    agreed: bool
    changed: Pair[bool]
    """Which sides moved since the baseline. Without one: both where they differ, none where they agree."""

    @property
    def is_quiet(self) -> bool:
        """Stands in step, also where a default made the sides differ."""
        return self.base is not None and not any(self.changed) and not any(self.raced)


@dataclass(frozen=True, slots=True)
class UnitReading:
    """A field or a group, with only those members that both systems have."""

    unit: Unit
    members: tuple[FieldReading, ...]
    view: PairView

    @property
    def name(self) -> str:
        return self.unit.name

    @property
    def changed(self) -> Pair[bool]:
        """A group changed where any of its members did."""
        return Pair.of(lambda s: any(m.changed[s] for m in self.members))

    @property
    def is_quiet(self) -> bool:
        return all(m.is_quiet for m in self.members)

    @property
    def meets(self) -> bool:
        """Whether both sides moved since the baseline, or since a first look at which they differed."""
        is_first = not self.view.baselines
        return all(self.changed) or (not is_first and any(m.base is None for m in self.members))

    @property
    def agreed(self) -> bool:
        return all(m.agreed or m.is_quiet for m in self.members)

    @property
    def is_sensitive(self) -> bool:
        """Whether no text about the unit may quote a value."""
        return any(m.field.sensitive for m in self.members)

    @property
    def has_race(self) -> bool:
        return any(any(m.raced) for m in self.members)

    @property
    def lacks_baseline(self) -> bool:
        """Whether a member differs that never stood in step under its present native names."""
        return any(m.base is None and not m.agreed for m in self.members)

    def conflict_id(self, kind: str = "conflict") -> str:
        """Names this very clash: any other value, or a baseline that moved, gives another id.

        It is the token of a review, so it is built from normal forms: blanks that nobody sees change nothing. An edit
        that our write hit makes another clash than the same values would that stand by themselves.
        """
        kind = f"{kind} race" if self.has_race else kind
        return digest(kind, self.view.pair_id, self.name, [_fingerprint(m) for m in self.members])


def _fingerprint(member: FieldReading) -> list[object]:
    field, base = member.field, member.base
    halves = [key(field, s, base.half(s)) for s in SIDES] if base else None
    return [
        field.name,
        base.revision if base else None,
        halves,
        [key(field, s, member.values[s]) for s in SIDES],
    ]


def read_unit(unit: Unit, view: PairView) -> UnitReading:
    """Read every member that both systems have."""
    read = (read_field(field, view) for field in unit.fields)
    return UnitReading(unit, tuple(member for member in read if member is not None), view)


def read_field(field: FieldMap, view: PairView) -> FieldReading | None:
    """Read one field; None where a system has no such field."""
    shown = Pair.of(lambda s: view.snapshots[s].value(field.native(s)))
    if shown.a is MISSING or shown.b is MISSING:
        return None
    standing: Pair[JsonValue] = Pair(shown.a, shown.b)
    raced = Pair.of(lambda s: _is_raced(field, s, standing[s], view))
    values = Pair.of(lambda s: _hit_edit(field, s, view) if raced[s] else standing[s])
    base = view.baselines.get(field.name)
    agreed = agree(field, values.a, values.b)
    return FieldReading(field, standing, values, base, raced, agreed, _changed(field, values, base, agreed))


def _changed(field: FieldMap, values: Pair[JsonValue], base: Baseline | None, agreed: bool) -> Pair[bool]:  # noqa: FBT001 - a fact, not a switch
    if base is None:
        return Pair(not agreed, not agreed)
    return Pair.of(lambda s: not is_same(field, s, values[s], base.half(s)))


def _is_raced(field: FieldMap, side: Side, shown: Value, view: PairView) -> bool:
    hit = view.facts[side].overwritten.get(field.native(side))
    return hit is not None and is_same(field, side, shown, hit.ours)


def _hit_edit(field: FieldMap, side: Side, view: PairView) -> JsonValue:
    return view.facts[side].overwritten[field.native(side)].version.value
