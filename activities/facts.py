"""Who changed the contested fields when: from the systems' histories, else from our own snapshots."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

from activities.context import Context
from activities.look import Look
from domain.engine import Assessment
from domain.records import Snapshot
from domain.sides import SIDES, Pair, Side
from domain.view import SideFacts
from store import snapshots


async def gather_facts(context: Context, look: Look, assessment: Assessment) -> Pair[SideFacts]:
    """What sharpens the decision of these conflicts; nothing is asked where none is."""
    natives = assessment.contested_natives
    a, b = await asyncio.gather(*(_side_facts(context, look, side, natives[side]) for side in SIDES))
    return Pair(a, b)


async def _side_facts(context: Context, look: Look, side: Side, natives: tuple[str, ...]) -> SideFacts:
    shown = {
        field.native(side): look.view.baselines[field.name].half(side)
        for field in look.declared.fields
        if field.native(side) in natives and field.name in look.view.baselines
    }
    async with context.database.alone() as tx:
        seen = await snapshots.last_showing(tx, look.pair.pair_id, side, shown) if shown else {}
    facts = SideFacts(
        seen_at={n: s.modified_at for n, s in seen.items() if s.modified_at is not None},
        seen_sequence={n: s.sequence for n, s in seen.items() if s.sequence is not None},
    )
    connector = look.connectors[side]
    if not natives or not connector.capabilities.change_history:
        return facts
    is_known = len(seen) == len(natives)
    since = min(seen.values(), key=_age) if is_known else None
    history = await connector.history(look.snapshots[side].ref, since)
    return replace(facts, history=tuple(v for v in history if v.field in natives))


def _age(snapshot: Snapshot) -> tuple[int, datetime]:
    """Orders snapshots of one record, oldest first."""
    return snapshot.sequence or 0, snapshot.modified_at or datetime.min.replace(tzinfo=UTC)
