"""What a rule or a custom policy may look at: plain values, ready for CEL and for a Python callable alike."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from domain.deciding.edits import Edit, contested_on, last_edit
from domain.deciding.last_write_wins import newer
from domain.mapping import UNMAPPED, mapped
from domain.reading import FieldReading, UnitReading
from domain.sides import SIDES, Side


def facts_of(reading: UnitReading) -> dict[str, Any]:
    """The variables of a policy rule; `domain/rules_language.py` lists them. A group's values are maps by field."""
    later = newer(reading)
    return {
        **{side.value: _side_facts(reading, side) for side in SIDES},
        "base": {side.value: _by_field(reading, partial(_base_half, side)) for side in SIDES},
        "newer": later.value if later else "none",
        "unit": reading.name,
        "now": reading.view.now,
        "system": {side.value: reading.view.systems[side] for side in SIDES},
    }


def _side_facts(reading: UnitReading, side: Side) -> dict[str, Any]:
    edit = _latest(reading, side)
    return {
        "value": _by_field(reading, lambda m: m.values[side]),
        **{f"as_{towards.value}": _by_field(reading, partial(_as, side, towards)) for towards in SIDES},
        "at": edit.at,
        "by": edit.by,
        "origin": edit.origin.value,
        "changed": reading.changed[side],
    }


def _base_half(side: Side, member: FieldReading) -> Any:
    return member.base.half(side) if member.base else None


def _as(side: Side, towards: Side, member: FieldReading) -> Any:
    if towards is side:
        return member.values[side]
    found = mapped(member.field, member.values[side], towards)
    return None if found is UNMAPPED else found


def _by_field(reading: UnitReading, of: Callable[[FieldReading], Any]) -> Any:
    if not reading.unit.is_group:
        return of(reading.members[0])
    return {member.field.name: of(member) for member in reading.members}


def _latest(reading: UnitReading, side: Side) -> Edit:
    """The side's last edit of the unit; one without a stamp counts as the first."""
    edits = [last_edit(reading.view, member, side) for member in contested_on(reading, side)]
    return max(edits, key=lambda edit: (edit.at is not None, edit.at and edit.at.timestamp()))
