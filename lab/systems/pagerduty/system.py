"""A simulated PagerDuty account: REST API v2 and Webhooks v3.

| call | answers |
| --- | --- |
| `GET`, `POST`, `PUT /incidents`, `GET`, `PUT /incidents/{id or number}` | incidents; 201; bulk updates of up to 250 |
| `/incidents/{id}/notes[/{note}]` | notes |
| `GET /incidents/custom_fields`, `GET`, `PUT /incidents/{id}/custom_fields/values` | fields of the account's own; the PUT answers 201 |
| `GET /incidents/{id}/log_entries`, `GET /log_entries` | what happened, newest first |
| `GET /users[/me, /{id}]`, `/services[/{id}]`, `/priorities`, `/escalation_policies` | what there is |
| `/webhook_subscriptions[/{id}[/enable]]` | who is told |

Creating and updating incidents and notes needs `From: <e-mail of a user>`, who is then the actor. Nothing can be deleted.

Through the control API an incident is of the record type `incident`, its fields are plain (`title`, `status`, `urgency`, `priority:
"P1"`, `service: "PSERVICE"`, `assignees: ["alice"]`, `body`, custom fields by name); `note: "text"` adds a note.

Source: PagerDuty REST API v2 and developer documentation; error codes from "Errors".
"""

import math
import re
from collections.abc import Callable
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lab.systems.outbox import Subscription
from lab.systems.pagerduty.account import Account
from lab.systems.pagerduty.account_api import AccountApi
from lab.systems.pagerduty.consequences import settle
from lab.systems.pagerduty.field_api import FieldApi
from lab.systems.pagerduty.incident_api import IncidentApi
from lab.systems.pagerduty.log_api import LogApi
from lab.systems.pagerduty.settings import PagerDutySettings
from lab.systems.pagerduty.shapes import Shapes
from lab.systems.pagerduty.subscription_api import SubscriptionApi
from lab.systems.pagerduty.webhook import Events, headers
from lab.systems.records import Author, Record, Save
from lab.systems.refusals import Reason, Refused
from lab.systems.system import PublicRoute, System

_ERRORS: Final[dict[Reason, tuple[int, int, str]]] = {
    "unauthorized": (401, 2006, "Authentication failed"),
    "not_found": (404, 2100, "Not Found"),
    "no_route": (404, 2100, "Not Found"),
    "rate_limited": (429, 2020, "Rate Limit Exceeded"),
}
"""Reason → status, code, message. Everything else that the client did wrong is 400, 2001."""

_NEEDS_FROM: Final = re.compile(r"/incidents(/[^/]+(/notes)?)?")


class PagerDuty(System[PagerDutySettings]):
    """See the module."""

    settings_type = PagerDutySettings

    def routes(self) -> list[PublicRoute]:
        fields, log, incidents, account = FieldApi(), LogApi(), IncidentApi(), AccountApi()
        subscriptions = SubscriptionApi(self)
        parts = (fields, log, incidents, account, subscriptions)
        return [route for part in parts for route in part.routes()]

    def authenticate(self, request: Request) -> str:
        settings = self.switches.now
        given = request.headers.get("authorization", "")
        if given not in {f"Token token={settings.token}", f"Bearer {settings.token}"}:
            raise Refused("unauthorized", "")
        email = request.headers.get("from")
        if email is None and request.method != "GET" and _NEEDS_FROM.fullmatch(request.url.path):
            raise Refused("malformed", "The From header is required")
        return settings.user if email is None else self._sender(email)

    def refuse(self, refused: Refused) -> Response:
        if refused.status >= 500:
            return JSONResponse({"error": {"message": "Internal Server Error", "code": 2000}}, refused.status)
        status, code, message = _ERRORS.get(refused.reason, (refused.status, 2001, "Invalid Input Provided"))
        error: dict[str, Any] = {"message": message, "code": code}
        if code == 2001:
            error["errors"] = [refused.message]
        return JSONResponse({"error": error}, 400 if status == 422 else status)

    def identify(
        self,
        record_type: str,
        fields: dict[str, Any],  # noqa: ARG002 - ids don't depend on them
        next_number: Callable[[str], int],
    ) -> tuple[str, str]:
        number = next_number(record_type)
        return f"Q{number:013d}", str(number)

    def settle(self, record: Record, written: dict[str, Any], author: Author) -> dict[str, Any]:
        return settle(
            self.switches.now,
            record,
            written,
            by=author.by,
            stamp=self.clock.stamp(author.at),
            next_note_id=lambda: f"PNOTE{self.records.next_number('note'):04d}",
        )

    def announce(self, save: Save) -> None:
        """A save fires an event for each kind of change in it, or none."""
        events = self._events().of(save)
        for subscription in self.outbox.subscriptions:
            for event in events:
                if _is_wanted(event["event"]["event_type"], subscription):
                    self.outbox.queue(save, subscription, event)

    def payload(self, save: Save, delivery_id: str, subscription: Subscription) -> dict[str, Any]:  # noqa: ARG002 - the hook's signature
        events = self._events()
        return next(iter(events.of(save)), events.last_known(save))

    def sign(self, body: bytes, delivery_id: str, subscription: Subscription) -> dict[str, str]:
        return headers(subscription, delivery_id, body)

    def limit_headers(self, retry_after: float) -> dict[str, str]:
        limit = self.switches.now.rate_limit
        return {
            "ratelimit-limit": str(limit.burst if limit else 0),
            "ratelimit-remaining": str(int(self.bucket.tokens)),
            "ratelimit-reset": str(math.ceil(retry_after)),
        }

    def _sender(self, email: str) -> str:
        name = Account(self.switches.now, self.url).person_by_email(email)
        if name is None:
            raise Refused("malformed", "The From header is not the e-mail address of a user")
        return name

    def _events(self) -> Events:
        return Events(Shapes(Account(self.switches.now, self.url)))


def _is_wanted(event_type: str, subscription: Subscription) -> bool:
    """`events` of a subscription are PagerDuty's names of events."""
    return subscription.events is None or event_type in subscription.events


SYSTEM = PagerDuty
