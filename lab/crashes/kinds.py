"""The kinds of work that the processes die at: what is declared, what people do, and what must be so in the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from domain.sides import Pair

START: dict[str, Any] = {"title": "printer on fire", "prio": "P2", "labels": ["new"], "state": "open"}
"""Of both records, where they are linked before the work begins."""

NOTHING: Pair[Any] = Pair({}, {})

FIELDS = """
fields:
  - {name: title, a: title, b: title, policy: [last_write_wins, review]}
  - {name: prio, a: prio, b: prio, policy: [{source_priority: a}]}
  - {name: labels, a: labels, b: labels, type: set, policy: [merge]}
  - {name: state, a: state, b: state, policy: [review]}
"""


@dataclass(frozen=True, slots=True)
class End:
    """How one pair stands when all is at rest."""

    records: Pair[tuple[Mapping[str, JsonValue], ...]]
    """Fields of the records that exist, on either side."""
    log: tuple[str, ...] = ()
    """Conflict log: `unit: stage winner`, in order."""
    link: str = "active"

    def __str__(self) -> str:
        shown = (
            " | ".join(str(dict(sorted(one.items()))) for one in side) or "none" for side in self.records
        )
        return f"{' ⇄ '.join(shown)}; link {self.link}; log {list(self.log)}"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of work, which is an integration and a record type of its own."""

    name: str
    edits: Pair[Mapping[str, Any]] = NOTHING
    """What people set on either side, before any webhook of it arrives."""
    deletes: bool = False
    """Whether somebody deletes the left record."""
    creates: bool = False
    """Whether somebody creates the left record; else both are there and linked."""
    decides: str = ""
    """Which side a reviewer chooses, once asked."""
    ends: Pair[Mapping[str, Any] | None] = NOTHING
    """In which fields the records differ from their start; None where there is none any more."""
    log: tuple[str, ...] = ()
    link: str = "active"
    words: str = ""
    """More of the declaration."""

    @property
    def declaration(self) -> str:
        ends = "\n".join(f"{side}: {{connection: {name}, record_type: {self.name}}}" for side, name in NAMES)
        return f"name: {self.name}\n{ends}\n{FIELDS}{self.words}"

    def expected(self, title: str) -> End:
        """How the pair with this title must stand in the end."""
        return End(self.ends.map(lambda changed: _records(title, changed)), self.log, self.link)


def _records(title: str, changed: Mapping[str, Any] | None) -> tuple[Mapping[str, JsonValue], ...]:
    return () if changed is None else ({**START, "title": title, **changed},)


NAMES = ("a", "alpha"), ("b", "beta")

KINDS = (
    Kind("edit", edits=Pair({"prio": "P1"}, {}), ends=Pair({"prio": "P1"}, {"prio": "P1"})),
    Kind(
        "conflict",
        edits=Pair({"prio": "P3"}, {"prio": "P1"}),
        ends=Pair({"prio": "P3"}, {"prio": "P3"}),
        log=("prio: decided a",),
    ),
    Kind(
        "merge",
        edits=Pair({"labels": ["new", "left"]}, {"labels": ["new", "right"]}),
        ends=Pair({"labels": ["left", "new", "right"]}, {"labels": ["left", "new", "right"]}),
        log=("labels: decided merged",),
    ),
    Kind("create", creates=True, words="create: {when: 'true', direction: both}\n"),
    Kind(
        "delete",
        deletes=True,
        ends=Pair(None, None),
        log=("__record__: decided a",),
        link="closed",
        words="on_delete: {mode: propagate, versus_edit: keep, grace: 0s}\nlimits: {brake: 100 %}\n",
    ),
    Kind(
        "decision",
        edits=Pair({"state": "closed"}, {"state": "waiting"}),
        decides="b",
        ends=Pair({"state": "waiting"}, {"state": "waiting"}),
        log=("state: opened", "state: resolved b"),
    ),
)
