"""Take up a plan where earlier attempts left it: everything they brought was committed step by step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from activities.look import Look
from activities.progress import Progress
from domain.sides import SIDES
from domain.values import same
from domain.view import Overwritten
from store.plans import OpenPlan, StepRow


def resumed(look: Look, plan: OpenPlan) -> Progress:
    """How far the plan has come: writes made, units refused, edits that a write has hit or that stand beside one."""
    progress = Progress(look.declared, plan.plan)
    progress.refused = _refused(look, plan, progress)
    for step in plan.steps:
        if step.state == "refused":
            progress.hopeless = look.work.pair.quarantine or ""
        elif step.state == "done":
            progress.take(step.side, progress.still_wanted(step.side, step.fields), step.response or {})
            progress.hit(step.side, hits_of(look, step))
    for side in {step.side for step in plan.steps if step.state == "done"}:
        last = look.work.last[side]
        if last is not None:
            progress.compare_rest(look.pair.end(side), side, look.snapshots[side], last.snapshot.fields)
    return progress


def _refused(look: Look, plan: OpenPlan, progress: Progress) -> dict[str, str]:
    """Units of this plan that are parked by now, or were refused together with their pair."""
    units = {unit for side in SIDES for unit in progress.unit_of(side).values()}
    whole = [s for s in plan.steps if s.state == "refused"]
    together = {progress.unit_of(step.side)[native] for step in whole for native in step.fields}
    why = look.work.pair.quarantine or "refused"
    parked = {unit: reason for unit, reason in look.work.parked.items() if unit in units}
    return {**dict.fromkeys(together, why), **parked}


def hits_of(look: Look, step: StepRow) -> Iterator[Overwritten]:
    """Edits kept from this very step: they are known by what our write left. The plan was decided on all others."""
    for native, edit in look.work.overwritten[step.side].items():
        if (
            native in step.fields
            and same(edit.ours, step.fields[native])
            and not puts_back(step.fields, edit)
        ):
            yield edit


def puts_back(fields: Mapping[str, JsonValue], edit: Overwritten) -> bool:
    """Whether a write of these values brings back what an earlier one had hit."""
    native = edit.version.field
    return native in fields and same(edit.version.value, fields[native])
