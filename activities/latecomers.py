"""Requests that came after their attempt had been taken for dead: what they hit is found at the next look."""

from __future__ import annotations

from dataclasses import replace

from activities.context import Context
from activities.races import edits_hit_late
from domain.integration import Integration
from domain.records import Snapshot
from domain.sides import SIDES, Pair, Side
from domain.view import Overwritten
from store import overwritten, pairs
from store.work import PairWork


async def with_late_hits(
    context: Context, rules: Integration, found: PairWork, read: Pair[Snapshot]
) -> PairWork:
    """The pair with the edits that such a request has hit since the last snapshot.

    Asked once per attempt that was taken for dead, when its record has changed for the first time since.
    """
    for side in SIDES:
        last = found.last[side]
        if found.pair.ends[side].late_writer and last and last.snapshot.version != read[side].version:
            natives = [field.native(side) for field in rules.fields]
            hit = await edits_hit_late(context.connectors(rules)[side], last.snapshot, natives)
            found = await _kept(context, found, side, hit)
    return found


async def _kept(context: Context, found: PairWork, side: Side, hit: list[Overwritten]) -> PairWork:
    async with context.database.begin() as tx:
        for edit in hit:
            await overwritten.keep(tx, found.pair.id, side, edit)
        await pairs.set_late_writer(tx, found.pair.id, side, may_come=False)
    known = found.overwritten[side] | {edit.version.field: edit for edit in hit}
    return replace(found, overwritten=found.overwritten.replace(side, known))
