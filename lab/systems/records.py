"""Records and every save of them: one save = one transaction = one version.

A save row holds the whole record as that save left it, so the change history, the lagging search index and a webhook that is
sent much later all read the same rows. Deleted records stay, marked, for tests to look at.
"""

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from lab.systems.database import Database

Event = Literal["created", "updated", "deleted", "moved"]
Origin = Literal["person", "api", "automation"]


@dataclass(frozen=True, slots=True)
class Author:
    """Who saves, through which door, and at which true time (epoch seconds; may lie in the past)."""

    by: str
    origin: Origin
    at: float
    marker: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One field in one save. An automation rule inside somebody's save has its own `by` and `origin`."""

    field: str
    old: Any
    new: Any
    by: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Record:
    """A record as one save left it. `created_at` and `modified_at` are the system's own stamps, not true times."""

    record_type: str
    id: str
    key: str
    version: int
    fields: dict[str, Any]
    deleted: bool
    created_at: float | None
    created_by: str
    modified_at: float | None
    modified_by: str


@dataclass(frozen=True, slots=True)
class Save:
    """What happened to a record once. `n` counts all saves of the system; `at` is true time, `applied_at` when it was done."""

    n: int
    record: Record
    event: Event
    changes: tuple[Change, ...]
    origin: Origin
    marker: str | None
    at: float
    applied_at: float


_COLUMNS = (
    "n, record_type, id, key, version, fields, deleted, created_at, created_by, modified_at, modified_by, "
    "event, changes, origin, marker, at, applied_at"
)
_INSERT = f"INSERT INTO saves ({_COLUMNS}) VALUES (NULL{', ?' * 16})"  # noqa: S608 - constants only
_SELECT = f"SELECT {_COLUMNS} FROM saves "  # noqa: S608 - constants only
_HEAD = f"SELECT {_COLUMNS} FROM heads JOIN saves USING (record_type, id, n) "  # noqa: S608 - constants only


class Records:
    """The saves of one system, oldest first, and the newest of each record."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def head(self, record_type: str, record_id: str) -> Record | None:
        """The record as it is, also a deleted one; None if there never was one."""
        save = self.last_save(record_type, record_id)
        return save.record if save else None

    def last_save(self, record_type: str, record_id: str) -> Save | None:
        row = self._database.row(f"{_HEAD} WHERE record_type = ? AND id = ?", record_type, record_id)
        return _save(row) if row else None

    def heads(self, record_type: str) -> list[Record]:
        """All records of a type as they are, deleted ones too."""
        return [
            _save(row).record
            for row in self._database.rows(f"{_HEAD} WHERE record_type = ? ORDER BY n", record_type)
        ]

    def by_key(self, record_type: str, key: str) -> Record | None:
        """The record that bears this key, or bore it last before it moved."""
        row = self._database.row(
            "SELECT id FROM saves WHERE record_type = ? AND key = ? ORDER BY n DESC LIMIT 1", record_type, key
        )
        return self.head(record_type, row[0]) if row else None

    def save(self, n: int) -> Save | None:
        row = self._database.row(f"{_SELECT} WHERE n = ?", n)
        return _save(row) if row else None

    def history(self, record_type: str, record_id: str, since_version: int = 0) -> list[Save]:
        """The saves after that version, oldest first."""
        rows = self._database.rows(
            f"{_SELECT} WHERE record_type = ? AND id = ? AND version > ? ORDER BY version",
            record_type, record_id, since_version,
        )  # fmt: skip
        return [_save(row) for row in rows]

    def stamped(self, record_type: str, since: float, until: float) -> list[Save]:
        """The saves of all records whose stamp lies in [since, until), oldest first."""
        rows = self._database.rows(
            f"{_SELECT} WHERE record_type = ? AND modified_at >= ? AND modified_at < ? ORDER BY n",
            record_type, since, until,
        )  # fmt: skip
        return [_save(row) for row in rows]

    def indexed(self, record_type: str, until: float, equal: dict[str, Any] | None = None) -> list[Save]:
        """What the search index knew at `until`: each record's newest save applied by then, deleted ones left out.

        Args:
            record_type: Only records of this type.
            until: True time in epoch seconds; infinity for an index without lag.
            equal: Only records whose fields have exactly these values.
        """
        known, bounds = _known(record_type, until)
        wanted, values = _equality(equal or {})
        rows = self._database.rows(f"{known} AND NOT deleted {wanted} ORDER BY n", *bounds, *values)
        return [_save(row) for row in rows]

    def feed(self, record_type: str, since: int, until: float, limit: int) -> list[Save]:
        """Newest saves of records changed after save number `since`, oldest first, deleted ones included."""
        known, bounds = _known(record_type, until)
        rows = self._database.rows(f"{known} AND n > ? ORDER BY n LIMIT ?", *bounds, since, limit)
        return [_save(row) for row in rows]

    def append(self, save: Save) -> Save:
        """Keep a save (its `n` is given here) and make it the record's newest."""
        record = save.record
        with self._database.transaction():
            n = self._database.execute(
                _INSERT, record.record_type, record.id, record.key, record.version, json.dumps(record.fields),
                record.deleted, record.created_at, record.created_by, record.modified_at, record.modified_by,
                save.event, _dump(save.changes), save.origin, save.marker, save.at, save.applied_at,
            )  # fmt: skip
            self._database.execute(
                "INSERT OR REPLACE INTO heads VALUES (?, ?, ?)", record.record_type, record.id, n
            )
        return Save(n, record, save.event, save.changes, save.origin, save.marker, save.at, save.applied_at)

    def next_number(self, series: str) -> int:
        """1, 2, 3 … per series; never reused, not even after `clear`."""
        row = self._database.row(
            "INSERT INTO counters VALUES (?, 1) ON CONFLICT DO UPDATE SET last = last + 1 RETURNING last",
            series,
        )
        assert row is not None
        number: int = row[0]
        return number

    def created_under(self, idempotency_key: str) -> str | None:
        """The id of the record that an earlier create with this key made."""
        row = self._database.row("SELECT id FROM idempotency WHERE key = ?", idempotency_key)
        return row[0] if row else None

    def remember_creation(self, idempotency_key: str, record_id: str) -> None:
        self._database.execute("INSERT INTO idempotency VALUES (?, ?)", idempotency_key, record_id)

    def clear(self) -> None:
        with self._database.transaction():
            for table in ("saves", "heads", "idempotency"):
                self._database.execute(f"DELETE FROM {table}")  # noqa: S608 - the names stand one line above


def _known(record_type: str, until: float) -> tuple[str, tuple[Any, ...]]:
    """SQL for the newest saves applied by `until`; without lag these are the heads, found by their index."""
    if until == math.inf:
        return f"{_HEAD} WHERE record_type = ?", (record_type,)
    newest = "SELECT max(n) FROM saves WHERE record_type = ? AND applied_at <= ? GROUP BY id"
    return f"{_SELECT} WHERE n IN ({newest})", (record_type, until)


def _equality(equal: dict[str, Any]) -> tuple[str, list[str]]:
    """SQL that compares fields as JSON values, so that lists and booleans compare as well as text."""
    clause = "AND json_extract(fields, ?) IS json_extract(?, '$') " * len(equal)
    return clause, [text for field, value in equal.items() for text in (f'$."{field}"', json.dumps(value))]


def _dump(changes: tuple[Change, ...]) -> str:
    return json.dumps(
        [(change.field, change.old, change.new, change.by, change.origin) for change in changes]
    )


@lru_cache(maxsize=16_384)
def _save(row: tuple[Any, ...]) -> Save:
    """Kept by the row's content: a list of two thousand records cost 0.1 s of parsing every time it was asked for."""
    (
        n,
        record_type,
        record_id,
        key,
        version,
        fields,
        deleted,
        created_at,
        created_by,
        modified_at,
        modified_by,
        *rest,
    ) = row
    record = Record(
        record_type, record_id, key, version, json.loads(fields), bool(deleted),
        created_at, created_by, modified_at, modified_by,
    )  # fmt: skip
    event, changes, origin, marker, at, applied_at = rest
    return Save(
        n,
        record,
        event,
        tuple(Change(*change) for change in json.loads(changes)),
        origin,
        marker,
        at,
        applied_at,
    )
