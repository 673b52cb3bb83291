"""What the instance does to a write of the integration user before it is saved: leaves columns out, or aborts."""

from typing import Any

from lab.systems.records import Record
from lab.systems.refusals import Refused
from lab.systems.servicenow.settings import AbortingRule, ServiceNowSettings
from lab.systems.servicenow.tables import RESOLVED_STATES, SYSTEM_COLUMNS, TABLES, is_column
from lab.systems.servicenow.values import text


def writable(settings: ServiceNowSettings, table: str, body: dict[str, Any]) -> dict[str, Any]:
    """The columns that are taken. Unknown, computed and protected ones are left out without a word, as on the real instance."""
    gone = {*settings.unwritable, *settings.removed_columns}
    closed = {*SYSTEM_COLUMNS, *gone, *(["priority"] if settings.compute_priority else [])}
    return {
        column: value
        for column, value in body.items()
        if column not in closed and is_column(TABLES[table], column)
    }


def judge(settings: ServiceNowSettings, table: str, before: Record | None, fields: dict[str, Any]) -> None:
    """Let business rules and data policies look at the row as it would be.

    Raises:
        Refused: `refused_field` with status 403, naming the column where a data policy does.
    """
    old = before.fields if before else {}
    after = old | {column: text(value) for column, value in fields.items()}
    for rule in settings.aborting_rules:
        if rule.table in {None, table} and _holds(rule, after) and not _holds(rule, old):
            raise Refused("refused_field", rule.message, status=403)
    if after.get("state") in RESOLVED_STATES:
        _require(settings.mandatory_when_resolved, after)


def _holds(rule: AbortingRule, row: dict[str, Any]) -> bool:
    return all(row.get(column) == text(value) for column, value in rule.when.items())


def _require(columns: list[str], row: dict[str, Any]) -> None:
    missing = [column for column in columns if not row.get(column)]
    if missing:
        names = ", ".join(missing)
        raise Refused(
            "refused_field",
            f"Data Policy Exception: The following fields are mandatory: {names}",
            status=403,
            field=missing[0],
        )
