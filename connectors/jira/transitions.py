"""Which way leads from one status to another, by what has been seen of the workflow.

Jira has no call that tells a workflow to ordinary accounts; only the transitions that an issue may take *now*. Each
list seen is drawn into a chart of its workflow (one per project and issue type), and ways are searched on the chart:
shortest first, at most `MAX_HOPS` long, and never through a status of the category "done" unless it is the target,
because closing and reopening fires people's notifications, reports and rules.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, Field, JsonValue

from connectors.jira.fields import Schema, shaped
from domain.errors import RecordRejected

MAX_HOPS = 4
"""More than any workflow template of Jira's needs between two statuses."""


class Category(BaseModel):
    key: str = ""


class Status(BaseModel):
    id: str
    name: str
    category: Category = Field(default_factory=Category, alias="statusCategory")

    @property
    def is_done(self) -> bool:
        return self.category.key == "done"


class ScreenField(BaseModel):
    """A field on the screen of a transition."""

    required: bool = False
    has_default: bool = Field(default=False, alias="hasDefaultValue")
    schema_: Schema = Field(default_factory=Schema, alias="schema")


class Transition(BaseModel):
    id: str
    name: str = ""
    to: Status
    fields: dict[str, ScreenField] = Field(default_factory=dict)
    is_available: bool = Field(default=True, alias="isAvailable")

    def missing(self, values: Mapping[str, JsonValue]) -> list[str]:
        """Required fields that neither these values nor Jira's own defaults fill."""
        return [n for n, f in self.fields.items() if f.required and not f.has_default and n not in values]


class TransitionList(BaseModel):
    transitions: list[Transition]


@dataclass(slots=True)
class Chart:
    """What is known of one workflow: status name → the statuses that follow."""

    steps: dict[str, dict[str, Status]] = field(default_factory=dict)

    def draw(self, status: str, transitions: Sequence[Transition]) -> None:
        """Note what follows this status; a newer list replaces an older one."""
        self.steps[status] = {t.to.name: t.to for t in transitions if t.is_available}

    def route(self, start: str, target: str) -> list[str] | None:
        """The statuses to pass, target included; None if no known way is short enough."""
        return self._search(start).get(target)

    def blanks(self, start: str) -> list[str]:
        """Statuses in reach of which nothing is known yet, nearest first."""
        return [s for s, way in self._search(start).items() if self._may_pass(way) and s not in self.steps]

    def _search(self, start: str) -> dict[str, list[str]]:
        """The shortest way to each status in reach, nearest first (breadth-first search)."""
        ways: dict[str, list[str]] = {start: []}
        queue = deque([start])
        while queue:
            here = queue.popleft()
            if not self._may_pass(ways[here]):
                continue
            for status in self.steps.get(here, {}):
                if status not in ways:
                    ways[status] = [*ways[here], status]
                    queue.append(status)
        return ways

    def _may_pass(self, way: Sequence[str]) -> bool:
        """Whether a search may go on from the end of this way."""
        done = any(self._is_done(status) for status in way)
        return len(way) < MAX_HOPS and not done

    def _is_done(self, status: str) -> bool:
        return any(steps[status].is_done for steps in self.steps.values() if status in steps)


def pick(transitions: Sequence[Transition], status: str, values: Mapping[str, JsonValue]) -> Transition:
    """The transition to take to a status that the list offers: one whose screen these values fill, if there is one.

    Raises:
        RecordRejected: Two different statuses bear this name.
    """
    fitting = [t for t in transitions if t.to.name == status and t.is_available]
    if len({t.to.id for t in fitting}) > 1:
        raise RecordRejected(
            f"Jira knows several statuses {status!r} here", fields={"status": "the name is ambiguous"}
        )
    return next((t for t in fitting if not t.missing(values)), fitting[0])


def fill_screen(
    transition: Transition, given: Mapping[str, JsonValue], defaults: Mapping[str, JsonValue]
) -> dict[str, JsonValue]:
    """The values to send with a transition: those given, and defaults for what else it requires.

    A field to be cleared that the screen lacks is left to the workflow: reopening clears the resolution by itself.

    Raises:
        RecordRejected: Names a required field without a value, or a given one that the screen lacks.
    """
    on_screen, required = transition.fields, transition.missing(given)
    values = {n: defaults[n] for n in required if n in defaults} | dict(given)
    strange = [n for n, value in given.items() if n not in on_screen and value is not None]
    faults = {
        **dict.fromkeys(strange, f"is not on the screen of {transition.name!r}"),
        **dict.fromkeys(transition.missing(values), f"is required by {transition.name!r}"),
    }
    if faults:
        raise RecordRejected(
            f"Jira transition {transition.name!r}: {', '.join(faults)} can't be filled; map it, or give it a value "
            "under transition_fields",
            fields=faults,
        )
    return {n: shaped(n, value, on_screen[n].schema_) for n, value in values.items() if n in on_screen}
