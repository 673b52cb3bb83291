"""Cases with more than one pair: their records are numbered from 1, and pair n joins record n of both sides.

A record that an event calls by a word is one of a pair beside these, in step from the start, which counts for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from domain.sides import SIDES
from lab.scenarios.corpus import Event, Given
from lab.scenarios.live.world import World
from lab.scenarios.translation import side_of, word_of
from lab.systems.control_api import Action

MERGED = "merged_into"
"""The field in which a plain system says into which record one was merged."""
NUMBERED = {"edit", "system_edit", "delete"}
"""Verbs that may name a record by its number."""


def is_beside(given: Given, record: Any) -> bool:
    """Whether this word names a pair of its own: there is one, where the case's own are linked from the start."""
    return isinstance(record, str) and any(one.base for one in given.fields.values())


def unknown_number(given: Given, number: Any, what: str) -> Iterator[str]:
    """What stands in the way of meaning this record."""
    if is_beside(given, number):
        return
    if not (isinstance(number, int) and 1 <= number <= given.number):
        yield f"{what} {number}, of {given.number}"


async def act_on_one(world: World, event: Event) -> None:
    """Somebody, or an automation, edits or deletes the record with a number."""
    side = side_of(event.get(event.verb))
    is_person = event.verb != "system_edit"
    action = Action(
        do="delete" if event.verb == "delete" else "edit",
        record_type=world.name,
        id=world.named(side, event.get("record")),
        fields=event.get("set", {}),
        by=event.get("by") or ("somebody" if is_person else "automation"),
        origin="person" if is_person else "automation",
        at=world.clock.at(event.t),
    )
    world.polls.note(side, event.t)
    await world.controls[side].act([action])


async def edit_each(world: World, event: Event) -> None:
    """Somebody edits one field of every record of a side, each to a value of its own."""
    side, field = side_of(event.get("edit_each")), event.get("field")
    actions = [
        Action(
            do="edit",
            record_type=world.name,
            id=record,
            fields={field: event.get("value", f"edit {number}")},
            by=event.get("by") or "somebody",
            at=world.clock.at(event.t),
        )
        for number, record in enumerate(world.records[side], 1)
    ]
    world.polls.note(side, event.t)
    await world.controls[side].act(actions)


async def conflict_each(world: World, event: Event) -> None:
    """Of every pair, somebody on each side changes the first field at the same moment, to other values."""
    field = next(iter(world.given.fields))
    for side in SIDES:
        words = {"edit_each": word_of(side), "field": field, "value": f"{word_of(side)}'s own"}
        await edit_each(world, Event(t=event.t, **words))


async def merge(world: World, event: Event) -> None:
    """Somebody merges one record into another: the loser is closed and says where to look."""
    side = side_of(event.get("merge"))
    loser, survivor = (world.records[side][int(event.get(word)) - 1] for word in ("loser", "survivor"))
    by = event.get("by") or "somebody"
    world.polls.note(side, event.t)
    await world.controls[side].edit(world.name, loser, {MERGED: survivor}, by=by, at=world.clock.at(event.t))
