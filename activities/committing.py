"""Save what a pass decided, whole: log, reviews, decisions, baselines, alerts and the plan are one commit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from pydantic import JsonValue

from activities.look import Look
from activities.messages import PairRef, Standing
from activities.standing import standing_of
from domain.integration import Integration
from domain.outcome import RECORD_UNIT, PlannedHalf, UnitState, Verdict, WritePlan
from domain.sides import SIDES, Pair, Side
from store import alerts, baselines, conflicts, decisions, overwritten, pairs, parked, plans, reviews
from store.baselines import Move
from store.database import Tx
from store.plans import NewStep, OpenPlan
from store.reviews import ReviewRow
from store.work import PairWork

LISTED_TO = timedelta(minutes=1)
"""How exactly the lists say when a pair was last looked at: a busy pair needn't say it every time."""


@dataclass(frozen=True, slots=True)
class Committed:
    """What stands in the store now."""

    plan: OpenPlan | None
    standing: Standing
    opened: tuple[str, ...] = ()


async def commit_verdict(tx: Tx, look: Look, verdict: Verdict, ids: Pair[int]) -> Committed:
    """Commit a pass. Log and plan are durable before the first write (semantics §4.1)."""
    work = look.work
    await settle(tx, look, verdict.adopted)
    await conflicts.append(tx, work.pair.id, work.pair.integration, look.rules.version, verdict.log)
    open_now, opened = await _commit_reviews(tx, look, verdict)
    await _commit_alerts(tx, look, verdict)
    plan = await _commit_plan(tx, look, verdict.plan, ids)
    standing = standing_of(look.pair, look.rules, verdict, open_now)
    if not _is_fresh(look, standing):
        await save_standing(tx, work, look.rules.version, standing, quarantine=verdict.stop_pair)
    return Committed(plan, standing, opened)


def _is_fresh(look: Look, standing: Standing) -> bool:
    """Whether the lists say so already. When the last pass was, they know to the minute."""
    pair = look.work.pair
    return (
        pair.last_pass_at is not None
        and look.view.now - pair.last_pass_at < LISTED_TO
        and (list(standing.states), standing.waits_for) == (pair.state, pair.waits_for)
        and look.rules.version == pair.version
        and not pair.paused
    )


async def save_standing(
    tx: Tx, work: PairWork, version: int, standing: Standing, *, quarantine: str | None = None
) -> None:
    """Note how the pair stands, for the lists."""
    if quarantine:
        await pairs.quarantine(tx, work.pair.id, quarantine)
    if version != work.pair.version:
        await pairs.set_version(tx, work.pair.id, version)
    if work.pair.paused:  # a pass only comes after `resume`
        await pairs.set_paused(tx, work.pair.id, paused=False)
    await pairs.set_state(tx, work.pair.id, standing.states, standing.waits_for)


async def settle(
    tx: Tx,
    look: Look,
    halves: Iterable[PlannedHalf],
    values: dict[str, tuple[JsonValue, JsonValue]] | None = None,
) -> None:
    """Move the baselines of these fields whole, from the revision that was read; races about them are judged now.

    Args:
        tx: The transaction.
        look: The pass.
        halves: The planned halves.
        values: By field, what to store instead: the halves as the writes' responses left them.
    """
    settled = list(halves)
    natives = {field.name: (field.a, field.b) for field in look.declared.fields}
    moves: dict[str, Move] = {}
    for half in settled:
        a, b = (values or {}).get(half.field, half.halves)
        moves[half.field] = (*natives[half.field], a, b)
    revisions = {name: row.baseline.revision for name, row in look.work.baselines.items()}
    await baselines.move(tx, look.work.pair.id, moves, expected=revisions)
    await _forget_races(tx, look, settled)
    mended = sorted({half.unit for half in settled} & look.work.torn.keys())
    if mended:
        await parked.release(tx, look.work.pair.id, mended)


async def _forget_races(tx: Tx, look: Look, settled: list[PlannedHalf]) -> None:
    names = {half.field for half in settled}
    for side in SIDES:
        natives = {field.native(side) for field in look.declared.fields if field.name in names}
        judged = sorted(natives & look.work.overwritten[side].keys())
        if judged:
            await overwritten.forget(tx, look.work.pair.id, side, judged)


async def _commit_reviews(tx: Tx, look: Look, verdict: Verdict) -> tuple[list[ReviewRow], tuple[str, ...]]:
    said = {decision.token: decision for decision in look.view.decisions}
    for judged in verdict.decisions:
        await decisions.record(tx, look.work.pair.id, said[judged.token], judged)
        if judged.accepted:
            await reviews.settle(tx, judged.token, judged.by)
    if not (verdict.reviews or look.work.reviews):
        return [], ()
    changes = await reviews.sync(tx, look.work.pair.id, verdict.reviews, look.view.now)
    new = (*changes.opened, *changes.reopened, *changes.moved)
    return changes.open, tuple(row.token for row in new)


async def _commit_alerts(tx: Tx, look: Look, verdict: Verdict) -> None:
    """Raise what holds; clear what held before and doesn't any more. A pair without alerts costs nothing here."""
    prefix = alert_prefix(look.work.pair.id)
    keys = []
    for alert in verdict.alerts:
        keys.append(f"{prefix}{alert.kind}/{alert.unit}")
        message = f"{look.pair.both}: {alert.message}"
        await alerts.raise_(tx, keys[-1], alert.kind, look.work.pair.id, message)
    if look.work.alerted:
        parked_units = [f"{prefix}{one.cause}/{unit}" for unit, one in look.work.stopped.items()]
        await alerts.clear_under(tx, prefix, keep=[*keys, *parked_units])


def alert_prefix(pair_id: str) -> str:
    return f"pair/{pair_id}/"


async def _commit_plan(tx: Tx, look: Look, plan: WritePlan | None, ids: Pair[int]) -> OpenPlan | None:
    if plan is None:
        return None
    steps = [step for write in plan.writes for step in _steps(look, write.side, write.fields, write.expect)]
    opened = await plans.create(tx, look.work.pair.id, look.rules.version, ids, steps, plan)
    # Behind it, since another attempt's plan that was still open lets nobody pass until its baselines have moved.
    revisions = {half.field: _revision(look, half.field) for half in plan.settles}
    await baselines.check_unmoved(tx, look.work.pair.id, revisions)
    return opened


def _revision(look: Look, field: str) -> int:
    row = look.work.baselines.get(field)
    return row.baseline.revision if row else 0


def _steps(
    look: Look, side: Side, fields: dict[str, JsonValue], expect: dict[str, JsonValue]
) -> Iterable[NewStep]:
    """One step per request that the system's API needs, in its order."""
    for part in look.connectors[side].parts(fields):
        yield NewStep(side, part, {name: expect[name] for name in part})


async def park(tx: Tx, look: Look, unit: str, cause: Literal["flap", "refused"], reason: str) -> None:
    """Stop one unit, with one alert; the others flow."""
    await parked.park(tx, look.work.pair.id, unit, cause, reason)
    key = f"{alert_prefix(look.work.pair.id)}{cause}/{unit}"
    await alerts.raise_(tx, key, cause, look.work.pair.id, f"{look.pair.both}: {unit} is parked: {reason}")


async def quarantine(tx: Tx, pair: PairRef, reason: str) -> None:
    """Stop the whole pair, with one alert."""
    await pairs.quarantine(tx, pair.pair_id, reason)
    key = f"{alert_prefix(pair.pair_id)}quarantined/{RECORD_UNIT}"
    await alerts.raise_(tx, key, "quarantined", pair.pair_id, f"{pair.both}: {reason}")


def natives_of(declared: Integration, units: Iterable[str]) -> Pair[Sequence[str]]:
    """The native names on both sides of the fields of these units."""
    wanted = set(units)
    members = [field for unit in declared.units if unit.name in wanted for field in unit.fields]
    return Pair.of(lambda side: [field.native(side) for field in members])


def moving_units(verdict: Verdict) -> list[str]:
    """Units that this pass would write."""
    return [u.unit for u in verdict.units if u.state in {UnitState.CARRIED, UnitState.DECIDED}]
