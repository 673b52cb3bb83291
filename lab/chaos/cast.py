"""Who plays: two in-process systems that are poor or rich by the seed, a store whose commits may be the last act, and one declaration."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random  # noqa: TID251 - seeded
from typing import Any, cast

import yaml

from activities.context import Context
from activities.rulebook import RuleBook
from connectors.memory.connector import MemoryConnector
from connectors.memory.settings import MemorySettings
from connectors.memory.system import MemorySystem
from connectors.registry import Connections
from domain.sides import SIDES, Pair, Side
from integrations.connections import ConnectionConfig
from lab.chaos.memory.database import MemoryDatabase, nobody_dies
from store.database import Database, Tx

NAMES = Pair("left", "right")
URGENCY = {"1": "High", "2": "Medium", "3": "Low"}


@dataclass(frozen=True, slots=True)
class Declared:
    """One field of the declaration."""

    name: str
    native: Pair[str]
    policy: tuple[str, ...]
    values: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        words = {"name": self.name, "a": self.native.a, "b": self.native.b, "policy": list(self.policy)}
        return words | ({"values": dict(self.values)} if self.values else {})

    def head(self) -> dict[str, Any]:
        return self.document() | {"merges": "merge" in self.policy}


DECLARED = (
    Declared("title", Pair("title", "summary"), ("last_write_wins", "review")),
    Declared("priority", Pair("priority", "urgency"), ("last_write_wins",), URGENCY),
    Declared("owner", Pair("owner", "assignee"), ("review",)),
    Declared("notes", Pair("notes", "description"), ("merge", "review")),
)
FIRST = Pair(
    {"title": "Printer", "priority": "2", "owner": "ines", "notes": "one\ntwo\nthree\n"},
    {"summary": "Printer", "urgency": "Medium", "assignee": "ines", "description": "one\ntwo\nthree\n"},
)


def _text(chance: Random) -> str:
    return f"text {chance.randrange(8)}"


def _priority(shown: Any, side: Side, chance: Random) -> str:
    del shown
    return chance.choice(list(URGENCY) if side is Side.A else list(URGENCY.values()))


def _notes(shown: Any, side: Side, chance: Random) -> str:
    lines = str(shown).splitlines()
    lines.insert(chance.choice((0, len(lines))), f"{side.value} {chance.randrange(1000)}")
    return "\n".join(lines) + "\n"


EDITS: dict[str, Callable[[Any, Side, Random], str]] = {
    "title": lambda shown, side, chance: _text(chance),  # noqa: ARG005 - one signature for all fields
    "owner": lambda shown, side, chance: _text(chance),  # noqa: ARG005 - as above
    "priority": _priority,
    "notes": _notes,
}


@dataclass(slots=True)
class Hands:
    """A clock that only the life moves."""

    at: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


class MortalDatabase(Database):
    """Production's, with a way to die before and after each commit."""

    at_commit: Callable[[str], None] = staticmethod(nobody_dies)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Tx]:
        async with super().begin() as tx:
            yield tx
            self.at_commit("before commit")
        self.at_commit("after commit")


@dataclass(slots=True)
class Ground:
    """What lives may share: a store whose commits may be the last act, and parsed declarations."""

    database: MortalDatabase | MemoryDatabase
    integration: str
    rules: RuleBook = field(default_factory=RuleBook)


@dataclass(slots=True)
class Cast:
    """Both systems and the store of one life."""

    ground: Ground
    clock: Hands
    connectors: Pair[MemoryConnector]
    context: Context
    began: datetime


def make_cast(ground: Ground, clock: Hands, chance: Random, first_id: int) -> Cast:
    """Systems as rich and as skewed as the draw says, each with one record whose id no other life has."""
    connectors = Pair.of(lambda side: _connector(side, clock, chance))
    for side in SIDES:
        system = connectors[side].state
        record = system.create("ticket", FIRST[side])
        system.records = {str(first_id): record}
        record.id = str(first_id)
    configs = {name: ConnectionConfig(name=name, system="memory") for name in NAMES}
    opened = {NAMES[side]: connectors[side] for side in SIDES}
    connections = Connections(configs, open=lambda config: opened[config.name])
    database = cast("Database", ground.database)
    context = Context(database=database, connections=connections, rules=ground.rules, now=clock)
    return Cast(ground, clock, connectors, context, clock.at)


def _connector(side: Side, clock: Hands, chance: Random) -> MemoryConnector:
    settings = MemorySettings(
        compare_and_set=chance.random() < 0.5,
        change_history=chance.random() < 0.8,
        field_stamps=chance.random() < 0.3,
        returns_record=chance.random() < 0.8,
        granularity=timedelta(seconds=chance.choice((0, 1, 60))),
        skew=timedelta(seconds=chance.choice((0, 0, 3))),
    )
    system = MemorySystem(now=clock, skew=settings.skew, granularity=settings.granularity)
    return MemoryConnector(NAMES[side], system, settings)


@cache
def declaration(name: str) -> str:
    """The integration as its owner writes it."""
    ends = {s.value: {"connection": NAMES[s], "record_type": "ticket"} for s in SIDES}
    return yaml.safe_dump(
        {"name": name, **ends, "fields": [one.document() for one in DECLARED]}, sort_keys=False
    )
