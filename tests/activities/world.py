"""Two in-process systems, a real store between them, and the steps of a pass called as the workflow calls them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar

import yaml
from temporalio.testing import ActivityEnvironment

from activities.context import Context
from activities.counterpart import Matched, MatchInput
from activities.ending import EndingActivities
from activities.matching import MatchActivities
from activities.messages import (
    Applied,
    ApplyInput,
    Assessed,
    DetectInput,
    Ended,
    EndInput,
    PairRef,
    Resolved,
    ResolveInput,
    ReviewEvent,
    Standing,
    StandingNote,
)
from activities.notifying import Notifier
from activities.noting import NotingActivities
from activities.passes import PassActivities
from connectors.memory.connector import Interfere, MemoryConnector, Moment, Operation, leave_alone
from connectors.memory.settings import MemorySettings
from connectors.memory.system import MemoryRecord, MemorySystem
from connectors.registry import Connections
from domain.errors import SystemUnavailable
from domain.outcome import Decision
from domain.records import RecordRef
from domain.sides import SIDES, Pair, Side
from integrations.connections import ConnectionConfig
from store import alerts, conflicts, integrations, pairs, work
from store.alerts import AlertRow
from store.conflicts import ConflictRow
from store.database import Database
from store.pairs import EndRow
from store.work import PairWork

T = TypeVar("T")
NAME = "tickets"
SCHEDULED = count()
"""Seconds after which attempts are scheduled: each later than those before."""

TITLE: dict[str, Any] = {"name": "title", "a": "title", "b": "summary"}
PRIORITY: dict[str, Any] = {
    "name": "priority",
    "a": "priority",
    "b": "urgency",
    "values": {"1": "High", "2": "Medium", "3": "Low"},
}
OWNER: dict[str, Any] = {"name": "owner", "a": "owner", "b": "assignee", "policy": ["review"]}
NOTES: dict[str, Any] = {"name": "notes", "a": "notes", "b": "description", "policy": ["merge", "review"]}

FIRST: Pair[dict[str, Any]] = Pair(
    {"title": "Printer", "priority": "2", "owner": "ines", "notes": "one\ntwo\nthree\n"},
    {"summary": "Printer", "urgency": "Medium", "assignee": "ines", "description": "one\ntwo\nthree\n"},
)
"""Both records in step."""


class LeftConnector(MemoryConnector):
    system = "Left"


class RightConnector(MemoryConnector):
    system = "Right"


CONNECTORS: Pair[type[MemoryConnector]] = Pair(LeftConnector, RightConnector)
NAMES = Pair("left", "right")


def declaration(*fields: dict[str, Any], **words: Any) -> str:
    """An integration as its owner writes it, over the four fields above unless others are given."""
    ends = {s.value: {"connection": NAMES[s], "record_type": "ticket"} for s in SIDES}
    listed = list(fields or (TITLE, PRIORITY, OWNER, NOTES))
    return yaml.safe_dump({"name": NAME, **ends, "fields": listed, **words}, sort_keys=False)


@dataclass(slots=True)
class Hands:
    """A clock that only the test moves."""

    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.at

    def advance(self, **span: float) -> None:
        self.at += timedelta(**span)


@dataclass(frozen=True, slots=True)
class Pass:
    """What the steps of one pass said."""

    found: Assessed
    resolved: Resolved | None = None
    applied: Applied | None = None

    @property
    def standing(self) -> Standing:
        return self.resolved.standing if self.resolved else self.found.standing


@dataclass(slots=True)
class World:
    """One deployment with two systems. `pair` is there once `link` was called."""

    database: Database
    clock: Hands
    connectors: Pair[MemoryConnector]
    context: Context
    pair: PairRef = field(default_factory=lambda: PairRef(integration=NAME, pair_id=""))

    @property
    def systems(self) -> Pair[MemorySystem]:
        return self.connectors.map(lambda connector: connector.state)

    # ------------------------------------------------------------------------------------------------ people
    def record(self, side: Side, record_id: str = "1") -> MemoryRecord:
        return self.systems[side].records[record_id]

    def edit(self, side: Side, **fields: Any) -> None:
        """Somebody saves new values; a minute later."""
        self.clock.advance(minutes=1)
        self.systems[side].edit("1", fields)

    def shows(self, side: Side, native: str) -> Any:
        return self.record(side).fields[native]

    def versions(self) -> tuple[int, int]:
        """How often each record was saved, by anybody."""
        return self.record(Side.A).version, self.record(Side.B).version

    # ------------------------------------------------------------------------------------------------ declaring
    async def declare(self, source: str) -> int:
        async with self.database.begin() as tx:
            return await integrations.apply(tx, NAME, source, "ines")

    async def link(self, a: str = "1", b: str = "1") -> PairRef:
        """Link two records by hand."""
        ends = Pair(self.end(Side.A, a), self.end(Side.B, b))
        async with self.database.begin() as tx:
            version, _ = await integrations.current(tx, NAME) or (0, "")
            row = await pairs.create(tx, NAME, version, ends)
        self.pair = PairRef(
            integration=NAME, pair_id=row.id, systems=("Left", "Right"), keys=(ends.a.key, ends.b.key)
        )
        return self.pair

    def ref(self, side: Side, record_id: str = "1") -> RecordRef:
        return RecordRef(connection=NAMES[side], record_type="ticket", id=record_id)

    def end(self, side: Side, record_id: str) -> EndRow:
        return EndRow(self.ref(side, record_id), self.record(side, record_id).key)

    # ------------------------------------------------------------------------------------------------ the steps
    async def detect(self, *, attempt: int = 1, **said: Any) -> Assessed:
        asked = DetectInput(pair=self.pair, **said)
        return await run(PassActivities(self.context).detect_changes, asked, attempt=attempt)

    async def resolve(self, found: Assessed, *decisions: Decision) -> Resolved:
        assert found.snapshots is not None
        asked = ResolveInput(pair=self.pair, snapshots=found.snapshots, decisions=decisions)
        return await run(PassActivities(self.context).resolve_conflicts, asked)

    async def apply(self, plan_id: int, **said: Any) -> Applied:
        """`said`: `attempt` and `activity_id`, where they matter."""
        asked = ApplyInput(pair=self.pair, plan_id=plan_id)
        return await run(PassActivities(self.context).apply_changes, asked, **said)

    async def end_link(self, **said: Any) -> Ended:
        return await run(EndingActivities(self.context).end_link, EndInput(pair=self.pair, **said))

    async def match(self, side: Side, record_id: str = "1", *, retried: bool = False) -> Matched:
        asked = MatchInput(integration=NAME, side=side, ref=self.ref(side, record_id), retried=retried)
        return await run(MatchActivities(self.context).match_record, asked)

    async def one_pass(self, *decisions: Decision, **said: Any) -> Pass:
        """Detect, resolve, apply, as `PairLoop` does."""
        found = await self.detect(**said)
        contested = found.snapshots is not None and (found.contested or decisions)
        resolved = await self.resolve(found, *decisions) if contested else None
        plan_id = (resolved.plan_id if resolved else None) or found.plan_id
        return Pass(found, resolved, await self.apply(plan_id) if plan_id is not None else None)

    async def settle(self) -> list[Pass]:
        """Passes until nothing asks for another one."""
        done = [await self.one_pass()]
        while (applied := done[-1].applied) and applied.outcome in {"again", "stale"}:
            assert len(done) < 10, "it never comes to rest"
            done.append(await self.one_pass())
        return done

    async def noted(self, asked: ReviewEvent | StandingNote) -> bool | None:
        activities = NotingActivities(self.context)
        if isinstance(asked, ReviewEvent):
            return await run(activities.notify_reviewers, asked)
        return await run(activities.note_standing, asked)

    # ------------------------------------------------------------------------------------------------ the store
    async def work(self) -> PairWork:
        async with self.database.begin() as tx:
            return await work.load(tx, self.pair.pair_id)

    async def log(self) -> list[ConflictRow]:
        async with self.database.begin() as tx:
            return await conflicts.of_pair(tx, self.pair.pair_id)

    async def alerts(self) -> list[AlertRow]:
        async with self.database.begin() as tx:
            return await alerts.open_alerts(tx)

    async def base(self, name: str) -> tuple[Any, Any]:
        """Both halves of a field's baseline."""
        row = (await self.work()).baselines[name].baseline
        return row.a, row.b


async def run(
    step: Callable[[Any], Awaitable[T]], asked: Any, *, attempt: int = 1, activity_id: str = "1"
) -> T:
    """One attempt of an activity, scheduled later than all before."""
    environment = ActivityEnvironment()
    environment.info = replace(
        environment.info,
        attempt=attempt,
        activity_id=activity_id,
        current_attempt_scheduled_time=datetime.fromtimestamp(next(SCHEDULED), UTC),
    )
    return await environment.run(step, asked)


def make_world(database: Database, settings: Pair[dict[str, Any]] | None = None, **words: Any) -> World:
    """Both systems with one ticket each, in step. `settings` are the connectors' own, `words` the context's."""
    clock, given = Hands(), settings or Pair({}, {})
    connectors = Pair.of(lambda side: _connector(side, given[side], clock))
    for side in SIDES:
        connectors[side].state.create("ticket", FIRST[side])
    opened = {NAMES[side]: connectors[side] for side in SIDES}
    configs = {name: ConnectionConfig(name=name, system="memory") for name in NAMES}
    connections = Connections(configs, open=lambda config: opened[config.name])
    words.setdefault("notifier", Notifier())
    context = Context(database=database, connections=connections, now=clock, **words)
    return World(database, clock, connectors, context)


def _connector(side: Side, settings: dict[str, Any], clock: Hands) -> MemoryConnector:
    read = MemorySettings.model_validate(settings)
    system = MemorySystem(now=clock, skew=read.skew, granularity=read.granularity)
    return CONNECTORS[side](NAMES[side], system, read, interfere=leave_alone)


# ---------------------------------------------------------------------------------------------------- interfering
def once(moment: str, operation: str, act: Callable[[], object]) -> Interfere:
    """Do something at one operation's moment, the first time that it comes: raise, edit, lose an answer."""
    left = [act]

    async def interfere(now: str, what: str, record_id: str | None) -> None:
        if (now, what) == (moment, operation) and left:
            left.pop()()

    return interfere


def raising(error: BaseException) -> Callable[[], object]:
    def act() -> object:
        raise error

    return act


def each(*acts: Interfere) -> Interfere:
    """Several of them, in this order at every moment."""

    async def interfere(moment: Moment, operation: Operation, record_id: str | None) -> None:
        for act in acts:
            await act(moment, operation, record_id)

    return interfere


LOST = raising(SystemUnavailable("no answer"))
NO_CAS = Pair({}, {"compare_and_set": False})


# --------------------------------------------------------------------------------------------------------- plans
async def planned(world: World) -> int:
    """The plan that the next detect or resolve commits."""
    found = await world.detect()
    plan_id = found.plan_id or (await world.resolve(found)).plan_id
    assert plan_id is not None
    return plan_id


async def two_steps(world: World, **beside: str) -> int:
    """A plan that writes to A first, then to B: merged notes for both, and B's other edits for A."""
    world.edit(Side.A, notes="ONE\ntwo\nthree\n")
    world.edit(Side.B, description="one\ntwo\nTHREE\n", **beside)
    world.connectors.b.interfere = once("before", "write", LOST)
    return await planned(world)
