"""Rows of the Table API, and what we make of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from pydantic import BaseModel, JsonValue

from connectors.servicenow.values import from_wire, parse_time
from domain.records import RecordRef, Snapshot

Row: TypeAlias = dict[str, JsonValue]

SYSTEM_COLUMNS = ("sys_id", "number", "sys_mod_count", "sys_updated_on", "sys_updated_by")
"""What a snapshot needs beside the mapped fields."""


class One(BaseModel):
    result: Row


class Many(BaseModel):
    result: list[Row]


def columns(wanted: Iterable[str] | None, *, always: Iterable[str] = SYSTEM_COLUMNS) -> str | None:
    """The value of `sysparm_fields`; None asks for every column."""
    return None if wanted is None else ",".join(dict.fromkeys([*always, *wanted]))


def count_of(row: Mapping[str, JsonValue]) -> int | None:
    """`sys_mod_count`; None where the account may not see it."""
    written = str(row.get("sys_mod_count") or "")
    return int(written) if written.isdigit() else None


def version_of(row: Mapping[str, JsonValue]) -> str:
    """Count and stamp together: a restored record could bear an old count again."""
    return f"{row.get('sys_mod_count') or ''}@{row.get('sys_updated_on') or ''}"


def values_of(row: Mapping[str, JsonValue]) -> Row:
    return {name: from_wire(value) for name, value in row.items()}


def snapshot_of(row: Row, ref: RecordRef, *, marker_field: str, instance: str) -> Snapshot:
    fields = values_of(row)
    return Snapshot(
        ref=ref,
        key=str(fields.get("number") or ref.id),
        fields=fields,
        version=version_of(row),
        sequence=count_of(row),
        modified_at=parse_time(row.get("sys_updated_on")),
        modified_by=_text(fields.get("sys_updated_by")),
        created_at=parse_time(row.get("sys_created_on")),
        marker=_text(fields.get(marker_field)),
        url=f"{instance}/{ref.record_type}.do?sys_id={ref.id}",
    )


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) else None
