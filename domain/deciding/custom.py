"""A project's own policy: a Python callable that the loader found and handed in.

It is called with its declared parameters and the facts, and returns `"a"`, `"b"`, `"merged"`, `"next"`, `"review"` or
`{"value": …, "side": "a"}`. Whatever else it does holds the field for a person.
"""

from __future__ import annotations

from typing import Any

from domain.deciding import merge
from domain.deciding.answers import Answer, Asks, Gives, Merges, Passes, Takes
from domain.deciding.facts import facts_of
from domain.deciding.rules import values_by_field
from domain.policies import Custom
from domain.reading import UnitReading
from domain.sides import Side

LONGEST_REASON = 500
"""Characters of a foreign text that a reason may carry."""


def decide(policy: Custom, reading: UnitReading) -> Answer:
    """Ask the callable. It fails closed: one that raises may have been the guard of a review."""
    rule = f"custom: {policy.name}"
    called = reading.view.custom.get(policy.name)
    if called is None:
        return Asks(rule, f"no custom policy {policy.name!r} is installed")
    try:
        said = called(dict(policy.params), facts_of(reading))
    except Exception as error:  # noqa: BLE001 - foreign code: whatever it raises must end in a review, not in a stalled pair
        said_why = "" if reading.is_sensitive else f": {error}"
        return Asks(rule, f"the custom policy failed: {type(error).__name__}{said_why}"[:LONGEST_REASON])
    return _understood(said, rule, reading)


def _understood(said: Any, rule: str, reading: UnitReading) -> Answer:
    match said:
        case "a" | "b":
            return Takes(Side(said), rule, f"{rule} takes {reading.view.systems[Side(said)]}")
        case "merged":
            merged = merge.decide(reading)
            return Merges(merged.values, rule, merged.why) if isinstance(merged, Merges) else merged
        case "next":
            return Passes(f"{rule} passes")
        case "review":
            return Asks(rule, f"{rule} asks for a person")
        case {"value": value, "side": "a" | "b" as side}:
            return Gives(values_by_field(reading, value), Side(side), rule, f"{rule} gives a value")
        case _:
            shown = "" if reading.is_sensitive else f": {said!r}"
            return Asks(rule, f"the custom policy returned nonsense{shown}"[:LONGEST_REASON])
