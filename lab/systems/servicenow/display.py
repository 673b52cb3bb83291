"""How a row is written into an answer: `sysparm_display_value`, `sysparm_exclude_reference_link`, `sysparm_fields`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from lab.systems.servicenow.rows import Row
from lab.systems.servicenow.tables import TABLES, Column
from lab.systems.servicenow.values import user_id

Mode = Literal["false", "true", "all"]
Shown = str | dict[str, str]

_PLAIN = Column()


@dataclass(frozen=True, slots=True)
class Display:
    """What one request asked for. Display values are English labels and UTC times: the user's locale isn't simulated."""

    url: str
    mode: Mode = "false"
    reference_links: bool = True
    fields: tuple[str, ...] = ()
    hidden_fields: frozenset[str] = frozenset()
    user_names: tuple[str, ...] = ()

    @classmethod
    def asked(
        cls, parameters: Mapping[str, str], *, url: str, unreadable: list[str], user_names: list[str]
    ) -> "Display":
        asked = parameters.get("sysparm_display_value", "false")
        fields = parameters.get("sysparm_fields", "")
        return cls(
            url=url,
            mode="true" if asked == "true" else "all" if asked == "all" else "false",
            reference_links=parameters.get("sysparm_exclude_reference_link") != "true",
            fields=tuple(name.strip() for name in fields.split(",") if name.strip()),
            hidden_fields=frozenset(unreadable),
            user_names=tuple(user_names),
        )

    def row(self, table: str, row: Row) -> dict[str, Shown]:
        """The row as JSON. A field that was asked for and doesn't exist is left out, as the real instance does."""
        known = dict.fromkeys(row)
        names = [name for name in self.fields or known if name in known and name not in self.hidden_fields]
        return {name: self._value(table, name, row[name]) for name in names}

    def _value(self, table: str, name: str, value: str) -> Shown:
        column = TABLES[table].columns.get(name, _PLAIN) if table in TABLES else _PLAIN
        if self.mode == "all":
            return {"display_value": self._label(table, name, value), "value": value} | self._link(
                column, value
            )
        shown = value if self.mode == "false" else self._label(table, name, value)
        link = self._link(column, value)
        if not link:
            return shown
        return link | {"value" if self.mode == "false" else "display_value": shown}

    def _label(self, table: str, name: str, value: str) -> str:
        if table not in TABLES:
            return value
        if TABLES[table].columns.get(name, _PLAIN).reference == "sys_user":
            return next((user.title() for user in self.user_names if user_id(user) == value), value)
        return TABLES[table].choices_of(name).get(value, value)

    def _link(self, column: Column, value: str) -> dict[str, str]:
        if not column.reference or not value or not self.reference_links:
            return {}
        return {"link": f"{self.url}/api/now/table/{column.reference}/{value}"}
