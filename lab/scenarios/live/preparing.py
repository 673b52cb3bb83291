"""Before a case's first event: systems switched, records created, and where the case has a baseline, a pair in step."""

from __future__ import annotations

from typing import Any

from activities.rulebook import Rules
from domain.sides import SIDES, Pair, Side
from lab.scenarios.corpus import Given
from lab.scenarios.live.case_clock import BEFORE
from lab.scenarios.live.world import World
from lab.scenarios.translation import start_of
from store import baselines, pairs
from store.pairs import EndRow

MATCH_VALUE = "the same thing"
"""What both records hold under the match key, where a case leaves it open."""


async def prepare(world: World, gateway_url: str) -> None:
    """Bring the case to its start. What this writes, logs and signals doesn't count."""
    given = world.given
    await world.switch(given)
    await world.clock.turn_to(BEFORE)
    rules = await world.declare()
    await world.polls.begin()
    for name in dict.fromkeys(event.get("record") for event in world.stage.case.events):
        if isinstance(name, str):
            await _link_another(world, rules, name)
    if has_records(given):
        await _create_records(world)
    if is_linked_at_start(given):
        await link(world, rules)
        await world.rest.wait()
    await world.hear(gateway_url)
    if is_linked_at_start(given):
        await _start_otherwise(world)
    elif has_records(given) and given.match_key:
        await _announce(world)


def has_records(given: Given) -> bool:
    """Whether both records exist before the first event."""
    return bool(given.start) or is_linked_at_start(given)


def is_linked_at_start(given: Given) -> bool:
    """Whether a baseline says that they were in step already."""
    return any(one.base for one in given.fields.values())


async def link(world: World, rules: Rules) -> None:
    """Link the records, first to first, at exactly the baseline that the case names, in step or not; passes begin."""
    moves = {
        name: (name, name, one.base[0], one.base[1]) for name, one in world.given.fields.items() if one.base
    }
    for n in range(min(len(ids) for ids in world.records)):
        a, b = [await _end(world, side, n) for side in SIDES]
        async with world.accord.database.begin() as tx:
            pair = await pairs.create(tx, world.name, rules.version, Pair(a, b))
            await baselines.move(tx, pair.id, moves)
    await world.look("linked")


async def _link_another(world: World, rules: Rules, name: str) -> None:
    """A pair beside the case's own, in step."""
    first = based(world.given)
    a, b = [await world.create(side, BEFORE, first[side], "somebody") for side in SIDES]
    await link(world, rules)
    await world.rest.wait()
    for side in SIDES:
        world.records[side].clear()
    world.others[name] = Pair(a, b)


async def _create_records(world: World) -> None:
    given = world.given
    first = based(given) if is_linked_at_start(given) else start_of(given)
    key = {given.match_key: MATCH_VALUE} if given.match_key else {}
    for side in SIDES:
        for _ in range(given.number):
            await world.create(side, BEFORE, {**key, **first[side]}, "somebody")


def based(given: Given) -> Pair[dict[str, Any]]:
    """What both sides held when they stood in step; a field without a baseline wasn't there yet."""
    halves = {name: one.base for name, one in given.fields.items() if one.base}
    return Pair.of(lambda side: {name: base[SIDES.index(side)] for name, base in halves.items()})


async def _start_otherwise(world: World) -> None:
    """Where a record starts with other values than its baseline, somebody edited it before the case begins.

    The webhook of that edit waits for the first settle.
    """
    start, first = start_of(world.given), based(world.given)
    for side in SIDES:
        differing = {
            name: value
            for name, value in start[side].items()
            if name not in first[side] or value != first[side][name]
        }
        if differing:
            await world.edit(side, BEFORE, differing, "somebody", is_person=True)


async def _end(world: World, side: Side, n: int) -> EndRow:
    found = await world.controls[side].record(world.name, world.records[side][n])
    return EndRow(world.ref(side, found.record.id), found.record.key)


async def _announce(world: World) -> None:
    """Link by matching: the systems tell of both records again, now that somebody listens."""
    if world.given.match_key:
        for side in SIDES:
            await world.controls[side].resend(world.name, world.record(side))
