"""Webhooks v3: the events of a save, their bodies, their signature. Edits of title, body or urgency fire none.

Source: PagerDuty developer documentation, "Webhooks v3 overview", and its published signature vector. Bodies carry the resource, not
a difference, and name some attributes otherwise than REST does (`number`, `assignees`).
"""

import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import md5, sha256
from typing import Final

from lab.systems.outbox import Subscription
from lab.systems.pagerduty.account import Json
from lab.systems.pagerduty.shapes import INCIDENT, Shapes
from lab.systems.pagerduty.times import millisecond_text, time_text
from lab.systems.records import Change, Save

_BY_FIELD: Final = {"priority": "priority_updated", "service": "service_updated", "assignees": "reassigned"}


@dataclass(frozen=True, slots=True)
class Events:
    """For one account."""

    shapes: Shapes

    def of(self, save: Save) -> list[Json]:
        """Whole bodies, one per event."""
        return [self._body(save, kind, data) for kind, data in self._kinds(save)]

    def last_known(self, save: Save) -> Json:
        """For a save without an event of its own: what the incident's status says."""
        return self._body(save, str(save.record.fields["status"]), self._incident(save))

    def _kinds(self, save: Save) -> Iterator[tuple[str, Json]]:
        incident = self._incident(save)
        if save.event == "created":
            yield "triggered", incident
            return
        for change in save.changes:
            if change.field == "status":
                yield _status_event(change), incident
            if change.field in _BY_FIELD:
                yield _BY_FIELD[change.field], incident
            if change.field == "notes":
                yield from self._annotated(save, change)
        yield from self._custom_fields(save)

    def _annotated(self, save: Save, change: Change) -> Iterator[tuple[str, Json]]:
        known = {note["id"] for note in change.old or []}
        for note in change.new:
            if note["id"] not in known:
                data = {
                    "id": note["id"],
                    "type": "incident_note",
                    "content": note["content"],
                    "trimmed": False,
                }
                yield "annotated", {"incident": self.shapes.reference(save.record), **data}

    def _custom_fields(self, save: Save) -> Iterator[tuple[str, Json]]:
        names = set(self.shapes.account.settings.custom_fields)
        changed = [change.field for change in save.changes if change.field in names]
        if changed:
            yield (
                "custom_field_values.updated",
                {
                    "incident": self.shapes.reference(save.record),
                    "type": "incident_field_values",
                    "custom_fields": self.shapes.field_values(save.record),
                    "changed_custom_fields": changed,
                },
            )

    def _body(self, save: Save, kind: str, data: Json) -> Json:
        return {
            "event": {
                "id": _event_id(save.n, kind, data),
                "event_type": f"incident.{kind}",
                "resource_type": INCIDENT,
                "occurred_at": millisecond_text(save.record.modified_at or save.at),
                "agent": self.shapes.account.agent(save.record.modified_by),
                "client": None,
                "data": data,
            }
        }

    def _incident(self, save: Save) -> Json:
        record, account = save.record, self.shapes.account
        fields = record.fields
        priority = account.priority(fields["priority"]) if fields["priority"] else None
        return account.reference(INCIDENT, "incidents", record.id, fields["title"]) | {
            "number": int(record.key),
            "status": fields["status"],
            "incident_key": fields["incident_key"],
            "created_at": time_text(record.created_at),
            "title": fields["title"],
            "service": account.service_reference(fields["service"]),
            "assignees": [account.user_reference(name) for name in fields["assignees"]],
            "escalation_policy": account.escalation_policy(),
            "teams": [],
            "priority": priority and {**priority, "type": "priority_reference"},
            "urgency": fields["urgency"],
            "conference_bridge": None,
            "resolve_reason": None,
        }


def _status_event(change: Change) -> str:
    if change.old == "resolved":
        return "reopened"
    return "unacknowledged" if change.new == "triggered" else str(change.new)


def _event_id(n: int, kind: str, data: Json) -> str:
    """26 characters like the vendor's; the same for every subscriber."""
    name = f"{n}/{kind}/{data['id'] if kind == 'annotated' else ''}"
    return f"01{md5(name.encode(), usedforsecurity=False).hexdigest()[:24].upper()}"


def headers(subscription: Subscription, delivery_id: str, body: bytes) -> dict[str, str]:
    """While a secret rotates (`options.previous_secrets`), one signature per secret."""
    secrets = [subscription.secret, *subscription.options.get("previous_secrets", [])]
    signatures = (hmac.new(secret.encode(), body, sha256).hexdigest() for secret in secrets)
    custom = {one["name"]: one["value"] for one in subscription.options.get("custom_headers", [])}
    return custom | {
        "content-type": "application/json",
        "user-agent": "PagerDuty-Webhook/V3.0",
        "x-webhook-id": delivery_id,
        "x-webhook-subscription": subscription.id,
        "x-pagerduty-signature": ",".join(f"v1={signature}" for signature in signatures),
    }
