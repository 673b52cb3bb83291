"""Webhook subscriptions. The secret is told once, in the answer to the create."""

import secrets
from typing import Any

from starlette.responses import JSONResponse, Response

from lab.systems.call import Call
from lab.systems.outbox import Subscription
from lab.systems.pagerduty.account import Json
from lab.systems.pagerduty.request import Ask
from lab.systems.pagerduty.settings import PagerDutySettings
from lab.systems.refusals import Refused
from lab.systems.system import PublicRoute, System

_ALL = "/webhook_subscriptions"
_ONE = "/webhook_subscriptions/{id}"


class SubscriptionApi:
    """The handlers; subscriptions are the chassis's, so that control calls see them too."""

    def __init__(self, system: System[PagerDutySettings]) -> None:
        self._system = system

    def routes(self) -> list[PublicRoute]:
        return [
            PublicRoute("GET", _ALL, "meta", self.list_subscriptions),
            PublicRoute("POST", _ALL, "meta", self.create),
            PublicRoute("GET", _ONE, "meta", self.read),
            PublicRoute("DELETE", _ONE, "meta", self.remove),
            PublicRoute("POST", f"{_ONE}/enable", "meta", self.read),
        ]

    async def list_subscriptions(self, call: Call) -> Response:
        shapes = [self._shape(subscription) for subscription in self._system.outbox.subscriptions]
        return Ask(call).page(shapes, "webhook_subscriptions")

    async def create(self, call: Call) -> Response:
        given = await Ask(call).inside("webhook_subscription")
        method = given.get("delivery_method") or {}
        if not method.get("url") or not given.get("events"):
            raise Refused("malformed", "delivery_method and events are required")
        number = self._system.records.next_number("webhook_subscription")
        subscription = Subscription(
            id=f"PHOOK{number:02d}",
            url=method["url"],
            secret=secrets.token_urlsafe(48),
            events=given["events"],
            options={"filter": given.get("filter"), "custom_headers": method.get("custom_headers") or []},
        )
        self._system.outbox.subscribe(subscription)
        shape = self._shape(subscription)
        shape["delivery_method"]["secret"] = subscription.secret
        return JSONResponse({"webhook_subscription": shape})

    async def read(self, call: Call) -> Response:
        return JSONResponse({"webhook_subscription": self._shape(self._existing(call))})

    async def remove(self, call: Call) -> Response:
        self._system.outbox.unsubscribe(self._existing(call).id)
        return Response(status_code=204)

    def _existing(self, call: Call) -> Subscription:
        for subscription in self._system.outbox.subscriptions:
            if subscription.id == call.path["id"]:
                return subscription
        raise Refused("not_found", "Not Found")

    def _shape(self, subscription: Subscription) -> Json:
        custom = [
            {"name": one["name"], "value": "<redacted>"}
            for one in subscription.options.get("custom_headers", [])
        ]
        method: dict[str, Any] = {
            "id": f"{subscription.id}M",
            "type": "http_delivery_method",
            "url": subscription.url,
            "custom_headers": custom,
            "secret": None,
            "temporarily_disabled": False,
        }
        return {
            "id": subscription.id,
            "type": "webhook_subscription",
            "active": True,
            "description": "",
            "delivery_method": method,
            "events": subscription.events or [],
            "filter": subscription.options.get("filter") or {"type": "account_reference"},
        }
