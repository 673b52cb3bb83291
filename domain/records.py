"""Records as systems show them: references, snapshots, the history of their fields, change notices.

These models cross process borders (workflow payloads, the store), so they only ever grow by fields with defaults.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from domain.values import MISSING, Value


class Model(BaseModel):
    """A frozen payload. Unknown fields are ignored: an old worker meets a new payload in every roll-out."""

    model_config = ConfigDict(frozen=True)


class RecordRef(Model):
    """Where a record lives. `id` is the system's stable id, never its key, which may change."""

    connection: str
    record_type: str
    id: str

    def __str__(self) -> str:
        return f"{self.connection}:{self.record_type}/{self.id}"


class Origin(StrEnum):
    """Who stands behind a change. An unknown actor counts as a person everywhere but in the flap breaker."""

    PERSON = "person"
    ACCORD = "accord"
    AUTOMATION = "automation"
    UNKNOWN = "unknown"


class FieldVersion(Model):
    """One value that a field took: from the system's change history, or from our own look at the record."""

    field: str
    """The system's own (native) name of the field."""
    value: JsonValue
    old: JsonValue = None
    at: AwareDatetime | None = None
    """The system's own stamp, uncorrected; None if it gave none or it can't be read."""
    by: str | None = None
    origin: Origin = Origin.UNKNOWN
    sequence: int | None = None
    """The record's counter after this change, where the system has one."""


class Snapshot(Model):
    """A record as read at one moment, in the system's own names and values."""

    ref: RecordRef
    key: str
    """What people call it: INC0012, OPS-7."""
    fields: dict[str, JsonValue]
    version: str
    """The system's version token; equal tokens mean an unchanged record."""
    sequence: int | None = None
    """A counter that rises by one per save, where the system has one."""
    modified_at: AwareDatetime | None = None
    """The record's stamp by the system's own clock, uncorrected."""
    modified_by: str | None = None
    created_at: AwareDatetime | None = None
    """When the record was made, by the system's own clock, uncorrected; None where it doesn't tell."""
    changes: dict[str, FieldVersion] = Field(default_factory=dict)
    """Last change per native field, if the read itself carries it (capability `field_stamps`)."""
    marker: str | None = None
    """Our link id as found on the record (correlation id), if it carries one."""
    url: str | None = None
    merged_into: str | None = None
    """Id of the record into which this one was merged, where the system tells (capability `merges`)."""

    def value(self, field: str) -> Value:
        """What the field holds; MISSING if the system has no such field."""
        return self.fields.get(field, MISSING)


class Evidence(StrEnum):
    """What proves that a record is gone. A bare 404 proves nothing."""

    EVENT = "event"
    FLAG = "flag"
    STATUS_410 = "status_410"
    CANARY = "canary"  # missing for the grace period while a record of the same kind could be read
    OWN_DELETE = "own_delete"  # missing after our own request to delete it


class Gone(Model):
    """Tombstone: proof that a record is gone."""

    ref: RecordRef
    evidence: Evidence
    by: str | None = None
    at: AwareDatetime | None = None


class ChangeNotice(Model):
    """Says "look at this record". Carries no values; both sides are read fresh."""

    ref: RecordRef
    source: Literal["webhook", "poll", "stream", "operator", "sweep", "connection"]
    """connection: it can be reached again, so what waited for it looks now."""
    kind: Literal["changed", "created", "deleted"] = "changed"
    version: str | None = None
    """The version that the notice speaks of, if the system tells."""
    delivery_id: str | None = None
    observed_at: AwareDatetime | None = None
    """Our clock, when we heard; not the system's modified time."""


class Clock(Model):
    """How a system's stamps relate to true time."""

    offset: timedelta = timedelta(0)
    """System time minus true time, as measured."""
    uncertainty: timedelta = timedelta(seconds=1)
    granularity: timedelta = timedelta(seconds=1)

    def is_future(self, stamp: datetime, now: datetime) -> bool:
        """Whether the stamp lies later than anything the system could honestly say now."""
        return stamp - self.offset - self.uncertainty > now
