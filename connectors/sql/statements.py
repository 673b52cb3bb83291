"""The SQL of records: what is read, and what a write does. Values are always parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import JsonValue
from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    TableValuedAlias,
    Text,
    cast,
    column,
    delete,
    func,
    insert,
    literal,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSON, JSONB
from sqlalchemy.sql.dml import Delete, Insert, Update

from connectors.sql.rows import spell_row
from connectors.sql.tables import QUOTE, RecordTable

GIVEN = "accord_given"
ROW = "accord_row"


def given(known: RecordTable, fields: Mapping[str, JsonValue], name: str = GIVEN) -> TableValuedAlias:
    """These values in the types of their columns; PostgreSQL refuses what doesn't fit."""
    spelled = cast(literal(spell_row(fields), Text), JSONB)
    columns = [column(each, known.table.c[each].type) for each in fields]
    return func.jsonb_populate_record(_empty(known), spelled).table_valued(*columns, name=name)


def rows(known: RecordTable) -> tuple[FromClause, Select[str, str]]:
    """Every row as (JSON text, version); the table's alias, to choose by."""
    row = known.table.alias(ROW)  # a column could have the table's name
    return row, select(cast(func.to_jsonb(row.table_valued()), Text), cast(row.c[known.version], Text))


def by_ids(known: RecordTable, ids: Sequence[str]) -> Select[str, str]:
    """The rows with these ids."""
    row, every = rows(known)
    wanted = [{known.id: one} for one in ids]
    listed = func.jsonb_populate_recordset(_empty(known), cast(literal(_spell(wanted), Text), JSONB))
    typed = listed.table_valued(column(known.id, known.table.c[known.id].type), name=GIVEN)
    return every.where(row.c[known.id].in_(select(typed.c[known.id])))


def by_values(known: RecordTable, values: Mapping[str, JsonValue], most: int) -> Select[str, str]:
    """Rows with these values, in the order of their ids."""
    row, every = rows(known)
    return every.where(*equal(known, row, values)).order_by(row.c[known.id]).limit(most)


def equal(
    known: RecordTable, row: FromClause, values: Mapping[str, JsonValue], name: str = GIVEN
) -> list[ColumnElement[bool]]:
    """That a row's columns hold these values. Compared in the column's own type, so that an index serves."""
    typed = given(known, values, name)
    return [
        row.c[each].is_(None) if value is None else _same(row.c[each], typed.c[each])
        for each, value in values.items()
    ]


def update_row(
    known: RecordTable, record_id: str, version: str | None, fields: Mapping[str, JsonValue]
) -> Update:
    """Set these columns, if the row is still at this version (None: at any)."""
    typed = given(known, {**fields, known.id: record_id})
    values: dict[str, Any] = {each: typed.c[each] for each in fields}
    if known.counts and known.settings.version_kept_by == "writers":
        values[known.version] = known.table.c[known.version] + 1
    same = known.table.c[known.id] == typed.c[known.id]
    return update(known.table).values(values).where(same, *_at(known, version))


def delete_row(known: RecordTable, record_id: str, version: str) -> Delete:
    """Delete the row, if it is still at this version."""
    typed = given(known, {known.id: record_id})
    return delete(known.table).where(known.table.c[known.id] == typed.c[known.id], *_at(known, version))


def insert_row(known: RecordTable, fields: Mapping[str, JsonValue]) -> Insert:
    """Add a row; columns that aren't named get their defaults. Returns its id as text."""
    typed = given(known, fields)
    names = list(fields)
    source = select(*(typed.c[each] for each in names))
    table = known.table
    return (
        insert(table)
        .from_select(names, source, include_defaults=False)
        .returning(cast(table.c[known.id], Text))
    )


def _empty(known: RecordTable) -> ColumnElement[Any]:
    """The type of the table's rows, as `jsonb_populate_record` wants to be told."""
    return literal_column(f"NULL::{QUOTE.format_table(known.table)}")


def _at(known: RecordTable, version: str | None) -> list[ColumnElement[bool]]:
    """Both as text: a version that is no number equals none, instead of being an error."""
    return [] if version is None else [cast(known.table.c[known.version], Text) == version]


def _same(left: ColumnElement[Any], right: ColumnElement[Any]) -> ColumnElement[bool]:
    """`json` has no equality; as `jsonb` it has."""
    if type(left.type) is JSON:
        return func.to_jsonb(left) == func.to_jsonb(right)
    return left == right


def _spell(wanted: Sequence[Mapping[str, JsonValue]]) -> str:
    return f"[{','.join(spell_row(one) for one in wanted)}]"
