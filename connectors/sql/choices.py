"""Closed lists of values, as a schema declares them: an enumeration, or a small table that is referred to."""

from __future__ import annotations

import json
from typing import Any

from pydantic import JsonValue
from sqlalchemy import Enum, Text, cast, func, select, table
from sqlalchemy import column as bare_column
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.sql.rows import exact_number
from connectors.sql.tables import RecordTable

MOST = 500
"""Values; a longer table is a register, not a list to choose from."""


async def choices(connection: AsyncConnection, known: RecordTable, name: str) -> list[JsonValue] | None:
    """What the column takes; None if anything."""
    column = known.table.c[name]
    if isinstance(column.type, Enum):
        return list(column.type.enums)
    for constraint in known.table.foreign_key_constraints:
        if constraint.column_keys == [name]:
            return await _referred(connection, constraint)
    return None


async def _referred(connection: AsyncConnection, constraint: Any) -> list[JsonValue] | None:
    schema, _, name = constraint.elements[0].target_fullname.rpartition(".")[0].rpartition(".")
    target = table(
        name, bare_column(constraint.elements[0].target_fullname.rpartition(".")[2]), schema=schema or None
    )
    (value,) = target.c
    spelled = cast(func.to_jsonb(value), Text)
    found = list(await connection.scalars(select(spelled).order_by(value).limit(MOST + 1)))
    return None if len(found) > MOST else [json.loads(text, parse_float=exact_number) for text in found]
