"""Workflows: statuses and the transitions between them. Status is walked, never set."""

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

Category = Literal["new", "indeterminate", "done"]


class Status(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    category: Category


class Transition(BaseModel):
    """One step. Without `sources` it is global: open from every status but its target."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    name: str
    to: str
    sources: tuple[str, ...] = ()
    screen: tuple[str, ...] = ()
    """Fields that may be set with the transition."""
    required: tuple[str, ...] = ()
    """Those of the screen that must be."""

    def is_open_from(self, status: str) -> bool:
        return status in self.sources if self.sources else status != self.to


class Workflow(BaseModel):
    """The first status is that of a new issue."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    statuses: tuple[Status, ...]
    transitions: tuple[Transition, ...]

    def status(self, name: str) -> Status | None:
        return next((status for status in self.statuses if status.name == name), None)

    def open_from(self, status: str) -> list[Transition]:
        return [transition for transition in self.transitions if transition.is_open_from(status)]

    def is_done(self, status: str) -> bool:
        found = self.status(status)
        return found is not None and found.category == "done"


_SIMPLE: Final = Workflow(
    statuses=(
        Status(name="To Do", category="new"),
        Status(name="In Progress", category="indeterminate"),
        Status(name="Done", category="done"),
    ),
    transitions=(
        Transition(id="11", name="Start progress", to="In Progress", sources=("To Do",)),
        Transition(id="21", name="Stop progress", to="To Do", sources=("In Progress",)),
        Transition(id="31", name="Done", to="Done", sources=("In Progress",), screen=("resolution",)),
        Transition(id="41", name="Reopen", to="In Progress", sources=("Done",)),
    ),
)
"""To Do → In Progress → Done and back. A step to Done needs no resolution: a post function sets one."""

_REVIEWED: Final = Workflow(
    statuses=(
        Status(name="To Do", category="new"),
        Status(name="In Progress", category="indeterminate"),
        Status(name="In Review", category="indeterminate"),
        Status(name="Done", category="done"),
    ),
    transitions=(
        Transition(id="11", name="Start progress", to="In Progress", sources=("To Do",)),
        Transition(id="21", name="Stop progress", to="To Do", sources=("In Progress",)),
        Transition(id="31", name="Ask for review", to="In Review", sources=("In Progress",)),
        Transition(id="41", name="Reject", to="In Progress", sources=("In Review",)),
        Transition(
            id="51",
            name="Approve",
            to="Done",
            sources=("In Review",),
            screen=("resolution", "comment"),
            required=("resolution",),
        ),
        Transition(id="61", name="Reopen", to="In Progress", sources=("Done",)),
    ),
)
"""One status more on the way, and a resolution that must be chosen on the last step."""

PRESETS: Final = {"simple": _SIMPLE, "reviewed": _REVIEWED}
