"""One pair's life, chosen by a seed: people, notices, reviewers and faults around production's loop and activities."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random  # noqa: TID251 - seeded
from typing import Any, cast

from temporalio.exceptions import ActivityError, ApplicationError, RetryState
from temporalio.testing import ActivityEnvironment

from activities.failures import as_failure
from activities.messages import PairRef, SideNotice
from connectors.memory.connector import Moment, Operation
from connectors.memory.system import Author, Kind, MemoryRecord, MemorySystem
from domain.errors import SyncError, SystemUnavailable
from domain.outcome import Decision
from domain.sides import SIDES, Pair, Side
from lab.chaos.cast import DECLARED, EDITS, Cast
from store import conflicts, work
from store.database import Tx
from workflows.pair import PairLoop

ATTEMPTS = 3
SWEEPS = 4
"""After so many, nothing new comes of them."""
LOGGED = ("unit", "stage", "winner", "outcome", "overruled", "values")
SOMEBODY = Author("ada")
Line = dict[str, Any]


class Crash(BaseException):
    """The process died here: nothing of the attempt goes on, and nothing of it is caught."""


@dataclass(slots=True)
class Life:
    """Everything that happens is one draw of `chance`, so a seed is a life."""

    cast: Cast
    seed: int
    pair: PairRef
    records: Pair[str]
    chance: Random
    lines: list[Line] = field(default_factory=list)
    loop: PairLoop | None = None
    edits_left: int = 0
    faults_left: int = 0
    zombies: bool = True
    """Whether an attempt may be taken for dead and go on beside its successor."""
    undelivered: list[SideNotice] = field(default_factory=list)
    sweeps: int = 0
    quiet: bool = False
    logged: int = 0
    instances: dict[str, Any] = field(default_factory=dict)
    """Class name → activities."""
    _steps: int = 0
    _attempts: int = 0
    _committed: bool = False
    _successors: dict[tuple[int, int], asyncio.Task[Any]] = field(default_factory=dict)
    """Step and attempt that was taken for dead → the attempt whose answer counts in its place."""

    def now(self) -> datetime:
        return self.cast.clock()

    def advance_to(self, at: datetime) -> None:
        self.cast.clock.at = max(self.cast.clock.at, at)

    def tell(self, kind: str, **said: Any) -> None:
        t = (self.now() - self.cast.began).total_seconds()
        self.lines.append({"kind": kind, "t": t, **said})

    # ------------------------------------------------------------------------------------------------- around it
    async def goes_on(self) -> bool:
        """One thing happens while the pair rests."""
        if self.edits_left or self.undelivered:
            self._something()
            return True
        if self.loop is not None and self.loop.state.retry_at is not None:
            self.advance_to(self.loop.state.retry_at)
            self.faults_left = 0
            return True
        return await self._swept()

    async def _swept(self) -> bool:
        """As real sweeps do, tell of what the pair hasn't read, and no more; once there is nothing, have it look everywhere all the same.

        By then all is quiet: only what no sweep would find could be left.
        """
        if self.quiet:
            return False
        self.faults_left, self.sweeps = 0, self.sweeps + 1
        missed = await self._missed() if self.sweeps < SWEEPS else []
        if not missed:
            self.tell("quiet")
            self.quiet = True
        for side in missed or SIDES:
            self._signal(SideNotice(side=side, source="sweep"))
        return True

    async def _missed(self) -> list[Side]:
        """The sides whose record the pair hasn't read as it stands, or which is gone though all is said to be in step."""
        async with self.cast.ground.database.alone() as tx:
            known = await work.load(cast("Tx", tx), self.pair.pair_id)
        found = []
        for side in SIDES:
            record, last = self.system(side).records[self.records[side]], known.last[side]
            is_behind = last is None or last.snapshot.version != str(record.version)
            if known.pair.state == ["in_sync"] if record.deleted else is_behind:
                found.append(side)
        return found

    def _something(self) -> None:
        self.cast.clock.at += timedelta(seconds=self.chance.choice((0.2, 1, 5, 60)))
        kinds = ["edit"] * 2 * bool(self.edits_left) + ["deliver"] * 3 * bool(self.undelivered) + ["decide"]
        match self.chance.choice(kinds):
            case "edit":
                self._edit()
            case "deliver":
                self._deliver()
            case _:
                self._decide()

    def _edit(self) -> None:
        self.edits_left -= 1
        side = self.chance.choice(SIDES)
        record = self.system(side).records[self.records[side]]
        if record.deleted:
            return
        if self.chance.random() < 0.02:
            self.system(side).delete(record.id, SOMEBODY)
            return
        chosen = self.chance.sample(DECLARED, self.chance.choice((1, 1, 2)))
        changes = {
            f.native[side]: EDITS[f.name](record.fields[f.native[side]], side, self.chance) for f in chosen
        }
        self.system(side).edit(record.id, changes, SOMEBODY)

    def _deliver(self) -> None:
        """In any order; twice, late, or never."""
        notice = self.undelivered.pop(self.chance.randrange(len(self.undelivered)))
        fate = self.chance.random()
        if fate > 0.15:
            self._signal(notice)
        if fate > 0.9:
            self.undelivered.append(notice)

    def _signal(self, notice: SideNotice) -> None:
        if self.loop is not None:
            self.tell("signal", side=notice.side.value, source=notice.source)
            self.loop.change_noticed(notice)

    def _decide(self) -> None:
        """A reviewer answers what stands, or what stood once."""
        if self.loop is None:
            return
        known = [r.token for r in self.loop.state.standing.reviews] + self.loop.state.decided[-2:]
        if not known:
            return
        choice = self.chance.choice(("approve", "side"))
        side = self.chance.choice(SIDES) if choice == "side" else None
        said = Decision(token=self.chance.choice(known), choice=choice, side=side, by="rita", channel="api")
        if self.chance.random() < 0.7:
            try:
                PairLoop.check_decision(self.loop, said)
            except ApplicationError:
                return
        self.tell("decision", token=said.token, choice=choice, by="rita")
        self.loop.state.queue(said)

    def system(self, side: Side) -> MemorySystem:
        return self.cast.connectors[side].state

    # ------------------------------------------------------------------------------------------------ inside a step
    async def step(self, activity: Any, asked: Any) -> Any:
        """An activity with its attempts, as Temporal runs them."""
        self._steps += 1
        return await self._attempt(activity, asked, self._steps, 1)

    async def _attempt(self, activity: Any, asked: Any, step: int, attempt: int) -> Any:
        owner, name = activity.__qualname__.split(".")
        environment = ActivityEnvironment()
        self._attempts += 1
        scheduled = self.now() + timedelta(microseconds=self._attempts)
        environment.info = replace(
            environment.info,
            attempt=attempt,
            activity_id=str(step),
            current_attempt_scheduled_time=scheduled,
        )
        again = self._zombie(activity, asked, step, attempt)
        try:
            with again:
                result = await environment.run(getattr(self.instances[owner], name), asked)
        except Crash:
            failure = None
        except SyncError as error:
            failure = as_failure(error)
        else:
            await self.note_log()
            successor = self._successors.get((step, attempt))
            return result if successor is None else await successor
        await self.note_log()
        if (step, attempt) in self._successors:
            return await self._successors[step, attempt]
        if attempt < ATTEMPTS and not (failure and failure.non_retryable):
            self.cast.clock.at += timedelta(seconds=self.chance.choice((1, 8)))
            if (self.edits_left or self.undelivered) and self.chance.random() < 0.3:
                self._something()
            return await self._attempt(activity, asked, step, attempt + 1)
        raise _gave_up(name) from failure

    @contextmanager
    def _zombie(self, activity: Any, asked: Any, step: int, attempt: int) -> Iterator[None]:
        """While this attempt stands still somewhere, the next one may run from its begin to its end: once, as it has one successor."""

        async def interfere(moment: Moment, operation: Operation, record_id: str | None) -> None:
            await self._between(moment, operation)
            may_linger = self.zombies and attempt < ATTEMPTS and (step, attempt) not in self._successors
            if may_linger and self._draws(0.02):
                self.tell("crash", what="taken for dead", where=f"{moment} {operation}")
                successor = asyncio.ensure_future(self._attempt(activity, asked, step, attempt + 1))
                self._successors[step, attempt] = successor
                await asyncio.wait([successor])
            del record_id

        before = [connector.interfere for connector in self.cast.connectors]
        for connector in self.cast.connectors:
            connector.interfere = interfere
        try:
            yield
        finally:
            for connector, earlier in zip(self.cast.connectors, before, strict=True):
                connector.interfere = earlier

    async def _between(self, moment: Moment, operation: Operation) -> None:
        """People and notices at every await; then perhaps a fault."""
        while (self.edits_left or self.undelivered) and self.chance.random() < 0.12:
            self._something()
        where = f"{moment} {operation}"
        if self._draws(0.02):
            self.tell("crash", what="died", where=where)
            raise Crash
        if self._draws(0.03):
            self.tell("fault", what="lost reply" if moment == "after" else "outage", where=where)
            raise SystemUnavailable(f"no answer {where}")

    def _draws(self, odds: float) -> bool:
        hit = self.faults_left > 0 and self.chance.random() < odds * 2
        self.faults_left -= hit
        return hit

    def at_commit(self, where: str) -> None:
        """The store's transactions end here, too."""
        self._committed |= where == "after commit"
        if self._draws(0.01):
            self.tell("crash", what="died", where=where)
            raise Crash

    # ------------------------------------------------------------------------------------------------- recording
    def saved(self, side: Side, record: MemoryRecord, kind: Kind) -> None:
        """A system stored something, by anybody."""
        if record.id != self.records[side]:
            return
        if kind == "deleted":
            self.tell("delete", side=side.value, by=record.modified_by)
        else:
            changes = {
                v.field: {"old": v.old, "new": v.value}
                for v in record.history
                if v.sequence == record.version
            }
            is_ours = record.modified_by == "accord"
            self.tell("write" if is_ours else "edit", side=side.value, by=record.modified_by, fields=changes)
        self.undelivered.append(SideNotice(side=side, kind=kind, version=str(record.version)))

    async def note_log(self) -> None:
        """Lines that became durable by now."""
        if not self._committed:
            return
        self._committed = False
        async with self.cast.ground.database.alone() as tx:
            rows = await conflicts.of_pair(cast("Tx", tx), self.pair.pair_id, after=self.logged)
        for row in rows:
            self.logged, line = row.id, row.line.model_dump(mode="json")
            kept = {name: line[name] for name in LOGGED}
            self.tell("log", what=line["kind"], conflict=row.line.conflict_id, n=row.n, **kept)


def _gave_up(name: str) -> ActivityError:
    return ActivityError(
        f"{name} gave up",
        scheduled_event_id=0,
        started_event_id=0,
        identity="chaos",
        activity_type=name,
        activity_id="1",
        retry_state=RetryState.MAXIMUM_ATTEMPTS_REACHED,
    )
