"""Declarations and views for tests of the core, and one step of the world around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.engine import decide
from domain.integration import FieldMap, Integration
from domain.outcome import LogLine, PlannedHalf, UnitVerdict, Verdict
from domain.records import FieldVersion, RecordRef, Snapshot
from domain.sides import SIDES, Pair, Side
from domain.view import Baseline, PairView

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
NOW = EPOCH + timedelta(days=1)
SYSTEMS = Pair("ServiceNow", "Jira")

IMPACT = {
    "a_to_b": [(1, "High"), (2, "High"), (3, "Medium"), (4, "Low")],
    "b_to_a": [("High", 1), ("Medium", 3), ("Low", 4)],
}
"""Many to one; 5 has no counterpart, and neither has "Urgent"."""


def at(seconds: float) -> datetime:
    return EPOCH + timedelta(seconds=seconds)


def a_field(name: str = "title", **words: Any) -> FieldMap:
    return FieldMap.model_validate({"name": name, "a": name, "b": name, **words})


def an_integration(*fields: FieldMap, **words: Any) -> Integration:
    ends = {side.value: {"connection": side.value, "record_type": "ticket"} for side in SIDES}
    return Integration.model_validate({"name": "test", **ends, "fields": fields, **words})


def a_snapshot(
    side: Side, values: Mapping[str, Any], stamps: Mapping[str, float | None] | None = None, **words: Any
) -> Snapshot:
    """A record. `stamps` gives fields a time of their own; others have only the record's."""
    changes = {
        name: FieldVersion(
            field=name, value=values[name], at=None if second is None else at(second), by=f"person {side}"
        )
        for name, second in (stamps or {}).items()
        if name in values
    }
    ref = RecordRef(connection=side.value, record_type="ticket", id="1")
    return Snapshot(
        ref=ref, key=f"{side.value.upper()}-1", fields=dict(values), version="1", changes=changes, **words
    )


def a_view(
    a: Mapping[str, Any],
    b: Mapping[str, Any],
    base: Mapping[str, tuple[Any, Any]] | None = None,
    stamps: tuple[Mapping[str, float | None], Mapping[str, float | None]] = ({}, {}),
    **words: Any,
) -> PairView:
    baselines = {name: Baseline(a=halves[0], b=halves[1]) for name, halves in (base or {}).items()}
    snapshots = Pair(a_snapshot(Side.A, a, stamps[0]), a_snapshot(Side.B, b, stamps[1]))
    return PairView("pair", snapshots, baselines, words.pop("now", NOW), systems=SYSTEMS, **words)


def after(rules: Integration, view: PairView, verdict: Verdict) -> PairView:
    """The world once a verdict was carried out: every write stored as sent, every baseline moved."""
    writes = verdict.plan.writes if verdict.plan else ()
    snapshots = view.snapshots
    for write in writes:
        old = snapshots[write.side]
        changes = {name: change for name, change in old.changes.items() if name not in write.fields}
        written = old.model_copy(update={"fields": {**old.fields, **write.fields}, "changes": changes})
        snapshots = snapshots.replace(write.side, written)
    settles = (*verdict.adopted, *(verdict.plan.settles if verdict.plan else ()))
    return replace(view, snapshots=snapshots, baselines=_moved(view, settles), decisions=())


def _moved(view: PairView, settles: tuple[PlannedHalf, ...]) -> dict[str, Baseline]:
    moved = dict(view.baselines)
    for half in settles:
        old = moved.get(half.field)
        moved[half.field] = Baseline(
            a=half.halves[0], b=half.halves[1], revision=old.revision + 1 if old else 0
        )
    return moved


def edited(view: PairView, side: Side, **values: Any) -> PairView:
    """Somebody saved new values on one side."""
    old = view.snapshots[side]
    changes = {name: change for name, change in old.changes.items() if name not in values}
    return replace(
        view,
        snapshots=view.snapshots.replace(
            side, old.model_copy(update={"fields": {**old.fields, **values}, "changes": changes})
        ),
    )


def unit(verdict: Verdict, name: str = "title") -> UnitVerdict:
    return next(one for one in verdict.units if one.unit == name)


def line(verdict: Verdict, name: str = "title") -> LogLine:
    return next(one for one in verdict.log if one.unit == name)


def written(verdict: Verdict) -> dict[tuple[Side, str], Any]:
    """(side, native field) → value that is written."""
    writes = verdict.plan.writes if verdict.plan else ()
    return {(write.side, name): value for write in writes for name, value in write.fields.items()}


def decided(rules: Integration, view: PairView) -> tuple[Verdict, PairView]:
    verdict = decide(rules, view)
    return verdict, after(rules, view, verdict)
