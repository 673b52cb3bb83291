"""The plain API's JSON, and what we make of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pydantic import AwareDatetime, BaseModel, Field, JsonValue

from domain.records import FieldVersion, Origin, RecordRef, Snapshot
from domain.values import digest

IsOurs = Callable[[str | None, str | None], bool]
"""(actor, marker) → whether that write was ours."""


class Stamp(BaseModel):
    at: AwareDatetime | None = None
    by: str | None = None


class Record(BaseModel):
    """A record as every answer holds it."""

    id: str
    key: str
    url: str | None = None
    version: str | None = None
    sequence: int | None = None
    modified_at: AwareDatetime | None = None
    modified_by: str | None = None
    fields: dict[str, JsonValue]
    stamps: dict[str, Stamp] = Field(default_factory=dict)

    def token(self) -> str:
        """The version; where no counter backs it (it may be a mere stamp), a digest of all that the record shows."""
        if self.version and self.sequence is not None:
            return self.version
        return digest(self.version, str(self.modified_at), self.fields)

    def snapshot(
        self, connection: str, record_type: str, is_ours: IsOurs, *, marker: str, merged: str
    ) -> Snapshot:
        """`marker` and `merged` name the fields that hold our link id and the record this one was merged into."""
        return Snapshot(
            ref=RecordRef(connection=connection, record_type=record_type, id=self.id),
            key=self.key,
            fields=self.fields,
            version=self.token(),
            sequence=self.sequence,
            modified_at=self.modified_at,
            modified_by=self.modified_by,
            changes={name: self._last_change(name, stamp, is_ours) for name, stamp in self.stamps.items()},
            marker=_text(self.fields.get(marker)),
            merged_into=_text(self.fields.get(merged)) or None,
            url=self.url,
        )

    def _last_change(self, name: str, stamp: Stamp, is_ours: IsOurs) -> FieldVersion:
        origin = Origin.ACCORD if is_ours(stamp.by, None) else Origin.UNKNOWN
        return FieldVersion(field=name, value=self.fields.get(name), at=stamp.at, by=stamp.by, origin=origin)


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) else None


class Records(BaseModel):
    """Many of them, from a read by ids or a search."""

    records: list[Record]


class Change(BaseModel):
    """One field in one save."""

    version: str | None = None
    field: str
    old: JsonValue = None
    new: JsonValue = None
    by: str | None = None
    at: AwareDatetime | None = None
    origin: str | None = None
    marker: str | None = None

    @property
    def sequence(self) -> int | None:
        return int(self.version) if self.version and self.version.isdigit() else None

    def field_version(self, is_ours: IsOurs) -> FieldVersion:
        return FieldVersion(
            field=self.field,
            value=self.new,
            old=self.old,
            at=self.at,
            by=self.by,
            origin=self._origin(is_ours),
            sequence=self.sequence,
        )

    def _origin(self, is_ours: IsOurs) -> Origin:
        """An automation that worked inside our save carries our marker, and yet isn't us."""
        if self.origin in {Origin.PERSON, Origin.AUTOMATION}:
            return Origin(self.origin)
        return Origin.ACCORD if is_ours(self.by, self.marker) else Origin.UNKNOWN


class History(BaseModel):
    changes: list[Change]


class Changed(BaseModel):
    """One line of the change feed."""

    id: str
    version: str | None = None
    modified_at: AwareDatetime | None = None
    deleted: bool = False


class Feed(BaseModel):
    records: list[Changed]
    cursor: str
    more: bool = False


class Delivery(BaseModel):
    """A webhook's body."""

    delivery_id: str
    event: str
    type: str
    id: str
    version: str | None = None


KINDS: dict[str, Literal["changed", "created", "deleted"]] = {
    "created": "created",
    "updated": "changed",
    "moved": "changed",
    "deleted": "deleted",
}
