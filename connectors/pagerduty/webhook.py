"""PagerDuty's webhooks (version 3): proof of origin, and which incident they speak of.

An event carries the incident under other names than the REST API's, and sometimes an old value, so nothing in it is
trusted but the id. Edits of title and urgency cause no event: polling finds them on open incidents.

Source: PagerDuty developer documentation, "Webhooks v3", read 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import BaseModel, SecretStr

from connectors.pagerduty.incidents import RECORD_TYPE
from connectors.signatures import is_signed
from domain.records import ChangeNotice, RecordRef

SIGNATURES = "x-pagerduty-signature"
MOST_SIGNATURES = 5
"""Each costs a hash of the whole body, and anybody may send any number."""
INCIDENTS = ("incident", "incident_reference")


class Resource(BaseModel):
    """What an event is about: an incident, or something that belongs to one."""

    id: str | None = None
    type: str = ""
    incident: Resource | None = None

    def incident_id(self) -> str | None:
        """The incident concerned, if there is one."""
        if self.incident is not None:
            return self.incident.id
        return self.id if self.type in INCIDENTS else None


class Event(BaseModel):
    id: str
    event_type: str
    data: Resource


class Delivery(BaseModel):
    event: Event


def verify(headers: Mapping[str, str], body: bytes, secrets: Sequence[SecretStr]) -> bool:
    """Whether one of `v1=<hex>[,v1=<hex>…]` fits any active secret; there are several while a secret is rotated."""
    parts = headers.get(SIGNATURES, "").split(",")[:MOST_SIGNATURES]
    written = [part.strip().partition("=") for part in parts]
    return any(is_signed(body, signature, secrets) for scheme, _, signature in written if scheme == "v1")


def parse(connection: str, body: bytes, now: datetime) -> list[ChangeNotice]:
    """The notice of a delivery; none if it is about no incident.

    Raises:
        ValueError: It is no PagerDuty event.
    """
    event = Delivery.model_validate_json(body).event
    incident = event.data.incident_id()
    if incident is None:
        return []
    return [
        ChangeNotice(
            ref=RecordRef(connection=connection, record_type=RECORD_TYPE, id=incident),
            source="webhook",
            kind="created" if event.event_type == "incident.triggered" else "changed",
            delivery_id=event.id,
            observed_at=now,
        )
    ]
