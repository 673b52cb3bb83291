"""What the instance says of its own tables: columns and choices.

A table inherits columns and choices from its parent, which for every ITSM table is `task`.

Source: ServiceNow documentation, "System dictionary"; tables `sys_dictionary` and `sys_choice`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from pydantic import JsonValue

from connectors.servicenow.encoded_query import check_column, is_any_of, join, scope_columns
from connectors.servicenow.rows import Row
from connectors.servicenow.table_api import TableApi
from domain.description import Description, FieldFacts
from domain.errors import ConfigError, StopIntegration

PARENT = "task"
EVERY_TABLE = frozenset(
    {"sys_id", "sys_created_on", "sys_created_by", "sys_updated_on", "sys_updated_by", "sys_mod_count"}
)
JOURNALS = ("comments", "work_notes")
DESCRIBING = ("name", "element", "column_label", "internal_type", "mandatory", "read_only")
LIMIT = 2000
"""More columns, or choices of one field, than a table has in practice."""


@dataclass(slots=True)
class Dictionary:
    """Columns are asked for once per table; choices each time, as they change under our feet."""

    api: TableApi
    _columns: dict[str, dict[str, str]] = field(default_factory=dict)
    _checked: set[tuple[str, str]] = field(default_factory=set)

    async def columns(self, table: str) -> dict[str, str]:
        """Column → internal type, "" where it isn't told.

        An account that may not read the dictionary sees at least which columns a row shows it.

        Raises:
            ConfigError: Neither the dictionary nor any row can be read.
        """
        if table not in self._columns:
            await self._learn(table)
        return self._columns[table]

    async def describe(self, table: str, listed: Collection[str]) -> Description:
        """Columns and choices as they are now."""
        facts = await self._learn(table)
        choices = await self._choices_of(table, listed) if listed else {}
        return Description(fields=facts, allowed={name: tuple(values) for name, values in choices.items()})

    async def choices(self, table: str, element: str) -> list[JsonValue] | None:
        """Active values of a choice list, in its order; None if the column has none, or we may not see it."""
        return (await self._choices_of(table, [element])).get(element)

    async def _choices_of(self, table: str, elements: Collection[str]) -> dict[str, list[JsonValue]]:
        query = join(
            is_any_of("name", (check_column(table), PARENT)),
            is_any_of("element", [*map(check_column, elements)]),
            "inactive=false",
            "ORDERBYsequence",
        )
        rows = await self._rows("sys_choice", query, "name,element,value")
        found: dict[str, list[JsonValue]] = {}
        for element in elements:
            of_it = [row for row in rows if row.get("element") == element]
            own = [str(row["value"]) for row in of_it if row.get("name") == table]
            inherited = [str(row["value"]) for row in of_it if row.get("name") == PARENT]
            if values := list(dict.fromkeys(own or inherited)):  # One row per language, so values repeat.
                found[element] = [*values]
        return found

    async def _learn(self, table: str) -> dict[str, FieldFacts]:
        facts = await self._described(check_column(table))
        shown = {} if facts else await self._shown(table)
        facts = facts or {name: FieldFacts() for name in shown}
        types = shown or {name: one.type for name, one in facts.items()}
        self._columns[table] = dict.fromkeys(EVERY_TABLE, "") | types
        return dict.fromkeys(EVERY_TABLE, FieldFacts()) | facts

    async def _described(self, table: str) -> dict[str, FieldFacts]:
        query = join(is_any_of("name", (table, PARENT)), "internal_type!=collection")
        rows = await self._rows("sys_dictionary", query, ",".join(DESCRIBING))
        # A table's own row of an inherited column stands for more than its parent's.
        rows.sort(key=lambda row: row.get("name") == table)
        return {str(row["element"]): _facts(row) for row in rows if row.get("element")}

    async def _shown(self, table: str) -> dict[str, str]:
        rows = (await self.api.select(table, "", limit=1)).rows
        if not rows:
            raise ConfigError(
                f"give the account read access to sys_dictionary: {table} has no row to learn from"
            )
        return dict.fromkeys(rows[0], "") | {name: "journal_input" for name in JOURNALS if name in rows[0]}

    async def _rows(self, table: str, query: str, fields: str) -> list[Row]:
        """Rows of a system table; none, where it is closed to the account."""
        try:
            return (await self.api.select(table, query, fields=fields, limit=LIMIT)).rows
        except StopIntegration:
            return []

    async def check_scope(self, table: str, scope: str | None) -> str:
        """The scope, if the instance will understand all of it.

        Raises:
            ConfigError: A part of it would be dropped in silence.
        """
        if scope is None or (table, scope) in self._checked:
            return scope or ""
        known = await self.columns(table)
        unknown = {name for name in scope_columns(scope) if name.partition(".")[0] not in known}
        if unknown:
            raise ConfigError(f"scope {scope!r}: {table} has no column {', '.join(sorted(unknown))}")
        self._checked.add((table, scope))
        return scope


def _facts(row: Row) -> FieldFacts:
    return FieldFacts(
        label=str(row.get("column_label") or ""),
        type=str(row.get("internal_type") or ""),
        required=_said(row.get("mandatory")),
        read_only=_said(row.get("read_only")),
    )


def _said(word: object) -> bool | None:
    return {"true": True, "false": False}.get(str(word))
