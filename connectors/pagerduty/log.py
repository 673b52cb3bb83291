"""Log entries: PagerDuty's change history, and its only feed of changes.

Some edits leave no entry (of the title) or none that tells the value (of the urgency): who maps these can lose a race
there. A priority is logged as a field change by its id; that isn't verified, so the setting `priority_logged` must say it.

Source: PagerDuty REST API v2, "List log entries"; developer-docs, read 2026-11.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import AwareDatetime, BaseModel, Field, JsonValue

from connectors.pagerduty.incidents import CUSTOM, Reference
from domain.records import FieldVersion, Origin, Snapshot
from domain.values import same

STATUS_AFTER: Mapping[str, str] = {
    "trigger_log_entry": "triggered",
    "unacknowledge_log_entry": "triggered",
    "acknowledge_log_entry": "acknowledged",
    "resolve_log_entry": "resolved",
}
UNLOGGED = frozenset({"title", "urgency", "assignees", "escalation_policy", "incident_type"})
"""Native fields of whose edits no entry is documented, or none that tells the value."""


class Agent(BaseModel):
    id: str
    type: str = ""


class LoggedField(BaseModel):
    name: str
    value: JsonValue = None
    old_value: JsonValue = None


class Changeset(BaseModel):
    application_fields: list[LoggedField] = Field(default_factory=list)
    customer_fields: list[LoggedField] = Field(default_factory=list)


class Channel(BaseModel):
    changeset: Changeset = Field(default_factory=Changeset)


class LogEntry(BaseModel):
    """One thing that happened to an incident."""

    id: str
    type: str
    created_at: AwareDatetime
    agent: Agent | None = None
    channel: Channel | None = None
    incident: Reference | None = None
    service: Reference | None = None

    def changed(self) -> list[LoggedField]:
        """The fields it changed, in native names; the old value where the entry tells it."""
        if self.type in STATUS_AFTER:
            return [LoggedField(name="status", value=STATUS_AFTER[self.type])]
        changeset = self.channel.changeset if self.channel else Changeset()
        custom = [f.model_copy(update={"name": f"{CUSTOM}{f.name}"}) for f in changeset.customer_fields]
        return changeset.application_fields + custom


class LogPage(BaseModel):
    log_entries: list[LogEntry]
    more: bool = False


@dataclass(frozen=True, slots=True)
class LogReader:
    """Reads entries as one connection sees them."""

    own_user: str | None
    priority_names: Mapping[str, str]
    """By id."""

    def versions(self, entries: Iterable[LogEntry]) -> list[FieldVersion]:
        """Field versions in the order of the entries, each with the old value that the log or its own past tells."""
        versions: list[FieldVersion] = []
        latest: dict[str, JsonValue] = {}
        for entry in entries:
            for field in entry.changed():
                version = self._version(entry, field, latest)
                latest[version.field] = version.value
                versions.append(version)
        return versions

    def _version(self, entry: LogEntry, field: LoggedField, latest: Mapping[str, JsonValue]) -> FieldVersion:
        old = self._value(field.name, field.old_value)
        return FieldVersion(
            field=field.name,
            value=self._value(field.name, field.value),
            old=latest.get(field.name) if old is None else old,
            at=entry.created_at,
            by=entry.agent.id if entry.agent else None,
            origin=self._origin(entry.agent),
        )

    def _value(self, field: str, value: JsonValue) -> JsonValue:
        return self.priority_names.get(str(value), value) if field == "priority" else value

    def _origin(self, agent: Agent | None) -> Origin:
        """Who stands behind an entry: an agent that is no user is a service, an integration or a rule."""
        if agent is None or not agent.type.startswith("user"):
            return Origin.AUTOMATION
        return Origin.ACCORD if agent.id == self.own_user else Origin.PERSON


def not_shown(versions: Iterable[FieldVersion], since: Snapshot) -> list[FieldVersion]:
    """The versions that a snapshot doesn't show yet: later ones, and other values of its very last second."""
    seen_at = since.modified_at
    return [
        version
        for version in versions
        if seen_at is None
        or version.at is None
        or version.at > seen_at
        or (version.at == seen_at and not same(since.value(version.field), version.value))
    ]
