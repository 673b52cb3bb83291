"""Both edits hold, where they can: sets element by element, text by line. A plain value can't be merged.

Comments need no policy: they are added on both sides and never conflict.
"""

from __future__ import annotations

from collections.abc import Callable

from pydantic import JsonValue

from domain.deciding.answers import Merges, Passes
from domain.deciding.set_merge import merge_sets
from domain.deciding.text_merge import merge_texts
from domain.integration import FieldType, Flow, Normaliser
from domain.mapping import is_same
from domain.reading import FieldReading, UnitReading
from domain.sides import Pair, Side

RULE = "merge"


def decide(reading: UnitReading) -> Merges | Passes:
    """Merge every contested member, or none: a group never ends in a combination that nobody chose."""
    merged: dict[str, Pair[JsonValue]] = {}
    for member in reading.members:
        if member.agreed or member.is_quiet:
            continue
        found = merge_member(member)
        if isinstance(found, Passes):
            return found
        merged[member.field.name] = found
    return Merges(merged, RULE, "both sides' edits hold")


def merge_member(member: FieldReading) -> Pair[JsonValue] | Passes:
    field = member.field
    if field.flow is not Flow.BOTH:
        return Passes(f"{field.name} flows one way: a merge would have to be written to both sides")
    if field.type is FieldType.SET:
        return merge_sets(member) or Passes(
            f"an element of {field.name} has no counterpart on the other side"
        )
    if field.type is FieldType.TEXT:
        return _merge_text(member)
    return Passes(f"{field.name} is a plain value: there is nothing to merge")


def _merge_text(member: FieldReading) -> Pair[JsonValue] | Passes:
    name, base, values = member.field.name, member.base, member.values
    if base is None:
        return Passes(f"{name} never stood in step: a text merge needs a base")
    if member.field.values is not None or not is_same(member.field, Side.A, base.a, base.b):
        return Passes(f"{name} is not the same text on both sides")
    texts = [value or "" for value in (base.a, values.a, values.b) if value is None or isinstance(value, str)]
    if len(texts) < 3:
        return Passes(f"{name} is not text on both sides")
    merged = merge_texts(texts[0], texts[1], texts[2], _line_form(member))
    if merged is None:
        return Passes(f"both sides edited the same lines of {name}, or lines next to each other")
    return Pair.of(lambda side: values[side] if is_same(member.field, side, merged, values[side]) else merged)


def _line_form(member: FieldReading) -> Callable[[str], str]:
    """What a comparison of lines doesn't see: what either side's comparison of the whole text doesn't."""
    declared = {*member.field.normalisers(Side.A), *member.field.normalisers(Side.B)}
    lower, strip = Normaliser.LOWER in declared, Normaliser.LINES in declared

    def form(line: str) -> str:
        bare = line.rstrip() if strip else line
        return bare.lower() if lower else bare

    return form
