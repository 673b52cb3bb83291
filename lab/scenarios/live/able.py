"""Which cases can be played live, and for the others the words that stand in the way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from domain.sides import SIDES
from lab.scenarios.corpus import SIDE_WORDS, Case, Event, Given
from lab.scenarios.live.knocks import is_at_the_door, unknown_bounds, unknown_knock, unknown_request
from lab.scenarios.live.several import NUMBERED, unknown_number
from lab.scenarios.live.switches import Inexpressible, switches_of, unknown_words
from lab.scenarios.live.troubles import unknown_fault
from lab.scenarios.translation import completed, side_of

PLAYED = {"edit", "system_edit", "create", "delete", "move", "merge", "burst", "edit_each", "conflict_each", "inject", "signal", "fault",
          "review", "config", "poll", "settle", "webhook_raw", "http"}  # fmt: skip
POINT = re.compile(r"before_(read|write)_([AB])")


def why_not_live(case: Case) -> str | None:
    """The first word that can't be played; None if the case can be."""
    return next(_obstacles(case), None)


def _obstacles(case: Case) -> Iterator[str]:
    if not completed(case).given.fields and not any(is_at_the_door(event) for event in case.events):
        yield "the case declares no fields"
    yield from unknown_words(case.given)
    yield from unknown_bounds(case.given)
    try:
        for side in SIDES:
            switches_of(case.given, side)
    except Inexpressible as error:
        yield str(error)
    for event in case.events:
        yield from _obstacles_of(event, case.given)
        yield from _unknown_records(case.given, event)


def _obstacles_of(event: Event, given: Given) -> Iterator[str]:
    if event.verb not in PLAYED:
        yield event.verb or f"an event without a known verb ({', '.join(event.words)})"
    elif "record" in event.words and event.verb not in NUMBERED:
        yield f"{event.verb} of another record"
    elif event.verb == "webhook_raw":
        yield from unknown_knock(event.get("webhook_raw"))
    elif event.verb == "http":
        yield from unknown_request(event.get("http"))
    elif event.verb == "review" and str(event.get("by", "")).endswith("_role"):
        yield f"review by {event.get('by')}: nobody has a role yet"
    elif event.verb == "poll":
        yield from _unpolled(event, given)
    elif event.verb == "fault":
        if not is_at_the_door(event):
            yield from unknown_fault(event.get("fault"))
    elif event.verb == "inject":
        yield from _unknown_injection(event)
    elif event.verb == "config":
        yield from _unknown_change(event.get("config"))


def _unpolled(event: Event, given: Given) -> Iterator[str]:
    side = event.get("poll")
    if side not in SIDE_WORDS or not given.is_polled(side):
        yield f"poll of {side}, which isn't polled"


def _unknown_records(given: Given, event: Event) -> Iterator[str]:
    """Records that are meant by a number which none has."""
    if event.verb in NUMBERED and "record" in event.words:
        yield from unknown_number(given, event.get("record"), f"{event.verb} of record")
    if event.verb == "merge":
        for word in ("loser", "survivor"):
            yield from unknown_number(given, event.get(word), f"merge of {word}")
    if event.verb == "fault" and "record" in event.get("fault"):
        yield from unknown_number(given, event.get("fault")["record"], "fault of record")


def _unknown_change(words: dict[str, Any]) -> Iterator[str]:
    """A connection's settings are read when a process starts: its clock bound can't change within a case."""
    known = {*Given.model_fields, "rotate_secret"}
    yield from (f"config.{word}" for word in words if word not in known)
    if "bound" in words.get("clock", {}):
        yield "config.clock.bound"


def _unknown_injection(event: Event) -> Iterator[str]:
    said = event.get("inject")
    point = POINT.fullmatch(str(said.get("at")))
    if point is None:
        yield f"inject at {said.get('at')}"
    elif side_of(said.get("edit", said.get("system_edit", ""))) is not side_of(point[2]):
        yield f"inject at {said['at']} into the other system"
