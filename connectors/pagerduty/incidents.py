"""Incidents as the API sends them, and their natural form.

Version token: `<updated_at, epoch s>/<digest of the fields>`. `updated_at` has whole seconds, so the digest tells two
states of one second apart; nothing tells two saves that end in the same state.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from pydantic import AwareDatetime, BaseModel, Field, JsonValue

from domain.records import RecordRef, Snapshot
from domain.values import digest

RECORD_TYPE: Final = "incident"
MERGED: Final = "merge_resolve_reason"
CUSTOM: Final = "custom_fields."
"""Prefix of a custom field's native name."""

PLAIN: Final = (
    "title",
    "status",
    "urgency",
    "incident_key",
    "incident_number",
    "description",
    "created_at",
    "resolved_at",
    "last_status_change_at",
)
"""Fields whose value is already natural."""
REFERENCES: Final = {"service": "service_reference", "escalation_policy": "escalation_policy_reference"}
"""Fields that hold one reference, known by its id, and the type to write it with."""
STATUSES: Final = ("triggered", "acknowledged", "resolved")
URGENCIES: Final = ("high", "low")
CLOSED: Final[dict[str, list[JsonValue]]] = {"status": [*STATUSES], "urgency": [*URGENCIES]}
"""What a field takes in every account."""
FIELDS: Final = (*PLAIN, *REFERENCES, "priority", "assignees", "teams", "incident_type", "details")


class Reference(BaseModel):
    """A pointer to something with a name."""

    id: str
    summary: str | None = None
    name: str | None = None

    @property
    def label(self) -> str:
        """What people call it: `P1`."""
        return self.name or self.summary or self.id


class Assignment(BaseModel):
    assignee: Reference


class IncidentType(BaseModel):
    name: str | None = None


class ResolveReason(BaseModel):
    """Why it is resolved; not said for most."""

    type: str | None = None
    incident: Reference | None = None


class Body(BaseModel):
    details: JsonValue = None


class Incident(BaseModel, extra="allow"):
    """An incident. The plain fields are kept as they come."""

    id: str
    number: int = Field(default=0, alias="incident_number")
    status: str
    incident_key: str | None = None
    html_url: str | None = None
    created_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None
    last_status_change_at: AwareDatetime | None = None
    last_status_change_by: Reference | None = None
    service: Reference | None = None
    escalation_policy: Reference | None = None
    priority: Reference | None = None
    assignments: list[Assignment] = Field(default_factory=list)
    teams: list[Reference] = Field(default_factory=list)
    incident_type: IncidentType | None = None
    resolve_reason: ResolveReason | None = None
    body: Body | None = None

    def natural(self) -> dict[str, JsonValue]:
        """The fields as a mapping wants them: names and ids instead of objects."""
        written = self.model_dump(mode="json", by_alias=True)
        references = {name: getattr(self, name) for name in REFERENCES}
        return {
            **{name: written.get(name) for name in PLAIN},
            **{name: reference.id if reference else None for name, reference in references.items()},
            "priority": self.priority.label if self.priority else None,
            "assignees": [assignment.assignee.id for assignment in self.assignments],
            "teams": [team.id for team in self.teams],
            "incident_type": self.incident_type.name if self.incident_type else None,
            **({"details": self.body.details} if self.body else {}),
        }

    def merged_into(self) -> str | None:
        """Id of the incident into which this one was merged: that resolves it."""
        reason = self.resolve_reason
        return reason.incident.id if reason and reason.type == MERGED and reason.incident else None

    def modifier(self) -> str | None:
        """Who made the last change; None unless it was the last change of status, for no other is told."""
        told = self.last_status_change_by
        return told.id if told and self.last_status_change_at == self.updated_at else None


def version_of(updated_at: datetime | None, fields: Mapping[str, JsonValue]) -> str:
    """The version token."""
    return f"{int(updated_at.timestamp()) if updated_at else 0}/{digest(fields)}"


def snapshot_of(
    connection: str, incident: Incident, custom: Mapping[str, JsonValue], marker_field: str | None
) -> Snapshot:
    """The snapshot of an incident with its custom fields (by name)."""
    fields = incident.natural() | {f"{CUSTOM}{name}": value for name, value in custom.items()}
    kept = custom.get(marker_field) if marker_field else None
    return Snapshot(
        ref=RecordRef(connection=connection, record_type=RECORD_TYPE, id=incident.id),
        key=f"#{incident.number}",
        fields=fields,
        version=version_of(incident.updated_at, fields),
        modified_at=incident.updated_at,
        modified_by=incident.modifier(),
        created_at=incident.created_at,
        marker=kept if isinstance(kept, str) else incident.incident_key,
        url=incident.html_url,
    )


class IncidentAnswer(BaseModel):
    incident: Incident


class IncidentPage(BaseModel):
    incidents: list[Incident]
    more: bool = False


class CustomValue(BaseModel):
    name: str
    value: JsonValue = None


class CustomValues(BaseModel):
    custom_fields: list[CustomValue] = Field(default_factory=list)

    def by_name(self) -> dict[str, JsonValue]:
        return {field.name: field.value for field in self.custom_fields}
