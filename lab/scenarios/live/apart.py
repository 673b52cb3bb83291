"""What no case need say: a pair that calls itself in step is in step (semantics §8, I1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from activities.look import live_baselines
from domain.integration import FieldMap, Integration
from domain.mapping import agree, is_same
from domain.sides import SIDES, Pair
from domain.values import MISSING
from domain.view import Baseline
from lab.scenarios.live.world import MOST_PAIRS, World
from store import pairs, work
from store.work import PairWork


async def apart(world: World) -> list[str]:
    """`KEY field` of every field that differs though its pair says that nothing waits."""
    held = Pair(*[await world.controls[side].records(world.name) for side in SIDES])
    records = held.map(lambda found: {record.id: record.fields for record in found})
    async with world.accord.database.begin() as tx:
        linked = await pairs.listing(tx, integration=world.name, state="in_sync", limit=MOST_PAIRS)
        works = [await work.load(tx, pair.id) for pair in linked]
        rules = [await world.accord.context.rules.at(tx, world.name, one.newest_version) for one in works]
    return [
        f"{one.pair.ends.a.key} {name}"
        for one, declared in zip(works, rules, strict=True)
        for name in _differing(declared.integration, one, records)
    ]


def _differing(rules: Integration, found: PairWork, records: Pair[dict[str, dict[str, Any]]]) -> list[str]:
    shown = Pair.of(lambda side: records[side].get(found.pair.ends[side].ref.id, {}))
    baselines = live_baselines(found, rules)
    return [field.name for field in rules.fields if not _in_step(field, shown, baselines)]


def _in_step(field: FieldMap, shown: Pair[dict[str, Any]], baselines: Mapping[str, Baseline]) -> bool:
    values = Pair.of(lambda side: shown[side].get(field.native(side), MISSING))
    if values.a is MISSING or values.b is MISSING or agree(field, values.a, values.b):
        return True
    base = baselines.get(field.name)
    return base is not None and all(is_same(field, side, values[side], base.half(side)) for side in SIDES)
