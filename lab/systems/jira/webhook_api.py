"""Admin webhooks: `/rest/webhooks/1.0/webhook`. The secret is taken and never shown again.

Source: developer.atlassian.com, "Webhooks" (registering by REST), read 2026-11.
"""

from starlette.responses import JSONResponse, Response

from lab.systems.call import Call
from lab.systems.jira.site import Json
from lab.systems.outbox import Subscription
from lab.systems.refusals import Refused
from lab.systems.system import PublicRoute

_ALL = "/rest/webhooks/1.0/webhook"
_ONE = f"{_ALL}/{{id}}"


class WebhookApi:
    """The handlers; subscriptions are the chassis's, so that control calls see them too."""

    def routes(self) -> list[PublicRoute]:
        return [
            PublicRoute("GET", _ALL, "meta", self.list_webhooks),
            PublicRoute("POST", _ALL, "meta", self.create),
            PublicRoute("GET", _ONE, "meta", self.read),
            PublicRoute("PUT", _ONE, "meta", self.change),
            PublicRoute("DELETE", _ONE, "meta", self.remove),
        ]

    async def list_webhooks(self, call: Call) -> Response:
        return JSONResponse([_shape(call, one) for one in call.system.outbox.subscriptions])

    async def create(self, call: Call) -> Response:
        given = await call.json()
        if not given.get("name") or not given.get("url"):
            raise Refused("malformed", "name and url are required")
        made = Subscription(
            id=str(call.system.records.next_number("webhook")),
            url=given["url"],
            secret=given.get("secret") or "",
            events=given.get("events") or [],
            options={"name": given["name"], "filters": given.get("filters") or {}},
        )
        call.system.outbox.subscribe(made)
        return JSONResponse(_shape(call, made), 201)

    async def read(self, call: Call) -> Response:
        return JSONResponse(_shape(call, _existing(call)))

    async def change(self, call: Call) -> Response:
        given = await call.json()
        known = _existing(call)
        changed = known.model_copy(update={word: given[word] for word in ("url", "events") if word in given})
        call.system.outbox.subscribe(changed)
        return JSONResponse(_shape(call, changed))

    async def remove(self, call: Call) -> Response:
        call.system.outbox.unsubscribe(_existing(call).id)
        return Response(status_code=204)


def _existing(call: Call) -> Subscription:
    for subscription in call.system.outbox.subscriptions:
        if subscription.id == call.path["id"]:
            return subscription
    raise Refused("not_found", "The webhook doesn't exist")


def _shape(call: Call, subscription: Subscription) -> Json:
    return {
        "self": f"{call.system.url}{_ALL}/{subscription.id}",
        "name": subscription.options.get("name", subscription.id),
        "url": subscription.url,
        "events": subscription.events or [],
        "filters": subscription.options.get("filters", {}),
        "excludeBody": False,
        "enabled": True,
    }
