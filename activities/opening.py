"""Before a pass decides anything: lift what an operator mended, look at what an earlier attempt left."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from activities.committing import alert_prefix
from activities.look import Look
from domain.outcome import Decision, DecisionVerdict, PlannedWrite
from domain.records import Snapshot
from domain.settlement import Outlook, brought_since, still_holds
from store import alerts, audit, decisions, pairs, parked, plans, reviews
from store.database import Tx
from store.plans import StepRow


class OpenPlanOutlook(StrEnum):
    NONE = "none"
    GO_ON = "go_on"
    OVERTAKEN = "overtaken"


async def lift(tx: Tx, pair_id: str, by: str) -> None:
    """An operator says the cause is mended: leave quarantine, un-park every unit, clear their alerts."""
    await pairs.quarantine(tx, pair_id, None)
    released = await parked.release(tx, pair_id)
    await alerts.clear_under(tx, alert_prefix(pair_id))
    await audit.append(tx, by, "retry", pair_id=pair_id, released=released)


async def with_units(tx: Tx, said: Sequence[Decision]) -> tuple[Decision, ...]:
    """Each decision with the unit that its review is or was about: a plain signal carries a token only."""
    return tuple([await _with_unit(tx, decision) for decision in said])


async def _with_unit(tx: Tx, decision: Decision) -> Decision:
    review = None if decision.unit else await reviews.get(tx, decision.token)
    return decision if review is None else decision.model_copy(update={"unit": review.unit})


async def heard_before(tx: Tx, pair_id: str, said: Sequence[Decision]) -> dict[str, DecisionVerdict]:
    """By token, which of these very decisions an earlier attempt has accepted already: its answer got lost."""
    if not said:
        return {}
    rows = await decisions.of_pair(tx, pair_id)
    return {row.token: row.verdict for row in rows if row.verdict.accepted and row.decision in said}


async def look_at_open_plan(tx: Tx, look: Look) -> OpenPlanOutlook:
    """Whether an open plan may be carried on; one that was overtaken is closed, its baselines stay (semantics §4.2)."""
    plan = look.work.plan
    if plan is None:
        return OpenPlanOutlook.NONE
    left = [step for step in plan.steps if step.state in {"pending", "claimed"}]
    if any(
        step.state == "claimed" for step in left
    ):  # it may have been sent: apply looks at that more closely
        return OpenPlanOutlook.GO_ON
    if left and all(outlook_of(look, step) is not Outlook.OVERTAKEN for step in left):
        return OpenPlanOutlook.GO_ON
    await plans.close(tx, plan.id, "overtaken")
    return OpenPlanOutlook.OVERTAKEN


def outlook_of(look: Look, step: StepRow) -> Outlook:
    """Whether one step may still be sent, by what its target shows in this look."""
    return still_holds(_write_of(step), look.snapshots[step.side], look.declared.fields)


def stands_already(look: Look, step: StepRow, shown: Snapshot) -> set[str]:
    """Native fields whose planned values stand on the target by now, though the look that was decided on didn't show them."""
    return brought_since(_write_of(step), look.snapshots[step.side], shown, look.declared.fields)


def _write_of(step: StepRow) -> PlannedWrite:
    return PlannedWrite(side=step.side, fields=step.fields, expect=step.expect)
