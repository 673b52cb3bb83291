"""Incidents and notes as the REST API writes them."""

from dataclasses import dataclass
from typing import Any

from lab.systems.pagerduty.account import Account, Json
from lab.systems.pagerduty.times import time_text
from lab.systems.records import Record

INCIDENT = "incident"
"""The record type of incidents."""


@dataclass(frozen=True, slots=True)
class Shapes:
    """For one account."""

    account: Account

    def reference(self, record: Record) -> Json:
        return self.account.reference("incident_reference", "incidents", record.id, summary(record))

    def incident(self, record: Record, include: list[str]) -> Json:
        fields, account = record.fields, self.account
        shape = account.reference(INCIDENT, "incidents", record.id, summary(record)) | {
            "incident_number": int(record.key),
            "title": fields["title"],
            "description": fields["title"],
            "status": fields["status"],
            "urgency": fields["urgency"],
            "incident_key": fields["incident_key"],
            "created_at": time_text(record.created_at),
            "updated_at": time_text(record.modified_at),
            "resolved_at": time_text(fields["resolved_at"]),
            "last_status_change_at": time_text(fields["last_status_change_at"]),
            "last_status_change_by": self._changed_by(fields),
            "service": account.service_reference(fields["service"]),
            "escalation_policy": account.escalation_policy(),
            "assigned_via": "escalation_policy",
            "assignments": [self._assignment(record, name) for name in fields["assignees"]],
            "acknowledgements": [self._acknowledgement(fields, name) for name in fields["acknowledgers"]],
            "priority": account.priority(fields["priority"]) if fields["priority"] else None,
            "teams": [],
            "pending_actions": [],
            "is_mergeable": True,
            "alert_counts": {"all": 0, "triggered": 0, "resolved": 0},
            "incident_type": {"name": "incident_default"},
            "resolve_reason": None,
        }
        if "body" in include:
            shape["body"] = {"type": "incident_body", "details": fields["body"]}
        return shape

    def note(self, note: Json) -> Json:
        return {
            "id": note["id"],
            "user": self.account.user_reference(note["user"]),
            "content": note["content"],
            "created_at": time_text(note["created_at"]),
            "channel": {"summary": "The PagerDuty website or APIs"},
        }

    def field_values(self, record: Record) -> list[Json]:
        return [
            self.account.field_value(name, record.fields.get(name))
            for name in self.account.settings.custom_fields
        ]

    def _changed_by(self, fields: dict[str, Any]) -> Json:
        agent = self.account.agent(fields["last_status_change_by"])
        return agent or self.account.service_reference(fields["service"])

    def _assignment(self, record: Record, name: str) -> Json:
        return {"at": time_text(record.created_at), "assignee": self.account.user_reference(name)}

    def _acknowledgement(self, fields: dict[str, Any], name: str) -> Json:
        return {
            "at": time_text(fields["last_status_change_at"]),
            "acknowledger": self.account.user_reference(name),
        }


def summary(record: Record) -> str:
    return f"[#{record.key}] {record.fields['title']}"
