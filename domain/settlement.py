"""How a plan ends: may a step still be sent, and what the baseline becomes once it was (semantics §2.1, §2.3, §4.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydantic import JsonValue

from domain.integration import FieldMap
from domain.mapping import agree, is_same
from domain.outcome import PlannedHalf, PlannedWrite
from domain.records import Snapshot
from domain.sides import Pair, Side
from domain.values import MISSING, Value


class Outlook(StrEnum):
    """What to do with a step of an open plan."""

    SEND = "send"
    DONE = "done"  # every planned value stands there already
    OVERTAKEN = "overtaken"  # the target shows something that nobody decided on


def still_holds(write: PlannedWrite, snapshot: Snapshot, fields: Iterable[FieldMap]) -> Outlook:
    """Whether the write may still be sent: its target shows, field by field, what it was decided on or what it brings.

    So a plan from a restored store, or one whose request got lost, never rolls anything back.

    Args:
        write: The step.
        snapshot: Its target as read just now.
        fields: The declared fields; they say what a comparison ignores.
    """
    by_native = {field.native(write.side): field for field in fields}
    looks = [_look(by_native.get(native), write, native, snapshot) for native in write.fields]
    if Outlook.OVERTAKEN in looks:
        return Outlook.OVERTAKEN
    return Outlook.SEND if Outlook.SEND in looks else Outlook.DONE


def brought_since(
    write: PlannedWrite, decided: Snapshot, shown: Snapshot, fields: Iterable[FieldMap]
) -> set[str]:
    """Native fields that show by now what the write brings, and didn't when it was decided on."""
    by_native = {field.native(write.side): field for field in fields}
    return {
        native
        for native, field in by_native.items()
        if native in write.fields
        and _look(field, write, native, shown) is Outlook.DONE
        and _look(field, write, native, decided) is not Outlook.DONE
    }


def _look(field: FieldMap | None, write: PlannedWrite, native: str, snapshot: Snapshot) -> Outlook:
    shown = snapshot.value(native)
    if field is None or shown is MISSING:
        return Outlook.OVERTAKEN  # mapped to another attribute since
    if is_same(field, write.side, shown, write.fields[native]):
        return Outlook.DONE
    expected = native in write.expect and is_same(field, write.side, shown, write.expect[native])
    return Outlook.SEND if expected else Outlook.OVERTAKEN


@dataclass(frozen=True, slots=True)
class SettledHalves:
    """The baseline of one field after its writes."""

    halves: tuple[JsonValue, JsonValue]
    adjusted: bool = False
    """A system stored our value otherwise (trimmed, cut, sanitised): accepted, noted once, never travels back."""
    edited: bool = False
    """A rule over there turned our value into another class: that system's edit, which flows in the next pass."""


def settled_halves(field: FieldMap, half: PlannedHalf, responses: Mapping[Side, Value]) -> SettledHalves:
    """The halves that the baseline gets, from what was decided and what the writes' own responses show.

    Args:
        field: The declared field.
        half: What the plan decided.
        responses: What each written side's response says the field holds now; MISSING or absent where it says
            nothing. Never a later read: it could hide a person's edit.
    """
    halves = Pair(*half.halves)
    settled = SettledHalves(half.halves)
    for side in half.written:
        stored = responses.get(side, MISSING)
        if stored is not MISSING:
            settled = _with_response(field, halves, side, stored, settled)
    return settled


def _with_response(
    field: FieldMap, planned: Pair[JsonValue], side: Side, stored: JsonValue, settled: SettledHalves
) -> SettledHalves:
    is_ours = is_same(field, side, stored, planned[side])
    if not is_ours and field.values is not None and not _keeps_class(field, planned, side, stored):
        return SettledHalves(settled.halves, settled.adjusted, edited=True)
    now = Pair(*settled.halves).replace(side, stored)
    return SettledHalves((now.a, now.b), settled.adjusted or not is_ours, settled.edited)


def _keeps_class(field: FieldMap, planned: Pair[JsonValue], side: Side, stored: JsonValue) -> bool:
    found = Pair.of(lambda s: stored if s is side else planned[s])
    return agree(field, found.a, found.b)
