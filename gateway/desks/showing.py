"""One pair in full: both sides as they are now, and what the next pass would say of each field."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from pydantic import JsonValue

from activities.display import HIDDEN
from activities.look import live_baselines, make_look
from activities.rulebook import Rules
from activities.watching import Watched
from domain.engine import decide
from domain.errors import SyncError
from domain.integration import FieldMap, Unit
from domain.outcome import UnitVerdict
from domain.records import RecordRef, Snapshot
from domain.sides import SIDES, Pair
from domain.values import MISSING
from domain.view import Baseline
from gateway.answers import FieldShown, HearingShown, PairShown
from gateway.desks.desk import Desk
from gateway.desks.hearing import hearing_of
from gateway.desks.presenting import review_shown, write_line
from store import work, writes
from store.pairs import PairRow
from store.work import PairWork

READ_WITHIN = timedelta(seconds=8)
"""People wait for it; after that, what was last read is shown instead."""

LAST_WRITES = 5


@dataclass(frozen=True, slots=True)
class Seen:
    """Both records as well as they can be known now, and why one could not be read."""

    snapshots: Pair[Snapshot | None]
    unseen: Pair[str | None]


async def show_pair(desk: Desk, pair: PairRow) -> PairShown:
    """Read both sides and put everything beside it that the store knows."""
    async with desk.accord.database.begin() as tx:
        found = await work.load(tx, pair.id)
        rules = await desk.rules(tx, pair.integration)
        written = await writes.of_pair(tx, pair.id, limit=LAST_WRITES)
    seen = await _look(desk, found)
    ref, systems = desk.ref(pair), Pair(*desk.ref(pair).systems)
    return PairShown(
        pair=desk.line(pair),
        fields=_fields(found, rules, seen.snapshots, _verdicts(desk, found, rules, seen)),
        reviews=tuple(review_shown(row, ref, rules.integration) for row in found.reviews),
        parked=found.parked,
        writes=tuple(write_line(row, ref, rules.integration) for row in written),
        unseen={systems[side]: why for side in SIDES if (why := seen.unseen[side])},
        at_risk=_at_risk(desk, found),
        hearing=await _hearing(desk, found, rules),
        workflow=desk.page(pair),
    )


async def _hearing(desk: Desk, found: PairWork, rules: Rules) -> tuple[HearingShown, ...]:
    """After the look at both systems, which may have told what they promise."""
    ends = rules.integration.ends if found.pair.link == "active" else ()
    async with desk.accord.database.begin() as tx:
        return tuple([await hearing_of(desk.accord, tx, Watched.at(end)) for end in ends])


async def _look(desk: Desk, found: PairWork) -> Seen:
    """An ended pair's records get no request: one of them may have been deleted for good."""
    last = found.last.map(lambda row: row.snapshot if row else None)
    if found.pair.link != "active":
        return Seen(last, Pair(None, None))
    a, b = await asyncio.gather(*(_read(desk, end.ref) for end in found.pair.ends))
    read = Pair(a, b)
    return Seen(
        Pair.of(lambda side: snapshot if isinstance(snapshot := read[side], Snapshot) else last[side]),
        read.map(lambda one: one if isinstance(one, str) else None),
    )


async def _read(desk: Desk, ref: RecordRef) -> Snapshot | str:
    """The record, or why it can't be read."""
    try:
        async with asyncio.timeout(READ_WITHIN.total_seconds()):
            return await desk.accord.connections.get(ref.connection).read(ref)
    except TimeoutError:
        return f"no answer within {READ_WITHIN.seconds} s"
    except SyncError as error:
        return error.message


def _verdicts(desk: Desk, found: PairWork, rules: Rules, seen: Seen) -> dict[str, UnitVerdict]:
    """What the next pass would say of each unit, as far as that needs no change history."""
    read = seen.snapshots
    if read.a is None or read.b is None or found.pair.link != "active":
        return {}
    look = make_look(desk.accord.context, desk.ref(found.pair), found, rules, Pair(read.a, read.b))
    return {verdict.unit: verdict for verdict in decide(rules.integration, look.view).units}


def _fields(
    found: PairWork, rules: Rules, read: Pair[Snapshot | None], verdicts: dict[str, UnitVerdict]
) -> tuple[FieldShown, ...]:
    baselines = live_baselines(found, rules.integration)
    return tuple(
        _field(unit, field, read, baselines.get(field.name), verdicts.get(unit.name))
        for unit in rules.integration.units
        for field in unit.fields
    )


def _field(
    unit: Unit,
    field: FieldMap,
    read: Pair[Snapshot | None],
    baseline: Baseline | None,
    verdict: UnitVerdict | None,
) -> FieldShown:
    values = (_value(field.a, read.a), _value(field.b, read.b))
    base = (baseline.a, baseline.b) if baseline else None
    return FieldShown(
        field=field.name,
        unit=unit.name,
        natives=(field.a, field.b),
        values=(HIDDEN, HIDDEN) if field.sensitive else values,
        baseline=(HIDDEN, HIDDEN) if field.sensitive and base else base,
        state=verdict.state.value if verdict else "unknown",
        reason=verdict.reason if verdict else "",
    )


def _value(native: str, snapshot: Snapshot | None) -> JsonValue:
    found = MISSING if snapshot is None else snapshot.value(native)
    return None if found is MISSING else found


def _at_risk(desk: Desk, found: PairWork) -> tuple[str, ...]:
    if found.pair.link != "active":
        return ()
    connectors = [desk.accord.connections.get(end.ref.connection) for end in found.pair.ends]
    return tuple(dict.fromkeys(c.system for c in connectors if c.capabilities.at_risk))
