"""Findings about value maps alone: what shares a counterpart, what does not come back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from pydantic import JsonValue

from domain.integration import FieldMap, Flow, Integration
from domain.mapping import UNMAPPED, counterpart
from domain.normalise import element_key
from domain.sides import SIDES, Pair, Side
from integrations.findings import Finding, note, warning
from integrations.mistakes import Path


def value_findings(rules: Integration) -> Iterator[Finding]:
    """What the maps themselves say, in the order of the declaration."""
    names = rules.ends.map(lambda end: end.connection)
    for index, field in enumerate(rules.fields):
        path: Path = ("fields", index)
        yield from _shared_counterparts(path, field, names)
        yield from _one_way_tickets(path, field, names)


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
    return f"{names[side.other]}'s {listed(finer)} are all {shared!r} in {names[side]}, which {returned}"


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


def listed(values: Sequence[JsonValue]) -> str:
    shown = ", ".join(repr(value) for value in values[:12])
    return shown if len(values) <= 12 else f"{shown} and {len(values) - 12} more"
