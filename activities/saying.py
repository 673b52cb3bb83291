"""What detect and resolve answer: short, for the loop and for whoever reads the history. Decides nothing."""

from __future__ import annotations

from datetime import timedelta

from activities.committing import Committed
from activities.display import contested_by_line, sensitive_fields, units_shown
from activities.look import Look
from activities.messages import (
    Assessed,
    ContestedField,
    PairRef,
    Resolved,
    Standing,
)
from activities.reading import Seen, Unseen
from activities.rulebook import Rules
from activities.standing import make_standing
from domain.engine import Assessment
from domain.outcome import DecisionVerdict, UnitVerdict, Verdict
from domain.records import Gone
from domain.sides import SIDES, Pair
from store.plans import OpenPlan
from store.work import PairWork

LOOK_AGAIN = timedelta(seconds=30)
"""After a record could not be seen; the loop's own back-off applies to systems that don't answer."""


def as_found(pair: PairRef, rules: Rules, found: PairWork, quarantine: str | None = None) -> Standing:
    """The standing that the store knows, where this step didn't change it."""
    return make_standing(pair, rules, found.reviews, held={}, parked=found.parked, quarantine=quarantine)


def say_ended(found: PairWork) -> Assessed:
    story = f"the link has ended: {found.pair.link_reason}"
    return Assessed(outcome="ended", story=story, standing=Standing(states=("detached",)))


def say_stopped(pair: PairRef, rules: Rules, found: PairWork, reason: str) -> Standing:
    standing = as_found(pair, rules, found, reason)
    return standing if not found.brake else standing.model_copy(update={"states": ("braked",)})


def say_gone(pair: PairRef, rules: Rules, found: PairWork, seen: Pair[Seen]) -> Assessed:
    gone = {side: one for side in SIDES if isinstance(one := seen[side], Gone)}
    story = f"{' and '.join(pair.end(side) for side in gone)} is gone"
    return Assessed(outcome="gone", story=story, gone=gone, standing=as_found(pair, rules, found))


def say_unreachable(pair: PairRef, rules: Rules, found: PairWork, unseen: Unseen) -> Assessed:
    standing = as_found(pair, rules, found).model_copy(update={"waits_for": unseen.reason})
    pause = LOOK_AGAIN if unseen.retry_in is None else min(unseen.retry_in, LOOK_AGAIN)
    return Assessed(outcome="unreachable", story=unseen.reason, retry_in=pause, standing=standing)


def say_go_on(look: Look, plan: OpenPlan, ids: Pair[int]) -> Assessed:
    return Assessed(
        outcome="plan",
        story="an open plan still holds: carry it out",
        snapshots=(ids.a, ids.b),
        plan_id=plan.id,
        writes=writes_shown(look, plan),
        look_again=True,
        standing=as_found(look.pair, look.rules, look.work),
    )


def say_conflicting(look: Look, assessment: Assessment, ids: Pair[int]) -> Assessed:
    contested = tuple(ContestedField(unit=unit, token=token) for unit, token in assessment.conflicts.items())
    return Assessed(
        outcome="conflicts",
        story=f"both sides changed {', '.join(assessment.conflicts)}",
        snapshots=(ids.a, ids.b),
        contested=contested,
        standing=as_found(look.pair, look.rules, look.work),
    )


def say_assessed(look: Look, verdict: Verdict, committed: Committed, ids: Pair[int]) -> Assessed:
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


def say_resolved(
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
