"""The three steps of a pass. Each loads, asks the core and saves; a record never leaves the store for a payload."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from temporalio import activity

from activities.committing import commit_verdict, quarantine
from activities.context import Context
from activities.evidence import weigh
from activities.facts import gather_facts
from activities.flapping import park_flapping
from activities.gating import refuse_closed
from activities.latecomers import with_late_hits
from activities.look import Look, make_look, named
from activities.messages import (
    Applied,
    ApplyInput,
    Assessed,
    DetectInput,
    PairRef,
    Resolved,
    ResolveInput,
)
from activities.opening import OpenPlanOutlook, heard_before, lift, look_at_open_plan, with_units
from activities.reading import Seen, Unseen, read_ends
from activities.releasing import freed, lifted
from activities.rulebook import Rules
from activities.saying import (
    as_found,
    say_assessed,
    say_conflicting,
    say_ended,
    say_go_on,
    say_gone,
    say_resolved,
    say_stopped,
    say_unreachable,
)
from activities.scoping import Leaver
from activities.superseding import without_superseded
from activities.writing import PlanWriter
from domain.engine import assess, decide
from domain.errors import StopRecord, TryAgain
from domain.outcome import Decision
from domain.records import Snapshot
from domain.sides import SIDES, Pair, Side
from store import pairs, snapshots, work
from store.database import Tx
from store.work import PairWork


class PassActivities:
    """detect, resolve, apply: what an operator sees of a pass in the Temporal UI."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @activity.defn
    async def detect_changes(self, asked: DetectInput) -> Assessed:
        """Read both sides and compare them with the baseline; where nothing conflicts, commit the plan.

        Safe to run twice, also at once: it writes to the store only, a baseline moves only from the revision that
        was read, a pair has one open plan at most, and nothing is kept of an attempt whose word doesn't count any more.
        """
        if asked.follows or activity.info().attempt > 1:
            async with self.context.database.alone() as tx:
                await snapshots.fence(tx, asked.pair.pair_id, _scheduled())
        if asked.retried_by:
            async with self.context.database.begin() as tx:
                await lift(tx, asked.pair.pair_id, asked.retried_by)
        async with self.context.database.alone() as tx:
            found, rules = await self._load(tx, asked.pair)
        pair = named(asked.pair, found, self.context.connectors(rules.integration))
        if found.pair.link != "active":
            return say_ended(found)
        stop = found.brake or found.pair.quarantine or ""
        if stop and (found.brake or not asked.notices or asked.gone):
            return Assessed(outcome="stopped", story=stop, standing=say_stopped(pair, rules, found, stop))
        return await self._look(asked, pair, rules, found, stop)

    async def _look(
        self, asked: DetectInput, pair: PairRef, rules: Rules, found: PairWork, stop: str
    ) -> Assessed:
        """Read both ends. `stop` says why the pair is in quarantine, out of which only a person's edit leads here."""
        _refuse_closed(found)
        refs = found.pair.ends.map(lambda end: end.ref)
        try:
            seen = await read_ends(refs, self.context.connections, asked.gone)
        except StopRecord as error:
            return await self._quarantine(pair, rules, found, error.message)
        if any(isinstance(one, Unseen) for one in seen):
            return await self._weigh(asked, pair, rules, found, seen)
        if not (isinstance(seen.a, Snapshot) and isinstance(seen.b, Snapshot)):
            return say_gone(pair, rules, found, seen)
        read = Pair(seen.a, seen.b)
        live = await lifted(self.context, rules.integration, found, read) if stop else found
        if live is None:
            return Assessed(outcome="stopped", story=stop, standing=say_stopped(pair, rules, found, stop))
        live = await with_late_hits(self.context, rules, live, read)
        left = await Leaver(self.context, pair, live, rules, read).leaves()
        return left or await self._compare(make_look(self.context, asked.pair, live, rules, read))

    async def _quarantine(self, pair: PairRef, rules: Rules, found: PairWork, why: str) -> Assessed:
        """A record that can't be read for a reason of its own: poison, kept from the others."""
        standing = say_stopped(pair, rules, found, why)
        async with self.context.database.begin() as tx:
            await quarantine(tx, pair, why)
            await pairs.set_state(tx, pair.pair_id, standing.states, standing.waits_for)
        return Assessed(outcome="stopped", story=why, standing=standing)

    async def _weigh(
        self, asked: DetectInput, pair: PairRef, rules: Rules, found: PairWork, seen: Pair[Seen]
    ) -> Assessed:
        """A record can't be read: gone by now, or unreachable."""
        weighed = await weigh(self.context, found, rules.integration.on_delete.grace, seen, asked.missing)
        unseen = [one for one in weighed.seen if isinstance(one, Unseen)]
        if unseen:
            said = say_unreachable(pair, rules, found, unseen[0])
        else:
            said = say_gone(pair, rules, found, weighed.seen)
        return said.model_copy(update={"missing": weighed.missing})

    async def _compare(self, look: Look) -> Assessed:
        if look.work.parked:
            look = await freed(self.context, look)
        assessment = assess(look.declared, look.view)
        while assessment.meets and (moved := await self._moved_meanwhile(look)) is not None:
            look, assessment = moved, assess(moved.declared, moved.view)
        async with self.context.database.begin() as tx:
            ids = await snapshots.save(
                tx, look.pair.pair_id, look.snapshots, known=look.work.last, scheduled=_scheduled()
            )
            outlook = await look_at_open_plan(tx, look)
            if outlook is OpenPlanOutlook.GO_ON and look.work.plan is not None:
                return say_go_on(look, look.work.plan, ids)
            look, before = await without_superseded(tx, self.context, look), look
            assessment = assessment if look is before else assess(look.declared, look.view)
            if assessment.conflicts:
                return say_conflicting(look, assessment, ids)
            verdict = decide(look.declared, look.view, assessment)
            flapping = await park_flapping(tx, look, verdict)
            if flapping:
                look = make_look(self.context, look.pair, flapping, look.rules, look.snapshots)
                verdict = decide(look.declared, look.view)
            committed = await commit_verdict(tx, look, verdict, ids)
        return say_assessed(look, verdict, committed, ids)

    async def _moved_meanwhile(self, look: Look) -> Look | None:
        """A newer look, unless both records still stand as they were read: one after the other, not at one time."""
        refs = look.work.pair.ends.map(lambda end: end.ref)
        a, b = await read_ends(refs, self.context.connections, ())
        if not (isinstance(a, Snapshot) and isinstance(b, Snapshot)):
            raise TryAgain(f"{look.pair.both} can't be read a second time; the next pass says why")
        if (a.version, b.version) == (look.snapshots.a.version, look.snapshots.b.version):
            return None
        # A late request may have brought what met, and a person may have taken it back since.
        live = await with_late_hits(self.context, look.rules, look.work, Pair(a, b))
        return make_look(self.context, look.pair, live, look.rules, Pair(a, b))

    @activity.defn
    async def resolve_conflicts(self, asked: ResolveInput) -> Resolved:
        """Ask each conflict's policy chain, judge what people said; commit log, reviews and plan together.

        Safe to run twice, also at once: the same snapshots give the same answer, a log line is appended only if it
        says something new, a decision that counted is not heard again, and a pair has one open plan at most.
        """
        async with self.context.database.alone() as tx:
            found, rules = await self._load(tx, asked.pair)
            _refuse_closed(found)
            read = await _read(tx, found, Pair(*asked.snapshots))
            told = await with_units(tx, asked.decisions)
            heard = await heard_before(tx, asked.pair.pair_id, told)
        look = make_look(self.context, asked.pair, found, rules, read)
        facts = await gather_facts(self.context, look, assess(look.declared, look.view))
        said = self._admitted(look, tuple(d for d in told if d.token not in heard))
        valid = await self._allowed(look, said)
        look = make_look(
            self.context, asked.pair, found, rules, read, facts=facts, decisions=said, valid=valid
        )
        verdict = decide(look.declared, look.view)
        async with self.context.database.begin() as tx:
            if found.plan is not None:
                return Resolved(
                    outcome="look_again",
                    story="a plan is still open",
                    decisions=tuple(heard.values()),
                    standing=as_found(look.pair, rules, found),
                )
            flapping = await park_flapping(tx, look, verdict)
            if flapping:
                look = make_look(
                    self.context, asked.pair, flapping, rules, read, facts=facts, decisions=said, valid=valid
                )
                verdict = decide(look.declared, look.view)
            committed = await commit_verdict(tx, look, verdict, Pair(*asked.snapshots))
        return say_resolved(look, verdict, committed, tuple(heard.values()))

    @activity.defn
    async def apply_changes(self, asked: ApplyInput) -> Applied:
        """Send the plan's steps one by one; the last write that settles a field moves its baseline whole.

        Safe to run twice, also at once: a step is claimed by one attempt, a commit by another is refused, and a step
        is sent only while its target still shows what was decided on. Where the answer of the attempt that closed the
        plan got lost, another pass looks at what that one left to do.
        """
        async with self.context.database.alone() as tx:
            found, rules = await self._load(tx, asked.pair)
            if found.plan is None or found.plan.id != asked.plan_id:
                return Applied(outcome="again", story="this plan is closed already")
            _refuse_closed(found)
            read = await _read(tx, found, found.plan.snapshots)
        look = make_look(self.context, asked.pair, found, rules, read)
        return await PlanWriter(self.context.database, look, found.plan, _attempt()).write()

    async def _load(self, tx: Tx, pair: PairRef) -> tuple[PairWork, Rules]:
        try:
            found = await work.load(tx, pair.pair_id)
        except KeyError as error:
            raise StopRecord(
                f"pair {pair.pair_id} is not in the store; was the database exchanged?"
            ) from error
        return found, await self.context.rules.at(tx, found.pair.integration, found.newest_version)

    def _admitted(self, look: Look, said: tuple[Decision, ...]) -> tuple[Decision, ...]:
        """Where plain signals may not decide, they lose their token: refused, and on record."""
        allowed = look.declared.reviews.decide_by_signal
        if self.context.decide_by_signal if allowed is None else allowed:
            return said
        return tuple(
            d.model_copy(update={"choice": "", "note": "decisions by signal are switched off"})
            if d.channel == "signal"
            else d
            for d in said
        )

    async def _allowed(self, look: Look, said: tuple[Decision, ...]) -> Pair[Mapping[str, tuple[Any, ...]]]:
        """Live allowed values, asked for only where somebody decided on a value of their own."""
        if not any(decision.choice == "value" for decision in said):
            return Pair({}, {})
        natives = assess(look.declared, look.view).contested_natives
        a, b = [await self._allowed_on(look, side, natives[side]) for side in SIDES]
        return Pair(a, b)

    async def _allowed_on(
        self, look: Look, side: Side, natives: tuple[str, ...]
    ) -> dict[str, tuple[Any, ...]]:
        ref = look.snapshots[side].ref
        found = {native: await look.connectors[side].allowed_values(ref, native) for native in natives}
        return {native: tuple(values) for native, values in found.items() if values is not None}


async def _read(tx: Tx, found: PairWork, ids: Pair[int]) -> Pair[Snapshot]:
    """The snapshots that a pass began with: still the last ones and loaded already, unless another pass came between."""
    a, b = found.last
    if a and b and Pair(a.id, b.id) == ids:
        return Pair(a.snapshot, b.snapshot)
    return await snapshots.get(tx, ids)


def _refuse_closed(found: PairWork) -> None:
    """Begin nothing while one of both systems is known to be out; the rows came with the pair.

    Raises:
        ConnectionClosed: The pair waits until the connection opens.
    """
    for row in found.connections:
        refuse_closed(row)


def _scheduled() -> datetime:
    """When this attempt was, by Temporal's clock: a later one counts in its place."""
    return activity.info().current_attempt_scheduled_time


def _attempt() -> str:
    """Who holds a step: this attempt of this activity, and no other."""
    info = activity.info()
    return f"{info.workflow_run_id}/{info.activity_id}/{info.attempt}"
