"""A lost record is created anew from the one that survived: with what both of them stand in step from there on."""

from __future__ import annotations

from pydantic import JsonValue

from domain.integration import Integration
from domain.mapping import agree
from domain.records import Snapshot
from domain.sides import Pair, Side
from domain.values import MISSING

Halves = tuple[JsonValue, JsonValue]


def new_baselines(rules: Integration, side: Side, survivor: Snapshot, made: Snapshot) -> dict[str, Halves]:
    """Field → both halves, so that the next pass carries what the create could not.

    Where the new record already says what the survivor says, both stand in step. Elsewhere (a status that is walked to,
    a default of the system) the survivor counts as changed, where its values travel at all; what the system itself
    put into the new record never travels back.

    Args:
        rules: The declaration.
        side: The survivor's.
        survivor: The record from which the new one was made.
        made: The new record.
    """
    found = {}
    for field in rules.fields:
        theirs, ours = survivor.value(field.native(side)), made.value(field.native(side.other))
        if theirs is MISSING or ours is MISSING:
            continue
        both = Pair.of(lambda s: theirs if s is side else ours)  # noqa: B023 - called at once
        stands = agree(field, both.a, both.b) or not field.flow.allows(side)
        halves = both if stands else both.replace(side, None)
        found[field.name] = (halves.a, halves.b)
    return found
