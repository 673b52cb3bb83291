"""Webhooks as an administrator registers them: which events a save fires, their bodies, their signature.

Source: developer.atlassian.com, "Webhooks". A comment fires two: the comment's own and the issue's.
"""

import hmac
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from lab.systems.jira.changelog import Changelog, entry_id
from lab.systems.jira.shapes import Shapes
from lab.systems.jira.site import Json
from lab.systems.records import Save

_ISSUE_EVENT: Final = {
    "created": ("jira:issue_created", "issue_created"),
    "updated": ("jira:issue_updated", "issue_generic"),
    "moved": ("jira:issue_updated", "issue_moved"),
    "deleted": ("jira:issue_deleted", "issue_deleted"),
}


@dataclass(frozen=True, slots=True)
class Events:
    """Bodies for one site; webhooks speak v2, so rich text is text."""

    shapes: Shapes

    def of(self, save: Save) -> list[Json]:
        """The events of a save, the issue's own first; one that only set a property fires a property event."""
        changed = {change.field for change in save.changes}
        if save.event == "updated" and changed == {"properties"}:
            return [self._property_set(save)]
        return [self._issue_event(save, changed), *self._comment_events(save)]

    def _issue_event(self, save: Save, changed: set[str]) -> Json:
        name, type_name = _ISSUE_EVENT[save.event]
        if save.event == "updated" and changed == {"comments"}:
            type_name = "issue_commented"
        items = list(Changelog(self.shapes).items(save))
        body = self._event(save, name) | {"issue_event_type_name": type_name}
        return body | ({"changelog": {"id": entry_id(save), "items": items}} if items else {})

    def _comment_events(self, save: Save) -> list[Json]:
        return [
            self._event(save, f"comment_{what}") | {"comment": self.shapes.comment(save.record, comment)}
            for change in save.changes
            if change.field == "comments"
            for what, comment in _differences(change.old or [], change.new or [])
        ]

    def _property_set(self, save: Save) -> Json:
        old, new = save.changes[0].old or {}, save.changes[0].new or {}
        changed = [{"key": key, "value": value} for key, value in new.items() if old.get(key) != value]
        return self._event(save, "issue_property_set") | {"property": changed[0] if changed else {}}

    def _event(self, save: Save, name: str) -> Json:
        record = save.record
        return {
            "timestamp": int((record.modified_at or save.at) * 1000),
            "webhookEvent": name,
            "user": self.shapes.site.person(record.modified_by),
            "issue": self.shapes.issue(record, ["*all", "-comment"]),
        }


def _differences(old: list[Json], new: list[Json]) -> list[tuple[str, Json]]:
    before, after = ({comment["id"]: comment for comment in kept} for kept in (old, new))
    told: list[tuple[str, Any]] = [("created", after[one]) for one in after if one not in before]
    told += [("updated", after[one]) for one in after if one in before and before[one] != after[one]]
    told += [("deleted", before[one]) for one in before if one not in after]
    return told


def headers(secret: str, delivery_id: str, body: bytes) -> dict[str, str]:
    """The identifier is the same on every retry; without a secret nothing proves the origin."""
    sent = {
        "content-type": "application/json; charset=UTF-8",
        "user-agent": "Atlassian Webhook HTTP Client",
        "x-atlassian-webhook-identifier": delivery_id,
        "x-atlassian-webhook-flow": "Primary",
    }
    if secret:
        sent["x-hub-signature"] = f"sha256={hmac.new(secret.encode(), body, sha256).hexdigest()}"
    return sent
