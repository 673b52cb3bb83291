"""Edits that our write hit and that somebody replaced before any pass could judge them."""

from __future__ import annotations

from dataclasses import replace

from activities.context import Context
from activities.look import Look, make_look
from activities.rulebook import Rules
from domain.sides import Pair, Side
from domain.superseding import displaced, superseded
from domain.view import Overwritten
from store import conflicts, overwritten
from store.database import Tx
from store.pairs import PairRow


async def keep_hit(tx: Tx, pair: PairRow, rules: Rules, side: Side, edit: Overwritten) -> None:
    """Keep an edit that our write hit. One that was hit there before is named: nobody can judge it any more."""
    before = await overwritten.standing(tx, pair.id, side, edit.version.field)
    if before is not None and before.version != edit.version:
        lines = displaced(rules.integration, pair.id, side, before, edit)
        await conflicts.append(tx, pair.id, pair.integration, rules.version, lines)
    await overwritten.keep(tx, pair.id, side, edit)


async def without_superseded(tx: Tx, context: Context, look: Look) -> Look:
    """Name them in the log and forget them; the look without them.

    Where the old value was put back, that edit takes the hit one's place: it wouldn't be seen otherwise.
    """
    found = superseded(look.declared, look.view)
    if not found:
        return look
    pair, left = look.work.pair, look.work.overwritten.map(dict)
    await conflicts.append(
        tx, pair.id, pair.integration, look.rules.version, [one.line for one in found if one.line]
    )
    for one in found:
        if one.put_back is not None:
            await overwritten.keep(tx, pair.id, one.side, one.put_back)
            left[one.side][one.native] = one.put_back
        else:
            await overwritten.forget(tx, pair.id, one.side, [one.native])
            del left[one.side][one.native]
    work = replace(look.work, overwritten=Pair(left.a, left.b))
    return make_look(context, look.pair, work, look.rules, look.snapshots)
