"""The flap breaker at work: a unit that two automations pull to and fro is parked before it is written again."""

from __future__ import annotations

from dataclasses import replace

from activities.committing import moving_units, natives_of, park
from activities.look import Look
from domain.durations import spell_duration
from domain.flap import is_flapping
from domain.integration import Unit
from domain.outcome import Verdict
from domain.records import FieldVersion
from domain.sides import SIDES, Side
from store import snapshots
from store.database import Tx
from store.work import PairWork, StoppedUnit


async def park_flapping(tx: Tx, look: Look, verdict: Verdict) -> PairWork | None:
    """Park what flaps; the pair's work as it stands then, or None if nothing does."""
    moving = moving_units(verdict)
    if not moving:
        return None
    natives = natives_of(look.declared, moving)
    history = await snapshots.field_history(tx, look.pair.pair_id, natives, limit=20 * len(moving))
    limit = look.declared.limits.flap
    if len(history) <= limit.changes:
        return None
    reasons = {}
    for unit in look.declared.units:
        if unit.name in moving and any(_flaps(look, unit, side, history) for side in SIDES):
            span = spell_duration(limit.within)
            reasons[unit.name] = (
                f"it went to and fro more than {limit.changes} times in {span}; find what pulls at it"
            )
            await park(tx, look, unit.name, "flap", reasons[unit.name])
    parked = {unit: StoppedUnit("flap", reason) for unit, reason in reasons.items()}
    return replace(look.work, stopped={**look.work.stopped, **parked}) if parked else None


def _flaps(look: Look, unit: Unit, side: Side, history: list[tuple[Side, FieldVersion]]) -> bool:
    offset = look.view.clocks[side].offset
    natives = {field.native(side) for field in unit.fields}
    for native in natives:
        mine = [v for s, v in history if s is side and v.field == native]
        shifted = [v.model_copy(update={"at": v.at - offset}) if v.at else v for v in mine]
        if is_flapping(shifted, look.declared.limits.flap, look.view.now):
            return True
    return False
