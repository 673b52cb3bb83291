"""Where the rows of each table come from."""

from collections.abc import Callable, Iterator
from typing import Final

from lab.systems.call import Call
from lab.systems.records import Records, Save
from lab.systems.refusals import Refused
from lab.systems.servicenow import rows
from lab.systems.servicenow.encoded_query import EncodedQuery, Row
from lab.systems.servicenow.rows import RecordRow
from lab.systems.servicenow.settings import ServiceNowSettings
from lab.systems.servicenow.tables import TABLES, is_column

_TRAIL_COLUMNS: Final = {
    "sys_audit": {
        "sys_id", "tablename", "documentkey", "fieldname", "oldvalue", "newvalue", "user", "reason",
        "record_checkpoint", "sys_created_on", "sys_created_by",
    },
    "sys_journal_field": {"sys_id", "name", "element", "element_id", "value", "sys_created_on", "sys_created_by"},
    "sys_audit_delete": {"sys_id", "tablename", "documentkey", "display_value", "sys_created_on", "sys_created_by"},
    "sys_choice": {"sys_id", "name", "element", "value", "label", "sequence", "language", "inactive"},
    "sys_dictionary": {
        "sys_id", "name", "element", "internal_type", "max_length", "reference", "mandatory", "read_only",
        "active", "default_value", "column_label",
    },
    "sys_user": {"sys_id", "user_name", "name", "email", "active", "time_zone"},
}  # fmt: skip


def columns_of(table: str) -> Callable[[str], bool]:
    """Whether a table has a column, as a function.

    Raises:
        Refused: `malformed`, if there is no such table.
    """
    if table in TABLES:
        return lambda column: is_column(TABLES[table], column)
    if table in _TRAIL_COLUMNS:
        return _TRAIL_COLUMNS[table].__contains__
    raise Refused("malformed", f"Invalid table {table}")


async def rows_of(call: Call, table: str, query: EncodedQuery, settings: ServiceNowSettings) -> list[Row]:
    """The table's rows, before the query is applied to them; fewer where the query pins an id, so that not all are read."""
    if table in TABLES:
        return await _task_rows(call, table, query)
    if call.finds_nothing:
        return []
    return list(_derived_rows(table, query, settings, call.system.records))


async def _task_rows(call: Call, table: str, query: EncodedQuery) -> list[Row]:
    pinned = query.pinned("sys_id")
    if pinned is not None and not call.system.switches.now.search_lag:
        return [RecordRow(record) for record in await call.read_many(table, list(dict.fromkeys(pinned)))]
    return [RecordRow(record) for record in await call.search(table)]


def _derived_rows(
    table: str, query: EncodedQuery, settings: ServiceNowSettings, records: Records
) -> Iterator[Row]:
    match table:
        case "sys_audit" if settings.audited:
            for save in _saves(records, query.pinned("documentkey")):
                yield from rows.audit_rows(save)
        case "sys_journal_field":
            for save in _saves(records, query.pinned("element_id")):
                yield from rows.journal_rows(save)
        case "sys_audit_delete" if settings.audited:
            yield from _deletions(records, query.pinned("documentkey"))
        case "sys_choice":
            yield from rows.choice_rows(settings)
        case "sys_dictionary":
            yield from rows.dictionary_rows(settings)
        case "sys_user":
            yield from rows.user_rows(settings)


def _saves(records: Records, record_ids: list[str] | None) -> Iterator[Save]:
    for table in TABLES:
        for record_id in _ids(records, table) if record_ids is None else record_ids:
            yield from records.history(table, record_id)


def _deletions(records: Records, record_ids: list[str] | None) -> Iterator[Row]:
    for table in TABLES:
        for record_id in _ids(records, table) if record_ids is None else record_ids:
            record = records.head(table, record_id)
            if record and record.deleted:
                yield rows.deletion_row(record)


def _ids(records: Records, table: str) -> list[str]:
    return [record.id for record in records.heads(table)]
