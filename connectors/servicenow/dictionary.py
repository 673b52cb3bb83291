"""What the instance says of its own tables: columns and choices.

A table inherits columns and choices from its parent, which for every ITSM table is `task`.

Source: ServiceNow documentation, "System dictionary"; tables `sys_dictionary` and `sys_choice`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from connectors.servicenow.encoded_query import check_column, is_any_of, join, may_equal, scope_columns
from connectors.servicenow.table_api import TableApi
from domain.errors import ConfigError

PARENT = "task"
EVERY_TABLE = frozenset(
    {"sys_id", "sys_created_on", "sys_created_by", "sys_updated_on", "sys_updated_by", "sys_mod_count"}
)
LIMIT = 2000
"""More columns, or choices of one field, than a table has in practice."""


@dataclass(slots=True)
class Dictionary:
    """Columns are asked for once per table; choices each time, as they change under our feet."""

    api: TableApi
    _columns: dict[str, dict[str, str]] = field(default_factory=dict)
    _checked: set[tuple[str, str]] = field(default_factory=set)

    async def columns(self, table: str) -> dict[str, str]:
        """Column → internal type."""
        if table not in self._columns:
            query = join(is_any_of("name", (check_column(table), PARENT)), "internal_type!=collection")
            found = await self.api.select(
                "sys_dictionary", query, fields="element,internal_type", limit=LIMIT
            )
            named = {
                str(row["element"]): str(row.get("internal_type")) for row in found.rows if row.get("element")
            }
            self._columns[table] = dict.fromkeys(EVERY_TABLE, "") | named
        return self._columns[table]

    async def choices(self, table: str, element: str) -> list[str] | None:
        """Active values of a choice list, in its order; None if the column has none."""
        query = join(
            is_any_of("name", (check_column(table), PARENT)),
            may_equal("element", check_column(element)),
            "inactive=false",
            "ORDERBYsequence",
        )
        found = await self.api.select("sys_choice", query, fields="name,value", limit=LIMIT)
        own = [str(row["value"]) for row in found.rows if row.get("name") == table]
        inherited = [str(row["value"]) for row in found.rows if row.get("name") == PARENT]
        # One row per language, so values repeat.
        return list(dict.fromkeys(own or inherited)) or None

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
