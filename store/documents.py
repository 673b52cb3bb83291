"""Rows as JSON documents: how one statement brings home a whole aggregate, and takes in any number of rows.

Reading: PostgreSQL nests rows and their children into one document, pydantic reads it into frozen dataclasses.
Writing: one JSON array becomes rows (`jsonb_to_recordset`), so a statement has the same text for one row or fifty,
and is compiled and prepared once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    TableValuedAlias,
    bindparam,
    column,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by

from domain.sides import SIDES, Side

Document: TypeAlias = ColumnElement[Any]

EMPTY_LIST: Document = literal_column("'[]'::jsonb")
EMPTY_OBJECT: Document = literal_column("'{}'::jsonb")
JSON_NULL: Document = literal_column("'null'::jsonb")


def whole(table: Table) -> Document:
    """A row of the table with all its columns."""
    return func.to_jsonb(table.table_valued())


def built(**parts: Any) -> Document:
    """An object of these parts."""
    return func.jsonb_build_object(*(item for name, part in parts.items() for item in (_literal(name), part)))


def sided(make: Callable[[Side], Any]) -> Document:
    """An object that `Pair` reads: one part per side."""
    return built(**{side.value: make(side) for side in SIDES})


def listed(document: Document, *where: ColumnElement[bool], order: ColumnElement[Any]) -> Document:
    """All matching rows as a list; empty if there are none."""
    rows = select(func.jsonb_agg(_ordered(document, order))).where(*where)
    return func.coalesce(rows.scalar_subquery(), EMPTY_LIST)


def keyed(key: ColumnElement[str], document: Document, *where: ColumnElement[bool]) -> Document:
    """All matching rows as an object by key; empty if there are none."""
    rows = select(func.jsonb_object_agg(key, document)).where(*where)
    return func.coalesce(rows.scalar_subquery(), EMPTY_OBJECT)


def single(query: Select[Any]) -> Document:
    """The one matching row, or null."""
    return query.scalar_subquery()


def given(parameter: str, **columns: Any) -> TableValuedAlias:
    """A JSON array parameter as rows with these columns and types. A JSON null arrives as NULL."""
    array = bindparam(parameter, type_=JSONB)
    typed = (column(name, kind) for name, kind in columns.items())
    return func.jsonb_to_recordset(array).table_valued(*typed).render_derived(name=parameter, with_types=True)


def json_of(value: ColumnElement[Any]) -> Document:
    """A JSON value that came through `given`, with its null given back."""
    return func.coalesce(value, JSON_NULL)


def _literal(name: str) -> ColumnElement[Any]:
    return literal_column(f"'{name}'")


def _ordered(document: Document, order: ColumnElement[Any]) -> Document:
    return aggregate_order_by(document, order)
