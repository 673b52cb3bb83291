"""Requests that came after their attempt had been taken for dead: what they hit is found at the next look."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from activities.context import Context
from activities.races import edits_hit_late, look_behind
from activities.rulebook import Rules
from activities.superseding import keep_hit
from domain.errors import RecordGone, RecordHidden
from domain.records import Snapshot
from domain.sides import SIDES, Pair, Side
from domain.view import Overwritten
from store import pairs, snapshots
from store.work import PairWork


async def with_late_hits(context: Context, rules: Rules, found: PairWork, read: Pair[Snapshot]) -> PairWork:
    """The pair with the edits that such a request has hit since the last snapshot.

    Asked once per attempt that was taken for dead, when its record has changed for the first time since.
    """
    for side in SIDES:
        last = found.last[side]
        if found.pair.ends[side].late_writer and last and last.snapshot.version != read[side].version:
            natives = [field.native(side) for field in rules.integration.fields]
            connector = context.connectors(rules.integration)[side]
            hit = await edits_hit_late(connector, last.snapshot, natives)
            found = await _kept(context, rules, found, side, hit)
            async with context.database.begin() as tx:
                await pairs.set_late_writer(tx, found.pair.id, side, may_come=False)
    return found


async def with_hits_behind(
    context: Context, rules: Rules, found: PairWork, gone: Collection[Side]
) -> PairWork:
    """The pair with the edits that requests of its open plan have hit whose answers nobody has: its last chance.

    Args:
        context: What the activity works with.
        rules: The declaration.
        found: A pair that no pass will come to again.
        gone: Sides whose record can't be read any more.
    """
    plan = found.plan
    lost = [step for step in plan.steps if step.state == "claimed" and step.side not in gone] if plan else []
    if plan is None or not lost:
        return found
    async with context.database.begin() as tx:
        decided = await snapshots.get(tx, plan.snapshots)
    for step in lost:
        connector = context.connectors(rules.integration)[step.side]
        try:
            shown = await connector.read(decided[step.side].ref)
        except (RecordGone, RecordHidden):
            continue
        done = sum(other.side is step.side and other.state == "done" for other in plan.steps)
        behind = await look_behind(connector, step, decided[step.side], shown, saved_by_us=done)
        found = await _kept(context, rules, found, step.side, behind.hit)
    return found


async def _kept(
    context: Context, rules: Rules, found: PairWork, side: Side, hit: list[Overwritten]
) -> PairWork:
    async with context.database.begin() as tx:
        for edit in hit:
            await keep_hit(tx, found.pair, rules, side, edit)
    known = found.overwritten[side] | {edit.version.field: edit for edit in hit}
    return replace(found, overwritten=found.overwritten.replace(side, known))
