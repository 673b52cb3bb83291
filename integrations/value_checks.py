"""Findings about value maps: what does not come back, what a system doesn't take, what has no counterpart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from pydantic import JsonValue

from domain.integration import FieldMap, Flow, Integration
from domain.mapping import UNMAPPED, counterpart
from domain.normalise import element_key
from domain.sides import SIDES, Pair, Side
from integrations.findings import Finding, SystemFacts, error, note, warning
from integrations.mistakes import Path


def value_findings(rules: Integration, systems: Pair[SystemFacts]) -> Iterator[Finding]:
    """Everything about the values of each field, in the order of the declaration."""
    names = rules.ends.map(lambda end: end.connection)
    for index, field in enumerate(rules.fields):
        path: Path = ("fields", index)
        allowed = _allowed(field, systems)
        yield from _shared_counterparts(path, field, names)
        yield from _one_way_tickets(path, field, names)
        for side in SIDES:
            yield from _refused(path, field, side, allowed[side], names)
            yield from _without_counterpart(path, field, side, allowed, names)


def _allowed(field: FieldMap, systems: Pair[SystemFacts]) -> Pair[Sequence[JsonValue] | None]:
    return Pair.of(lambda side: systems[side].allowed.get(field.native(side)))


def _shared_counterparts(path: Path, field: FieldMap, names: Pair[str]) -> Iterator[Finding]:
    for side in SIDES:
        sharing: dict[str, list[JsonValue]] = defaultdict(list)
        for ours, theirs in field.values.towards(side) if field.values else ():
            sharing[element_key(field, side, theirs)].append(ours)
        for finer in sharing.values():
            if len(finer) > 1 and field.flow.allows(side):
                yield note((*path, "values"), _told_as_one(field, finer, side, names))


def _told_as_one(field: FieldMap, finer: list[JsonValue], side: Side, names: Pair[str]) -> str:
    shared = counterpart(field, finer[0], side)
    back = counterpart(field, shared, side.other) if shared is not UNMAPPED else UNMAPPED
    returned = (
        "has no way back" if back is UNMAPPED else f"becomes {back!r} where {names[side]} changes to it"
    )
    return f"{names[side.other]}'s {_listed(finer)} are all {shared!r} in {names[side]}, which {returned}"


def _one_way_tickets(path: Path, field: FieldMap, names: Pair[str]) -> Iterator[Finding]:
    """Values whose counterpart, once it comes back, says something else or nothing."""
    for side in SIDES:
        for ours, theirs in field.values.towards(side) if field.values else ():
            back = counterpart(field, theirs, side.other)
            if back is UNMAPPED and field.flow is Flow.BOTH:
                message = f"{names[side]}'s {theirs!r} has no way back to {names[side.other]}"
                yield warning(
                    (*path, "values"), f"{message}: it is unmapped when {names[side]} changes to it"
                )
            elif back is not UNMAPPED and not _goes_to(field, back, theirs, side):
                message = f"{names[side.other]}'s {ours!r} becomes {theirs!r} in {names[side]}"
                yield warning((*path, "values"), f"{message}, which comes back as another value, {back!r}")


def _goes_to(field: FieldMap, value: JsonValue, wanted: JsonValue, side: Side) -> bool:
    found = counterpart(field, value, side)
    return found is not UNMAPPED and element_key(field, side, found) == element_key(field, side, wanted)


def _refused(
    path: Path, field: FieldMap, side: Side, allowed: Sequence[JsonValue] | None, names: Pair[str]
) -> Iterator[Finding]:
    """Values that the map or a default would write and the system doesn't take."""
    if allowed is None:
        return
    taken = {element_key(field, side, value) for value in allowed}
    for key, value in _written(field, side):
        if element_key(field, side, value) not in taken:
            message = f"{names[side]}'s {field.native(side)!r} doesn't take {value!r}"
            yield error((*path, key), f"{message}; it takes {_listed(allowed)}")


def _written(field: FieldMap, side: Side) -> Iterator[tuple[str, JsonValue]]:
    """The key of the declaration and the value that it may write to this side."""
    if not field.flow.allows(side.other):
        return
    mapped = [theirs for _, theirs in field.values.towards(side)] if field.values else []
    yield from (("values", value) for value in dict.fromkeys(mapped))
    yield from (("unmapped", value) for at, value in field.unmapped.defaults if at is side)


def _without_counterpart(
    path: Path, field: FieldMap, side: Side, allowed: Pair[Sequence[JsonValue] | None], names: Pair[str]
) -> Iterator[Finding]:
    """Values that people may choose on `side` and that can't be carried to the other."""
    if not field.flow.allows(side) or allowed[side] is None:
        return
    lost = [
        value for value in allowed[side] or () if not _can_be_carried(field, value, side, allowed[side.other])
    ]
    if lost:
        message = f"{names[side.other]} has no counterpart for {names[side]}'s {_listed(lost)}"
        yield warning((*path, "values"), f"{message}: {_consequence(field, side.other, names)}")


def _can_be_carried(field: FieldMap, value: JsonValue, side: Side, taken: Sequence[JsonValue] | None) -> bool:
    found = counterpart(field, value, side.other)
    if found is UNMAPPED:
        return False
    if field.values or taken is None:
        return True
    return element_key(field, side.other, found) in {element_key(field, side.other, other) for other in taken}


def _consequence(field: FieldMap, towards: Side, names: Pair[str]) -> str:
    defaults = dict(field.unmapped.defaults)
    match field.unmapped.mode:
        case "default" if towards in defaults:
            return f"{names[towards]} gets {defaults[towards]!r}"
        case "blank":
            return f"{names[towards]}'s value is emptied"
        case "stop_pair":
            return "the whole pair stops"
        case _:
            return "the field waits until the map is mended"


def _listed(values: Sequence[JsonValue]) -> str:
    shown = ", ".join(repr(value) for value in values[:12])
    return shown if len(values) <= 12 else f"{shown} and {len(values) - 12} more"
