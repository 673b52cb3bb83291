"""The three steps of a pass. Each loads, asks the core and saves; a record never leaves the store for a payload."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from temporalio import activity

from activities.committing import Committed, commit_verdict
from activities.context import Context
from activities.display import contested_by_line, sensitive_fields, units_shown
from activities.evidence import weigh
from activities.facts import gather_facts
from activities.flapping import park_flapping
from activities.look import Look, make_look, named
from activities.messages import (
    Applied,
    ApplyInput,
    Assessed,
    ContestedField,
    DetectInput,
    PairRef,
    Resolved,
    ResolveInput,
    Standing,
)
from activities.opening import OpenPlanOutlook, heard_before, lift, look_at_open_plan, with_units
from activities.reading import Seen, Unseen, read_ends
from activities.rulebook import Rules
from activities.standing import make_standing
from activities.writing import PlanWriter
from domain.engine import Assessment, assess, decide
from domain.errors import StopRecord
from domain.outcome import Decision, DecisionVerdict, UnitVerdict, Verdict
from domain.records import Gone, Snapshot
from domain.sides import SIDES, Pair, Side
from store import snapshots, work
from store.database import Tx
from store.plans import OpenPlan
from store.work import PairWork

LOOK_AGAIN_AT_LAST = timedelta(minutes=5)
"""However long the grace period is: the record may come back."""
LOOK_AGAIN = timedelta(seconds=30)
"""After a record could not be seen; the loop's own back-off applies to systems that don't answer."""


class PassActivities:
    """detect, resolve, apply: what an operator sees of a pass in the Temporal UI."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @activity.defn
    async def detect_changes(self, asked: DetectInput) -> Assessed:
        """Read both sides and compare them with the baseline; where nothing conflicts, commit the plan.

        Safe to run twice, also at once: it writes to the store only, a baseline moves only from the revision that
        was read, and a pair has one open plan at most.
        """
        if asked.retried_by:
            async with self.context.database.begin() as tx:
                await lift(tx, asked.pair.pair_id, asked.retried_by)
        async with self.context.database.alone() as tx:
            found, rules = await self._load(tx, asked.pair)
        pair = named(asked.pair, found, self.context.connectors(rules.integration))
        if found.pair.link != "active":
            return _ended(found)
        if stop := found.pair.quarantine or found.brake:
            return Assessed(outcome="stopped", story=stop, standing=_stopped(pair, rules, found, stop))
        refs = found.pair.ends.map(lambda end: end.ref)
        seen = await read_ends(refs, self.context.connections, asked.gone)
        if any(isinstance(one, Unseen) for one in seen):
            return await self._weigh(asked, pair, rules, found, seen)
        if isinstance(seen.a, Snapshot) and isinstance(seen.b, Snapshot):
            look = make_look(self.context, asked.pair, found, rules, Pair(seen.a, seen.b))
            return await self._compare(look)
        return _gone(pair, rules, found, seen)

    async def _weigh(
        self, asked: DetectInput, pair: PairRef, rules: Rules, found: PairWork, seen: Pair[Seen]
    ) -> Assessed:
        """A record can't be read: gone by now, or unreachable."""
        weighed = await weigh(self.context, found, rules.integration.on_delete.grace, seen, asked.missing)
        unseen = [one for one in weighed.seen if isinstance(one, Unseen)]
        if unseen:
            said = _unreachable(pair, rules, found, unseen[0])
        else:
            said = _gone(pair, rules, found, weighed.seen)
        return said.model_copy(update={"missing": weighed.missing})

    async def _compare(self, look: Look) -> Assessed:
        assessment = assess(look.declared, look.view)
        async with self.context.database.begin() as tx:
            ids = await snapshots.save(tx, look.pair.pair_id, look.snapshots, known=look.work.last)
            outlook = await look_at_open_plan(tx, look)
            if outlook is OpenPlanOutlook.GO_ON and look.work.plan is not None:
                return _go_on(look, look.work.plan, ids)
            if assessment.conflicts:
                return _conflicting(look, assessment, ids)
            verdict = decide(look.declared, look.view)
            flapping = await park_flapping(tx, look, verdict)
            if flapping:
                look = make_look(self.context, look.pair, flapping, look.rules, look.snapshots)
                verdict = decide(look.declared, look.view)
            committed = await commit_verdict(tx, look, verdict, ids)
        return _assessed(look, verdict, committed, ids)

    @activity.defn
    async def resolve_conflicts(self, asked: ResolveInput) -> Resolved:
        """Ask each conflict's policy chain, judge what people said; commit log, reviews and plan together.

        Safe to run twice, also at once: the same snapshots give the same answer, a log line is appended only if it
        says something new, a decision that counted is not heard again, and a pair has one open plan at most.
        """
        async with self.context.database.alone() as tx:
            found, rules = await self._load(tx, asked.pair)
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
                    standing=_as_found(look.pair, rules, found),
                )
            flapping = await park_flapping(tx, look, verdict)
            if flapping:
                look = make_look(
                    self.context, asked.pair, flapping, rules, read, facts=facts, decisions=said, valid=valid
                )
                verdict = decide(look.declared, look.view)
            committed = await commit_verdict(tx, look, verdict, Pair(*asked.snapshots))
        return _resolved(look, verdict, committed, tuple(heard.values()))

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


def _attempt() -> str:
    """Who holds a step: this attempt of this activity, and no other."""
    info = activity.info()
    return f"{info.workflow_run_id}/{info.activity_id}/{info.attempt}"


def _as_found(pair: PairRef, rules: Rules, found: PairWork, quarantine: str | None = None) -> Standing:
    """The standing that the store knows, where this step didn't change it."""
    return make_standing(pair, rules, found.reviews, held={}, parked=found.parked, quarantine=quarantine)


def _ended(found: PairWork) -> Assessed:
    story = f"the link has ended: {found.pair.link_reason}"
    return Assessed(outcome="ended", story=story, standing=Standing(states=("detached",)))


def _stopped(pair: PairRef, rules: Rules, found: PairWork, reason: str) -> Standing:
    standing = _as_found(pair, rules, found, reason)
    return standing if found.pair.quarantine else standing.model_copy(update={"states": ("braked",)})


def _gone(pair: PairRef, rules: Rules, found: PairWork, seen: Pair[Seen]) -> Assessed:
    gone = {side: one for side in SIDES if isinstance(one := seen[side], Gone)}
    story = f"{' and '.join(pair.end(side) for side in gone)} is gone"
    return Assessed(outcome="gone", story=story, gone=gone, standing=_as_found(pair, rules, found))


def _unreachable(pair: PairRef, rules: Rules, found: PairWork, unseen: Unseen) -> Assessed:
    standing = _as_found(pair, rules, found).model_copy(update={"waits_for": unseen.reason})
    pause = LOOK_AGAIN if unseen.retry_in is None else min(unseen.retry_in, LOOK_AGAIN_AT_LAST)
    return Assessed(outcome="unreachable", story=unseen.reason, retry_in=pause, standing=standing)


def _go_on(look: Look, plan: OpenPlan, ids: Pair[int]) -> Assessed:
    return Assessed(
        outcome="plan",
        story="an open plan still holds: carry it out",
        snapshots=(ids.a, ids.b),
        plan_id=plan.id,
        writes=writes_shown(look, plan),
        look_again=True,
        standing=_as_found(look.pair, look.rules, look.work),
    )


def _conflicting(look: Look, assessment: Assessment, ids: Pair[int]) -> Assessed:
    contested = tuple(ContestedField(unit=unit, token=token) for unit, token in assessment.conflicts.items())
    return Assessed(
        outcome="conflicts",
        story=f"both sides changed {', '.join(assessment.conflicts)}",
        snapshots=(ids.a, ids.b),
        contested=contested,
        standing=_as_found(look.pair, look.rules, look.work),
    )


def _assessed(look: Look, verdict: Verdict, committed: Committed, ids: Pair[int]) -> Assessed:
    plan = committed.plan
    return Assessed(
        outcome="stopped" if verdict.stop_pair else "plan" if plan else "in_step",
        story=verdict.stop_pair or _story(verdict),
        snapshots=(ids.a, ids.b),
        units=units_shown(verdict.units, look.pair),
        plan_id=plan.id if plan else None,
        writes=writes_shown(look, plan) if plan else (),
        standing=committed.standing,
    )


def _resolved(
    look: Look, verdict: Verdict, committed: Committed, heard: tuple[DecisionVerdict, ...]
) -> Resolved:
    hidden = sensitive_fields(look.declared)
    plan = committed.plan
    return Resolved(
        outcome="stopped"
        if verdict.stop_pair
        else "plan"
        if plan
        else "waits"
        if verdict.reviews
        else "nothing",
        story=verdict.stop_pair or _story(verdict),
        contested=tuple(contested_by_line(line, look.pair, hidden) for line in verdict.log),
        decisions=(*heard, *verdict.decisions),
        plan_id=plan.id if plan else None,
        writes=writes_shown(look, plan) if plan else (),
        opened=committed.opened,
        standing=committed.standing,
    )


def _story(verdict: Verdict) -> str:
    """One sentence per unit that moved or waits."""
    sentences = [_sentence(unit) for unit in verdict.units if unit.state != "in_step"]
    return "; ".join(sentences)[:1000] or "both sides are in step"


def _sentence(unit: UnitVerdict) -> str:
    why = f" ({unit.reason})" if unit.reason else ""
    return f"{unit.unit}: {unit.state.value}{why}"


def writes_shown(look: Look, plan: OpenPlan) -> tuple[str, ...]:
    """`priority → Jira OPS-7`, one per request that is still to be made."""
    names = {s: {field.native(s): field.name for field in look.declared.fields} for s in SIDES}
    return tuple(
        f"{', '.join(names[step.side].get(native, native) for native in step.fields)} → {look.pair.end(step.side)}"
        for step in plan.steps
        if step.state in {"pending", "claimed"}
    )
