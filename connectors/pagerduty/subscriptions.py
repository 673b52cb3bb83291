"""PagerDuty's webhook subscriptions (version 3). PagerDuty makes up the secret and tells it once, in the answer.

Three dropped deliveries in a row disable a subscription for a day; what happened meanwhile is found by polling.

Source: PagerDuty developer documentation, "Webhooks v3", read 2026-11.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pydantic import BaseModel

from connectors.http import HttpConnection, path_of
from connectors.refusals import Aim
from connectors.subscriptions import Subscription, Subscriptions

ALL = "webhook_subscriptions"
PAGE = 100
EVENTS = frozenset(
    f"incident.{kind}"
    for kind in (
        "triggered", "acknowledged", "unacknowledged", "resolved", "reopened", "reassigned", "escalated", "delegated",
        "priority_updated", "service_updated", "custom_field_values.updated", "incident_type.changed",
    )
)  # fmt: skip
"""All that tell of a field. None tells of title or urgency: polling does."""


class Method(BaseModel):
    url: str
    secret: str | None = None
    temporarily_disabled: bool = False


class Told(BaseModel):
    id: str
    active: bool = True
    delivery_method: Method
    events: list[str] = []

    def subscription(self) -> Subscription:
        method = self.delivery_method
        is_on = self.active and not method.temporarily_disabled
        return Subscription(self.id, method.url, is_on, frozenset(self.events), signed=True)


class One(BaseModel):
    webhook_subscription: Told


class Page(BaseModel):
    webhook_subscriptions: list[Told]
    more: bool = False


@dataclass(slots=True)
class PagerDutySubscriptions(Subscriptions):
    """Of one account, or of one service of it."""

    events: ClassVar[frozenset[str]] = EVENTS
    makes_secret: ClassVar[bool] = True

    http: HttpConnection
    service: str | None

    async def listed(self) -> Sequence[Subscription]:
        found: list[Told] = []
        more = True
        while more:
            params = {"limit": PAGE, "offset": len(found)}
            reply = await self.http.call("GET", path_of(ALL), aim=Aim.QUERY, params=params)
            page = reply.read_as(Page)
            found += page.webhook_subscriptions
            more = page.more and bool(page.webhook_subscriptions)
        return [told.subscription() for told in found]

    async def create(self, url: str, secret: str | None) -> str:
        del secret
        scope = {"type": "account_reference"}
        if self.service is not None:
            scope = {"type": "service_reference", "id": self.service}
        body = {
            "webhook_subscription": {
                "type": "webhook_subscription",
                "description": "Accord",
                "delivery_method": {"type": "http_delivery_method", "url": url},
                "events": sorted(EVENTS),
                "filter": scope,
            }
        }
        reply = await self.http.call("POST", path_of(ALL), aim=Aim.CREATE, body=body)
        return reply.read_as(One).webhook_subscription.delivery_method.secret or ""

    async def enable(self, subscription: Subscription) -> None:
        await self.http.call("POST", f"{path_of(ALL, subscription.id)}/enable", aim=Aim.QUERY)

    async def remove(self, subscription: Subscription) -> None:
        await self.http.call("DELETE", path_of(ALL, subscription.id), aim=Aim.QUERY)
