"""Findings about what the live systems say of their record types: a field that is gone, a value they don't take, or a new one.

`accord check` asks the systems; the schema watch judges what it last heard of them by the same function. A finding with
`alert` set is a mismatch that an owner must hear of; values that had no counterpart when the system was first seen are
not: the owner declared it so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import JsonValue

from domain.description import SchemaChange
from domain.integration import FieldMap, Integration
from domain.mapping import UNMAPPED, counterpart
from domain.normalise import element_key
from domain.sides import SIDES, Pair, Side
from integrations.findings import Finding, SystemFacts, error, warning
from integrations.mistakes import Path, suggestion
from integrations.value_checks import listed


def schema_findings(rules: Integration, systems: Pair[SystemFacts]) -> Iterator[Finding]:
    """Fields first, then values, each in the order of the declaration."""
    for side in SIDES:
        yield from _fields(rules, side, systems[side])
    for index, field in enumerate(rules.fields):
        judged = _Field(rules, ("fields", index), field, systems)
        for side in SIDES:
            yield from judged.refused(side)
            yield from judged.new_values(side)
            yield from judged.without_counterpart(side)


# ----------------------------------------------------------------------------------------------------------- fields
def _fields(rules: Integration, side: Side, facts: SystemFacts) -> Iterator[Finding]:
    if facts.fields is not None:
        yield from _not_among(facts.fields, rules, side, facts.changes)
    for change in facts.changes:
        if change.says_how:
            yield from _changed(change, rules, side)


def _not_among(
    known: Sequence[str], rules: Integration, side: Side, changes: Sequence[SchemaChange]
) -> Iterator[Finding]:
    end = rules.ends[side]
    for path, native in _native_names(rules, side):
        if native not in known:
            message = f"{end.connection}'s {end.record_type} has no field {native!r}"
            gone = next((c for c in changes if c.kind == "field_removed" and c.field == native), None)
            hint = (
                suggestion(native, known) if gone is None else _removed(gone, "map the new one, or drop it")
            )
            yield error(path, f"{message}; {hint}", alert=_name(rules, side, native, path, "field"))


def _native_names(rules: Integration, side: Side) -> Iterator[tuple[Path, str]]:
    """Every native field of this side that the declaration names."""
    for index, field in enumerate(rules.fields):
        yield ("fields", index, side.value), field.native(side)
    yield from _set_by_rule(rules, side)


def _set_by_rule(rules: Integration, side: Side) -> Iterator[tuple[Path, str]]:
    for native in rules.create.with_.get(side, ()) if rules.create else ():
        yield ("create", "with", side.value, native), native
    for native in rules.on_delete.archive.get(side, ()):
        yield ("on_delete", "archive", side.value, native), native
    for native in rules.duplicates.close.get(side, ()):
        yield ("duplicates", "close", side.value, native), native


def _written_names(rules: Integration, side: Side) -> Iterator[tuple[Path, str]]:
    """Those that we may write."""
    for index, field in enumerate(rules.fields):
        if field.flow.allows(side.other):
            yield ("fields", index, side.value), field.native(side)
    yield from _set_by_rule(rules, side)


def _changed(change: SchemaChange, rules: Integration, side: Side) -> Iterator[Finding]:
    """A field that is there and is another one. Applying the declaration anew says that its owner has seen to it."""
    end = rules.ends[side]
    name = f"{end.connection}'s {end.record_type} field {change.field!r}"
    since = f"since {change.at:%Y-%m-%d %H:%M} UTC"
    match change.kind:
        case "type":
            hit, says = _native_names(rules, side), f"is {change.after}, was {change.before}"
            then = "look whether its map and `normalise` still fit"
        case "read_only":
            hit, says = _written_names(rules, side), "can't be written"
            then = "give the account its right back, or let the field flow one way"
        case _:
            hit, says = _written_names(rules, side), "must have a value"
            then = "a record without one is refused"
    found = [path for path, native in hit if native == change.field]
    if not found and change.kind == "required" and _creates_on(rules, side):
        found, then = [("create",)], "map it, or set it under `create.with`: new records are refused"
    for path in found:
        key = _name(rules, side, change.field, path, change.kind)
        yield warning(path, f"{name} {says} {since}; {then}, then apply the declaration", alert=key)


def _creates_on(rules: Integration, side: Side) -> bool:
    return rules.create is not None and rules.create.direction.allows(side.other)


# ----------------------------------------------------------------------------------------------------------- values
class _Field:
    """One declared field, as both systems' allowed values bear on it."""

    def __init__(self, rules: Integration, path: Path, field: FieldMap, systems: Pair[SystemFacts]) -> None:
        self.rules, self.path, self.field, self.systems = rules, path, field, systems
        self.names = rules.ends.map(lambda end: end.connection)
        self.allowed: Pair[Sequence[JsonValue] | None] = Pair.of(
            lambda side: systems[side].allowed.get(field.native(side))
        )

    def refused(self, side: Side) -> Iterator[Finding]:
        """Values that the map or a default would write and the system doesn't take."""
        allowed, field = self.allowed[side], self.field
        if allowed is None:
            return
        taken = {element_key(field, side, value) for value in allowed}
        for key, value in _written(field, side):
            if element_key(field, side, value) not in taken:
                gone = self._change("value_removed", side, value)
                hint = "" if gone is None else f"{_removed(gone, 'name the new one in the map')}; "
                message = f"{self.names[side]}'s {field.native(side)!r} doesn't take {value!r}"
                alert = _name(self.rules, side, field.native(side), self.path, f"value/{value}")
                yield error(
                    (*self.path, key), f"{message}; {hint}it takes {listed(allowed)}", alert=alert,
                    at=(*self.path, key, *_entry(field, side, value)),
                )  # fmt: skip

    def new_values(self, side: Side) -> Iterator[Finding]:
        """Values that the system takes since it was first seen, and the map doesn't cover; a default covers all."""
        for value in self._lost(side):
            new = self._change("value_added", side, value)
            if new is not None and self.field.values is not None:
                native, other = self.field.native(side), self.names[side.other]
                alert = None if self._is_default(side.other) else f"new/{value}"
                maybe = "" if new.maybe is None else f" (maybe {new.maybe!r} renamed)"
                yield warning(
                    (*self.path, "values"),
                    f"{self.names[side]}'s {native!r} takes {value!r}{maybe} since {new.at:%Y-%m-%d %H:%M} UTC, and "
                    f"{other} has no counterpart: {self._consequence(side.other)}; add it to the map",
                    alert="" if alert is None else _name(self.rules, side, native, self.path, alert),
                )

    def without_counterpart(self, side: Side) -> Iterator[Finding]:
        """Values that people may choose on `side` and that can't be carried to the other."""
        lost = [
            v for v in self._lost(side) if not self.field.values or not self._change("value_added", side, v)
        ]
        if lost:
            message = f"{self.names[side.other]} has no counterpart for {self.names[side]}'s {listed(lost)}"
            yield warning((*self.path, "values"), f"{message}: {self._consequence(side.other)}")

    def _lost(self, side: Side) -> list[JsonValue]:
        if not self.field.flow.allows(side):
            return []
        taken = self.allowed[side.other]
        return [v for v in self.allowed[side] or () if not _can_be_carried(self.field, v, side, taken)]

    def _change(self, kind: str, side: Side, value: JsonValue) -> SchemaChange | None:
        native, key = self.field.native(side), element_key(self.field, side, value)
        for change in self.systems[side].changes:
            if change.kind == kind and change.field == native:
                meant = change.before if kind == "value_removed" else change.after
                if element_key(self.field, side, meant) == key:
                    return change
        return None

    def _is_default(self, towards: Side) -> bool:
        return self.field.unmapped.mode == "default" and towards in dict(self.field.unmapped.defaults)

    def _consequence(self, towards: Side) -> str:
        name = self.names[towards]
        if self._is_default(towards):
            return f"{name} gets {dict(self.field.unmapped.defaults)[towards]!r}"
        match self.field.unmapped.mode:
            case "blank":
                return f"{name}'s value is emptied"
            case "stop_pair":
                return "the whole pair stops"
            case _:
                return "the field waits until the map is mended"


def _written(field: FieldMap, side: Side) -> Iterator[tuple[str, JsonValue]]:
    """The key of the declaration and the value that it may write to this side."""
    if not field.flow.allows(side.other):
        return
    mapped = [theirs for _, theirs in field.values.towards(side)] if field.values else []
    yield from (("values", value) for value in dict.fromkeys(mapped))
    yield from (("unmapped", value) for at, value in field.unmapped.defaults if at is side)


def _entry(field: FieldMap, side: Side, value: JsonValue) -> Path:
    """Where in the map the value is written; of a map in one piece the key is the value of side A."""
    ours = (
        next((ours for ours, theirs in field.values.towards(side) if theirs == value), None)
        if field.values
        else None
    )
    direction = "a_to_b" if side is Side.B else "b_to_a"
    return direction, str(ours), *((str(value),) if side is Side.A else ())


def _can_be_carried(field: FieldMap, value: JsonValue, side: Side, taken: Sequence[JsonValue] | None) -> bool:
    found = counterpart(field, value, side.other)
    if found is UNMAPPED:
        return False
    if field.values or taken is None:
        return True
    return element_key(field, side.other, found) in {element_key(field, side.other, other) for other in taken}


# ------------------------------------------------------------------------------------------------------------ words
def _removed(change: SchemaChange, then: str) -> str:
    maybe = "" if change.maybe is None else f", maybe renamed to {change.maybe!r}"
    return f"it was there before {change.at:%Y-%m-%d %H:%M} UTC{maybe}: {then}"


def _name(rules: Integration, side: Side, native: str, path: Path, what: str) -> str:
    """Stays the same while the declaration's fields change places."""
    match path:
        case ("fields", int(index), *_):
            place = rules.fields[index].name
        case _:
            place = ".".join(map(str, path))
    return f"{rules.ends[side].connection}/{native}/{place}/{what}"
