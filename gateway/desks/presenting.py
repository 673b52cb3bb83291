"""Rows of the store as people read them: systems by name, no value of a sensitive field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from activities.display import HIDDEN, proposal_shown, sensitive_fields, shown, system_of, winner_shown
from activities.messages import PairRef
from domain.integration import Integration
from domain.outcome import RECORD_UNIT, SideValue
from domain.records import FieldVersion
from domain.sides import Side
from gateway.answers import ConflictShown, HistoryLine, ReviewShown, SideShown
from store.conflicts import ConflictRow
from store.reviews import ReviewRow
from store.writes import WriteRow

Halves = tuple[JsonValue, JsonValue]


def review_shown(row: ReviewRow, pair: PairRef, rules: Integration) -> ReviewShown:
    """A review with all that helps to answer it."""
    hidden, request = sensitive_fields(rules), row.request
    return ReviewShown(
        token=row.token,
        pair_id=row.pair_id,
        integration=pair.integration,
        title=pair.both,
        unit=unit_named(row.unit),
        opened_at=row.opened_at,
        asked_by=request.asked_by,
        reason=request.reason,
        base=hide(request.base, hidden),
        values=tuple(_side_shown(value, pair, hidden, request.mapped) for value in request.values),
        proposal=proposal_shown(request, pair, hidden),
        history=tuple(change_line(side, version, pair, rules) for side, version in request.history),
    )


def conflict_shown(row: ConflictRow, pair: PairRef, rules: Integration) -> ConflictShown:
    """One line of the log."""
    hidden, line = sensitive_fields(rules), row.line
    return ConflictShown(
        at=row.at,
        pair_id=row.pair_id,
        integration=row.integration,
        title=pair.both,
        unit=unit_named(line.unit),
        kind=line.kind,
        stage=line.stage,
        rule=line.rule or line.policy,
        winner=winner_shown(line.winner, pair),
        reason=line.reason,
        outcome=hide(line.outcome, hidden),
        overruled=tuple(_side_shown(value, pair, hidden, {}) for value in line.overruled),
        by=line.by,
        conflict_id=line.conflict_id,
    )


def change_line(side: Side, version: FieldVersion, pair: PairRef, rules: Integration) -> HistoryLine:
    """A change that somebody made in a system."""
    field = next((f for f in rules.fields if f.native(side) == version.field), None)
    name = field.name if field else version.field
    is_hidden = field is not None and field.sensitive
    old, new = (HIDDEN if is_hidden else shown(value) for value in (version.old, version.value))
    return HistoryLine(
        at=version.at,
        kind="change",
        who=version.by or "",
        text=f"{system_of(pair, side)} {name}: {old} → {new}",
    )


def hide(values: Mapping[str, Halves], hidden: frozenset[str]) -> dict[str, Halves]:
    """The same values by field, without those that nobody may see."""
    return {name: (HIDDEN, HIDDEN) if name in hidden else halves for name, halves in values.items()}


def unit_named(unit: str) -> str:
    """The whole record is called so."""
    return "record" if unit == RECORD_UNIT else unit


def write_line(row: WriteRow, pair: PairRef, rules: Integration) -> HistoryLine:
    """A request that we made, with what stood there before."""
    fields = {field.native(row.side): field for field in rules.fields}
    changes = []
    for native, value in row.fields.items():
        field = fields.get(native)
        is_hidden = field is not None and field.sensitive
        change = HIDDEN if is_hidden else f"{shown(row.expect.get(native))} → {shown(value)}"
        changes.append(f"{field.name if field else native}: {change}")
    done = "" if row.state == "done" else f" ({row.state})"
    return HistoryLine(
        at=row.at, kind="write", who="accord", text=f"{pair.end(row.side)} {', '.join(changes)}{done}"
    )


def _side_shown(
    value: SideValue, pair: PairRef, hidden: frozenset[str], mapped: Mapping[str, Halves]
) -> SideShown:
    there: Any = mapped.get(value.field, (None, None))[1 if value.side is Side.A else 0]
    is_hidden = value.field in hidden
    return SideShown(
        system=system_of(pair, value.side),
        field=value.field,
        value=HIDDEN if is_hidden else value.value,
        elsewhere=HIDDEN if is_hidden and there is not None else there,
        by=value.by,
        at=value.at,
    )
