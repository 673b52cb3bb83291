"""Riddles that an initial load's inventory shows: held from there, without asking the systems' search once more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from activities.holding import Holder
from domain.matching import Hold
from domain.records import Snapshot
from domain.sides import SIDES, Pair, Side
from store.backfills import HITS

Reader = Callable[[Side, Iterable[str]], Awaitable[Mapping[str, Snapshot]]]
"""Reads records of one side by their ids, in as few requests as the system allows."""


async def hold_as_listed(holder: Holder, riddles: Sequence[Hold], read: Reader) -> set[str]:
    """Hold those whose records stand as they were listed; the ids of these.

    The others, and those that the inventory may have cut short, must be asked of the systems. Safe to run twice: a held
    match is the same for the same records.

    Args:
        holder: Of the integration.
        riddles: Their records as the inventory knows them: id, key and version.
        read: What the records look like now.
    """
    wanted = Pair.of(lambda side: [one.ref.id for held in riddles for one in held.records[side]])
    now = Pair(*[await read(side, wanted[side]) for side in SIDES])
    held = set()
    for riddle in riddles:
        fresh = _as_it_is_now(riddle, now)
        if fresh is not None:
            await holder.hold(fresh, fresh.reason)
            held.add(fresh.id)
    return held


def _as_it_is_now(riddle: Hold, now: Pair[Mapping[str, Snapshot]]) -> Hold | None:
    """The riddle with its records as just read; None if one has changed, or some may be missing."""
    if any(len(riddle.records[side]) >= HITS for side in SIDES):
        return None
    records = Pair.of(lambda side: tuple(now[side].get(one.ref.id) for one in riddle.records[side]))
    listed = [one.version for side in SIDES for one in riddle.records[side]]
    if listed != [one and one.version for side in SIDES for one in records[side]]:
        return None
    return replace(riddle, records=records.map(lambda ones: tuple(one for one in ones if one is not None)))
