"""Rows as snapshots. PostgreSQL itself spells a row as JSON (`to_jsonb`) and reads it back (`jsonb_populate_record`).

So every type has one spelling, that of PostgreSQL: time stamps in ISO 8601 and UTC, arrays as lists, json as it is,
everything that JSON has no form for (uuid, interval, inet, an enum's label) as text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

from pydantic import JsonValue

from connectors.sql.tables import RecordTable
from domain.records import RecordRef, Snapshot


def parse_row(text: str) -> dict[str, JsonValue]:
    """The columns of a row that PostgreSQL spelled as JSON."""
    row: dict[str, JsonValue] = json.loads(text, parse_float=exact_number)
    return row


def exact_number(digits: str) -> float | str:
    """A number, where a double holds it; else its digits: a `numeric` of 30 places must not lose any."""
    number = float(digits)
    return number if Decimal(repr(number)) == Decimal(digits) else digits


def spell_row(fields: Mapping[str, JsonValue]) -> str:
    """Columns as the JSON that PostgreSQL reads."""
    return json.dumps(fields)


def snapshot(connection: str, known: RecordTable, text: str, version: str) -> Snapshot:
    """A row as the record that it is."""
    row, roles = parse_row(text), known.settings
    return Snapshot(
        ref=RecordRef(connection=connection, record_type=known.record_type, id=str(row[known.id])),
        key=str(row[known.key]),
        fields=row,
        version=version,
        sequence=int(version) if known.counts else None,
        modified_at=_instant(row.get(roles.updated_at or "")),
        modified_by=_text(row.get(roles.updated_by or "")),
        marker=_text(row.get(roles.marker or "")),
    )


def _text(value: JsonValue) -> str | None:
    return None if value is None else str(value)


def _instant(value: JsonValue) -> datetime | None:
    """A time stamp; one without a zone is taken as UTC. None for `infinity`, and for what is no time stamp."""
    try:
        stamp = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)
