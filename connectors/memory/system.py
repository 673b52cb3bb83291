"""The system itself: records with versions and history, edited by people through its methods.

It has no randomness and no clock of its own, and it never waits: one caller decides the order of everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import JsonValue

from domain.records import FieldVersion, Origin
from domain.values import same

Kind = Literal["changed", "created", "deleted"]


@dataclass(slots=True)
class MemoryRecord:
    """One record, its fields and all that happened to them."""

    record_type: str
    id: str
    fields: dict[str, JsonValue] = field(default_factory=dict)
    version: int = 0
    serial: int = 0
    """The system-wide number of its last save: the order of the change feed."""
    created_at: datetime | None = None
    modified_at: datetime | None = None
    modified_by: str | None = None
    saved_at: datetime | None = None
    """True time of the last save; the index lags behind it."""
    marker: str | None = None
    deleted: bool = False
    merged_into: str | None = None
    history: list[FieldVersion] = field(default_factory=list)

    @property
    def key(self) -> str:
        return f"{self.record_type.upper()}-{self.id}"


@dataclass(frozen=True, slots=True)
class Author:
    """Who saves."""

    by: str
    origin: Origin = Origin.PERSON


SOMEBODY = Author("ada")
Listener = Callable[[MemoryRecord, Kind], None]
Store = Callable[[str, JsonValue], JsonValue]


def keep(field: str, value: JsonValue) -> JsonValue:
    """What a system stores if it leaves values alone."""
    del field
    return value


@dataclass(slots=True)
class MemorySystem:
    """All records of one system."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    """True time."""
    skew: timedelta = timedelta(0)
    granularity: timedelta = timedelta(seconds=1)
    store: Store = keep
    """What it makes of a written value (trim, cut)."""
    listeners: list[Listener] = field(default_factory=list)
    """Called after each save: the place to send change notices from, or to let an automation follow."""
    records: dict[str, MemoryRecord] = field(default_factory=dict)
    serial: int = 0

    def stamp(self) -> datetime:
        """The time by this system's own clock, cut down to its granularity."""
        shown = self.now() + self.skew
        surplus = (
            (shown - datetime(1970, 1, 1, tzinfo=UTC)) % self.granularity if self.granularity else timedelta()
        )
        return shown - surplus

    def create(
        self,
        record_type: str,
        fields: Mapping[str, JsonValue],
        author: Author = SOMEBODY,
        *,
        marker: str | None = None,
    ) -> MemoryRecord:
        record = MemoryRecord(record_type, str(len(self.records) + 1), marker=marker, created_at=self.stamp())
        self.records[record.id] = record
        self._save(record, fields, author, "created")
        return record

    def edit(
        self, record_id: str, fields: Mapping[str, JsonValue], author: Author = SOMEBODY
    ) -> MemoryRecord:
        """Change the named fields only. Where nothing would change there is no save and no new version."""
        record = self.records[record_id]
        stored = {name: self.store(name, value) for name, value in fields.items()}
        changed = {
            name: value
            for name, value in stored.items()
            if name not in record.fields or not same(record.fields[name], value)
        }
        if changed:
            self._save(record, changed, author, "changed")
        return record

    def delete(self, record_id: str, author: Author = SOMEBODY) -> MemoryRecord:
        record = self.records[record_id]
        record.deleted = True
        self._save(record, {}, author, "deleted")
        return record

    def merge(self, record_id: str, into: str, author: Author = SOMEBODY) -> MemoryRecord:
        """Close the record as a duplicate of another one."""
        self.records[record_id].merged_into = into
        return self.edit(record_id, {"status": f"merged into {into}"}, author)

    def set_marker(self, record_id: str, marker: str) -> None:
        """Not a change of any field: no version."""
        self.records[record_id].marker = marker

    def find(self, record_type: str, *, lag: timedelta = timedelta(0)) -> Iterator[MemoryRecord]:
        """Records of the type, oldest save first, deleted ones too; those saved within the lag are missed."""
        known = self.now() - lag
        ordered = sorted(self.records.values(), key=lambda record: record.serial)
        return (
            record
            for record in ordered
            if record.record_type == record_type and (not lag or (record.saved_at or known) <= known)
        )

    def _save(
        self, record: MemoryRecord, fields: Mapping[str, JsonValue], author: Author, kind: Kind
    ) -> None:
        self.serial += 1
        record.version, record.serial = record.version + 1, self.serial
        record.modified_at, record.modified_by, record.saved_at = self.stamp(), author.by, self.now()
        record.history += [self._version(record, name, value, author) for name, value in fields.items()]
        record.fields |= fields
        for listener in self.listeners:
            listener(record, kind)

    @staticmethod
    def _version(record: MemoryRecord, name: str, value: JsonValue, author: Author) -> FieldVersion:
        return FieldVersion(
            field=name,
            value=value,
            old=record.fields.get(name),
            at=record.modified_at,
            by=author.by,
            origin=author.origin,
            sequence=record.version,
        )
