"""A person's edit puts back into service what was stopped: they may have mended the very thing (semantics §4.10)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from activities.context import Context
from activities.look import Look, make_look
from activities.opening import lift
from connectors.base import Connector
from domain.flap import frees
from domain.integration import Integration
from domain.records import FieldVersion, Snapshot
from domain.sides import SIDES, Pair
from domain.values import same
from store import audit, parked
from store.work import PairWork


async def freed(context: Context, look: Look) -> Look:
    """The look without the parked units that a person has edited since the last pass."""
    stopped = {unit: one.cause for unit, one in look.work.stopped.items() if one.cause != "torn"}
    units = await _edited(look.connectors, look.declared, look.work, look.snapshots, stopped)
    if not units:
        return look
    async with context.database.begin() as tx:
        await parked.release(tx, look.pair.pair_id, units)
        await audit.append(tx, "accord", "released_by_edit", pair_id=look.pair.pair_id, units=units)
    left = {unit: one for unit, one in look.work.stopped.items() if unit not in units}
    return make_look(context, look.pair, replace(look.work, stopped=left), look.rules, look.snapshots)


async def lifted(
    context: Context, rules: Integration, found: PairWork, read: Pair[Snapshot]
) -> PairWork | None:
    """The pair out of quarantine, if a person has edited a mapped field since the last pass; else None."""
    causes = dict.fromkeys((unit.name for unit in rules.units), "refused")
    if not await _edited(context.connectors(rules), rules, found, read, causes):
        return None
    async with context.database.begin() as tx:
        await lift(tx, found.pair.id, "a person's edit")
    return replace(found, pair=replace(found.pair, quarantine=None), stopped={})


async def _edited(
    connectors: Pair[Connector],
    rules: Integration,
    found: PairWork,
    read: Pair[Snapshot],
    causes: Mapping[str, str],
) -> list[str]:
    """Of the units that are stopped for these causes, those that somebody has edited who counts as a person there."""
    free = []
    for unit in rules.units:
        if unit.name not in causes:
            continue
        for side in SIDES:
            last, natives = found.last[side], [field.native(side) for field in unit.fields]
            versions = await _versions(connectors[side], last.snapshot if last else None, read[side], natives)
            if frees(causes[unit.name], versions) and unit.name not in free:
                free.append(unit.name)
    return free


async def _versions(
    connector: Connector, before: Snapshot | None, now: Snapshot, natives: Collection[str]
) -> list[FieldVersion]:
    """Who changed these fields since they were last read; the record's last author, where the system doesn't tell."""
    changed = [n for n in natives if before and not same(before.value(n), now.value(n))]
    if not changed:
        return []
    history = await connector.history(now.ref, before) if connector.capabilities.change_history else []
    told = [version for version in history if version.field in changed]
    return told or [now.changes.get(native) or _as_read(native, now) for native in changed]


def _as_read(native: str, now: Snapshot) -> FieldVersion:
    return FieldVersion(field=native, value=now.fields.get(native), at=now.modified_at, by=now.modified_by)
