"""What a system says of a record type, and how that has changed. No pass depends on it: it warns before one fails."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from difflib import SequenceMatcher
from typing import Literal, TypeAlias

from pydantic import AwareDatetime, Field, JsonValue

from domain.records import Model


class FieldFacts(Model):
    """One native field. Empty or None: the system doesn't tell."""

    label: str = ""
    """What people see, where fields have other names in the API."""
    type: str = ""
    required: bool | None = None
    read_only: bool | None = None


class Description(Model):
    """A record type as its system describes it to our account."""

    fields: dict[str, FieldFacts] | None = None
    """By native name; None if the system has no schema."""
    allowed: dict[str, tuple[JsonValue, ...]] = Field(default_factory=dict)
    """Native field → the values it takes, in the system's order; only of fields that were asked about and are limited."""


Kind: TypeAlias = Literal["field_removed", "type", "required", "read_only", "value_removed", "value_added"]


class SchemaChange(Model):
    """A difference from what was known before. It stands until the system is again as it was."""

    kind: Kind
    field: str
    at: AwareDatetime
    """When it was seen."""
    before: JsonValue = None
    """The value that is gone, or how it was."""
    after: JsonValue = None
    """The value that is new, or how it is."""
    maybe: JsonValue = None
    """What came or went at the same moment, and may be the same thing under another name."""

    @property
    def says_how(self) -> bool:
        """A field is there as before, but is another one: nothing in a declaration tells whether that is taken care of."""
        return self.kind in {"type", "required", "read_only"}


def standing_changes(
    standing: Sequence[SchemaChange], was: Description, now: Description, at: datetime
) -> tuple[SchemaChange, ...]:
    """What differs now from what was first known: earlier changes that still hold, and those since `was`.

    What a description doesn't tell is taken for unchanged.
    """
    undone = [change for change in standing if not _holds(change, now)]
    kept = {_place(change): change for change in standing if _holds(change, now)}
    for change in _differences(was, now, at):
        if not any(_undoes(change, one) for one in undone):
            known = kept.get(_place(change))
            kept[_place(change)] = change if known is None else _joined(known, change)
    return tuple(kept.values())


def _place(change: SchemaChange) -> tuple[str, str, str]:
    value = {"value_removed": change.before, "value_added": change.after}.get(change.kind)
    return change.kind, change.field, _spelled(value)


def _joined(earlier: SchemaChange, later: SchemaChange) -> SchemaChange:
    return later.model_copy(update={"before": earlier.before})


def _holds(change: SchemaChange, now: Description) -> bool:
    """Whether the system is still otherwise than it was; what it doesn't tell now has not changed back."""
    allowed = now.allowed.get(change.field)
    match change.kind:
        case "value_removed":
            return allowed is None or change.before not in allowed
        case "value_added":
            return allowed is None or change.after in allowed
    facts = None if now.fields is None else now.fields.get(change.field)
    if change.kind == "field_removed":
        return facts is None
    return facts is not None and getattr(facts, change.kind) != change.before


def _undoes(change: SchemaChange, earlier: SchemaChange) -> bool:
    """The way back to what was there before the earlier one."""
    opposite = {"value_removed": "value_added", "value_added": "value_removed"}.get(change.kind, change.kind)
    is_back = (change.before, change.after) == (earlier.after, earlier.before)
    return is_back and (opposite, change.field) == (earlier.kind, earlier.field)


def _differences(was: Description, now: Description, at: datetime) -> Iterator[SchemaChange]:
    if was.fields is not None and now.fields is not None:
        yield from _of_fields(was.fields, now.fields, at)
    for name in was.allowed.keys() & now.allowed.keys():
        yield from _of_values(name, was.allowed[name], now.allowed[name], at)


def _of_fields(
    was: Mapping[str, FieldFacts], now: Mapping[str, FieldFacts], at: datetime
) -> Iterator[SchemaChange]:
    gone = {name: facts for name, facts in was.items() if name not in now}
    new = {name: facts for name, facts in now.items() if name not in was}
    for name, facts in gone.items():
        yield SchemaChange(kind="field_removed", field=name, at=at, maybe=_successor(facts, gone, new))
    for name, facts in new.items():
        if facts.required:
            yield SchemaChange(kind="required", field=name, at=at, before=False, after=True)
    for name in was.keys() & now.keys():
        before, after = was[name], now[name]
        if before.type and after.type and before.type != after.type:
            yield SchemaChange(kind="type", field=name, at=at, before=before.type, after=after.type)
        if before.required is False and after.required:
            yield SchemaChange(kind="required", field=name, at=at, before=False, after=True)
        if before.read_only is False and after.read_only:
            yield SchemaChange(kind="read_only", field=name, at=at, before=False, after=True)


def _successor(
    facts: FieldFacts, gone: Mapping[str, FieldFacts], new: Mapping[str, FieldFacts]
) -> str | None:
    """The new field with the same label; or the only one of the type, where only one of that type is gone."""
    labelled = [name for name, other in new.items() if facts.label and other.label == facts.label]
    alike = [name for name, other in new.items() if other.type == facts.type]
    is_only = len(alike) == 1 and sum(other.type == facts.type for other in gone.values()) == 1
    return next(iter(labelled), alike[0] if is_only else None)


def _of_values(
    name: str, was: Sequence[JsonValue], now: Sequence[JsonValue], at: datetime
) -> Iterator[SchemaChange]:
    gone = [value for value in was if value not in now]
    new = [value for value in now if value not in was]
    renamed = _renamed(was, now) if len(gone) + len(new) != 2 else zip(gone, new, strict=False)
    pairs = [(old, fresh) for old, fresh in renamed if old in gone and fresh in new]
    for value in gone:
        yield SchemaChange(
            kind="value_removed", field=name, at=at, before=value, maybe=_partner(value, pairs)
        )
    for value in new:
        back = [(fresh, old) for old, fresh in pairs]
        yield SchemaChange(kind="value_added", field=name, at=at, after=value, maybe=_partner(value, back))


def _renamed(was: Sequence[JsonValue], now: Sequence[JsonValue]) -> Iterator[tuple[JsonValue, JsonValue]]:
    """Values that stand where others stood, between the same neighbours."""
    matcher = SequenceMatcher(None, [*map(_spelled, was)], [*map(_spelled, now)], autojunk=False)
    for tag, start, end, new_start, new_end in matcher.get_opcodes():
        if tag == "replace" and end - start == new_end - new_start:
            yield from zip(was[start:end], now[new_start:new_end], strict=True)


def _partner(value: JsonValue, pairs: Iterable[tuple[JsonValue, JsonValue]]) -> JsonValue:
    return next((other for one, other in pairs if one == value), None)


def _spelled(value: JsonValue) -> str:
    return json.dumps(value, sort_keys=True)
