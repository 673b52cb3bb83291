"""Jira's webhooks: proof of origin, and which issue they speak of.

A webhook without a secret carries no proof and is refused. Deliveries may come late, twice and out of order; each says
only "look at this issue".

Source: developer.atlassian.com, "Webhooks", read 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field, SecretStr

from connectors.jira.issues import version_of
from connectors.signatures import is_signed
from domain.records import ChangeNotice, RecordRef

SIGNATURE = "x-hub-signature"
DELIVERY = "x-atlassian-webhook-identifier"
"""The same on every retry."""

Kind = Literal["changed", "created", "deleted"]

KINDS: Mapping[str, Kind] = {
    "jira:issue_created": "created",
    "jira:issue_updated": "changed",
    "jira:issue_deleted": "deleted",
    "comment_created": "changed",
    "comment_updated": "changed",
    "comment_deleted": "changed",
}


class IssueType(BaseModel):
    name: str


class StubFields(BaseModel):
    issue_type: IssueType | None = Field(default=None, alias="issuetype")
    updated: str | int | None = None


class IssueStub(BaseModel):
    id: str
    fields: StubFields = Field(default_factory=StubFields)


class ChangelogStub(BaseModel):
    id: int


class Event(BaseModel):
    """The parts of a delivery that a notice needs."""

    name: str = Field(alias="webhookEvent")
    issue: IssueStub | None = None
    changelog: ChangelogStub | None = None

    def version(self) -> str | None:
        """The version token, if the event tells both halves of it."""
        if self.issue is None or self.changelog is None or self.issue.fields.updated is None:
            return None
        return version_of(self.issue.fields.updated, self.changelog.id)


def verify(headers: Mapping[str, str], body: bytes, secrets: Sequence[SecretStr]) -> bool:
    """Whether `X-Hub-Signature: sha256=<hex>` fits any active secret."""
    method, _, signature = headers.get(SIGNATURE, "").partition("=")
    return method == "sha256" and is_signed(body, signature, secrets)


def parse(connection: str, headers: Mapping[str, str], body: bytes, now: datetime) -> list[ChangeNotice]:
    """The notice of a delivery; none if it is of a kind that changes no field, or doesn't tell the issue type.

    Raises:
        ValueError: It is no Jira event.
    """
    event = Event.model_validate_json(body)
    kind, ref = KINDS.get(event.name), _ref(connection, event.issue)
    if kind is None or ref is None:
        return []
    return [
        ChangeNotice(
            ref=ref,
            source="webhook",
            kind=kind,
            version=event.version(),
            delivery_id=headers.get(DELIVERY),
            observed_at=now,
        )
    ]


def _ref(connection: str, issue: IssueStub | None) -> RecordRef | None:
    if issue is None or issue.fields.issue_type is None:
        return None
    return RecordRef(connection=connection, record_type=issue.fields.issue_type.name, id=issue.id)
