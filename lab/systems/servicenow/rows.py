"""Rows of the instance's tables: those of task tables are records, those of the trail tables are derived from their saves."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from lab.systems.records import Change, Record, Save
from lab.systems.servicenow.settings import ServiceNowSettings
from lab.systems.servicenow.tables import (
    JOURNALS,
    SYSTEM_COLUMNS,
    TABLES,
    TASK_CHOICES,
    TASK_COLUMNS,
    Column,
)
from lab.systems.servicenow.values import stable_id, text, time_text, user_id

Row = Mapping[str, str]

DELETED = "DELETED"  # the mark in all three value columns of the audit row that tells of a deletion


def mod_count(record: Record) -> str:
    """A new record was updated 0 times."""
    return str(record.version - 1)


_COLUMNS_OF_A_RECORD: Final[dict[str, Callable[[Record], str]]] = {
    "sys_id": lambda record: record.id,
    "number": lambda record: record.key,
    "sys_class_name": lambda record: record.record_type,
    "sys_created_on": lambda record: time_text(record.created_at),
    "sys_created_by": lambda record: record.created_by,
    "sys_updated_on": lambda record: time_text(record.modified_at),
    "sys_updated_by": lambda record: record.modified_by,
    "sys_mod_count": mod_count,
}


class RecordRow(Mapping[str, str]):
    """A record as a row of its table. Columns are computed when asked for: a search looks at few of many."""

    def __init__(self, record: Record) -> None:
        self._record = record

    def __getitem__(self, column: str) -> str:
        if column in _COLUMNS_OF_A_RECORD:
            return _COLUMNS_OF_A_RECORD[column](self._record)
        if column in JOURNALS:
            return ""  # entries live in sys_journal_field
        return text(self._record.fields.get(column))

    def __iter__(self) -> Iterator[str]:
        yield from dict.fromkeys([*TABLES[self._record.record_type].columns, *self._record.fields])

    def __len__(self) -> int:
        return sum(1 for _ in self)


def audit_rows(save: Save) -> Iterator[Row]:
    """The sys_audit rows of one save: one per changed column; none for an insert; a mark for a deletion."""
    if save.event == "deleted":
        yield _audit_row(save, DELETED, DELETED, DELETED, save.record.modified_by)
    if save.event == "updated":
        for change in save.changes:
            yield _audit_row(save, change.field, text(change.old), text(change.new), change.by)


def _audit_row(save: Save, column: str, old: str, new: str, by: str) -> Row:
    return {
        "sys_id": stable_id("sys_audit", save.n, column),
        "tablename": save.record.record_type,
        "documentkey": save.record.id,
        "fieldname": column,
        "oldvalue": old,
        "newvalue": new,
        "user": by,
        "reason": "",
        "record_checkpoint": mod_count(save.record),
        "sys_created_on": time_text(save.record.modified_at),
        "sys_created_by": by,
    }


def journal_rows(save: Save) -> Iterator[Row]:
    """The comments and work notes of one save."""
    for change in save.changes:
        if change.field in JOURNALS and save.event in {"created", "updated"}:
            yield _journal_row(save, change)


def _journal_row(save: Save, change: Change) -> Row:
    return {
        "sys_id": change.new["sys_id"],
        "name": save.record.record_type,
        "element": change.field,
        "element_id": save.record.id,
        "value": text(change.new),
        "sys_created_on": time_text(save.record.modified_at),
        "sys_created_by": change.by,
    }


def deletion_row(record: Record) -> Row:
    """The sys_audit_delete row of a record that is gone."""
    return {
        "sys_id": stable_id("sys_audit_delete", record.id),
        "tablename": record.record_type,
        "documentkey": record.id,
        "display_value": record.key,
        "sys_created_on": time_text(record.modified_at),
        "sys_created_by": record.modified_by,
    }


def user_rows(settings: ServiceNowSettings) -> list[Row]:
    return [
        {
            "sys_id": user_id(name),
            "user_name": name,
            "name": name.title(),
            "email": email,
            "active": "true",
            "time_zone": "",
        }
        for name, email in settings.users.items()
    ]


def choice_rows(settings: ServiceNowSettings) -> list[Row]:
    """sys_choice: what is defined on `task` stands there only, as on the real instance."""
    defined = {"task": TASK_CHOICES} | {table.name: table.choices for table in TABLES.values()}
    return [
        _choice_row(table, element, sequence, value, label)
        for table, elements in defined.items()
        for element, choices in elements.items()
        for sequence, (value, label) in enumerate(settings.choices.get(element, choices).items())
    ]


def _choice_row(table: str, element: str, sequence: int, value: str, label: str) -> Row:
    return {
        "sys_id": stable_id("sys_choice", table, element, value),
        "name": table,
        "element": element,
        "value": value,
        "label": label,
        "sequence": str(sequence),
        "language": "en",
        "inactive": "false",
    }


def dictionary_rows(settings: ServiceNowSettings) -> list[Row]:
    """sys_dictionary: inherited columns stand on `task` only."""
    custom = dict.fromkeys(settings.custom_columns, Column())
    inherited = {"task": SYSTEM_COLUMNS | TASK_COLUMNS | custom}
    defined = inherited | {table.name: table.own for table in TABLES.values()}
    return [
        {**_dictionary_row(table, element, column), **settings.dictionary.get(element, {})}
        for table, columns in defined.items()
        for element, column in columns.items()
        if element not in settings.removed_columns
    ]


def _dictionary_row(table: str, element: str, column: Column) -> Row:
    return {
        "sys_id": stable_id("sys_dictionary", table, element),
        "name": table,
        "element": element,
        "column_label": element.removeprefix("u_").replace("_", " ").capitalize(),
        "internal_type": column.internal_type,
        "max_length": str(column.max_length),
        "reference": column.reference,
        "mandatory": "false",
        "read_only": "false",
        "active": "true",
        "default_value": column.default,
    }


def changes_told(save: Save) -> dict[str, list[Any]]:
    """Column → [old, new], as the business rule's webhook says it."""
    return {change.field: [text(change.old), text(change.new)] for change in save.changes}
