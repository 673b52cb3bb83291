"""A simulated ServiceNow instance.

| call | answers |
| --- | --- |
| `GET /api/now[/v1,/v2]/table/{table}` | `{result: [...]}`, `X-Total-Count`, `Link`; v1 answers an empty list with 404 |
| `POST /api/now/table/{table}` | 201 with the row and `Location` |
| `GET`, `PATCH`, `PUT`, `DELETE /api/now/table/{table}/{sys_id}` | the row; 204 after a delete; 404 if it is gone or hidden |
| `GET /api/now/attachment`, `POST /api/now/attachment/file`, `GET /api/now/attachment/{sys_id}[/file]` | files of a row |
| `POST /oauth_token.do` | a bearer token |

Tables: incident, problem, change_request; read only sys_audit, sys_audit_delete, sys_journal_field, sys_choice, sys_dictionary,
sys_user. Through the control API a record type is a table; `comments` and `work_notes` add a journal entry.

Source: ServiceNow documentation, "Table API", "Attachment API", "OAuth"; error bodies from recorded answers.
"""

import base64
import binascii
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lab.systems.outbox import Subscription
from lab.systems.records import Author, Record, Save
from lab.systems.refusals import Refused
from lab.systems.servicenow import oauth, webhook
from lab.systems.servicenow.attachments import Attachments
from lab.systems.servicenow.settings import ServiceNowSettings
from lab.systems.servicenow.table_api import TableApi
from lab.systems.servicenow.tables import TABLES
from lab.systems.servicenow.values import settle
from lab.systems.system import PublicRoute, System

_WORDS = {
    "not_found": ("No Record found", "Record doesn't exist or ACL restricts the record retrieval"),
    "unauthorized": ("User Not Authenticated", "Required to provide Auth information"),
    "no_route": ("Requested URI does not represent any resource", ""),
    "rate_limited": ("Rate limit exceeded", "Rate limit for Table API exceeded"),
    "refused_field": ("Operation Failed", ""),
    "invalid_value": ("Operation Failed", ""),
}
"""Reason → message and, unless the refusal brings its own, detail."""


class ServiceNow(System[ServiceNowSettings]):
    """See the module."""

    settings_type = ServiceNowSettings

    def routes(self) -> list[PublicRoute]:
        token = PublicRoute("POST", oauth.PATH, "meta", oauth.answer)
        return [token, *Attachments(self).routes(), *TableApi(self).routes()]

    def authenticate(self, request: Request) -> str:
        settings = self.switches.now
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        if request.url.path == oauth.PATH:
            return settings.user  # who asks for a token proves it in the form
        if scheme.lower() == "bearer":
            return oauth.holder(settings, credentials, self.clock.true_time())
        if scheme.lower() != "basic" or _basic(credentials) != (settings.user, settings.password):
            raise Refused("unauthorized", "")
        return settings.user

    def refuse(self, refused: Refused) -> Response:
        if refused.message == oauth.DENIED:
            return JSONResponse({"error": oauth.DENIED, "error_description": oauth.DENIED}, 401)
        message, detail = _WORDS.get(refused.reason, (refused.message, ""))
        error = {"message": message, "detail": detail or refused.message}
        return JSONResponse({"error": error, "status": "failure"}, refused.status)

    def identify(
        self, record_type: str, fields: dict[str, Any], next_number: Callable[[str], int]
    ) -> tuple[str, str]:
        """A GUID, and the number: a given one, or the table's next (10001 is the first of a fresh instance)."""
        sys_id = uuid4().hex
        if record_type not in TABLES:
            return sys_id, sys_id
        number = f"{TABLES[record_type].prefix}{10000 + next_number(record_type):07d}"
        return sys_id, str(fields.get("number") or number)

    def settle(self, record: Record, written: dict[str, Any], author: Author) -> dict[str, Any]:
        return settle(self.switches.now, record, written, author.by, self.clock.stamp(author.at))

    def payload(self, save: Save, delivery_id: str, subscription: Subscription) -> dict[str, Any]:  # noqa: ARG002 - the hook's signature
        return webhook.message(save, delivery_id)

    def sign(self, body: bytes, delivery_id: str, subscription: Subscription) -> dict[str, str]:  # noqa: ARG002 - the event's id is in the body
        return webhook.signature(subscription.secret, str(int(self.clock.true_time())), body)

    def wants(self, save: Save, subscription: Subscription) -> bool:
        return save.record.record_type in TABLES and super().wants(save, subscription)

    def limit_headers(self, retry_after: float) -> dict[str, str]:
        limit = self.switches.now.rate_limit
        headers = {
            "x-ratelimit-limit": str(limit.burst if limit else 0),
            "x-ratelimit-reset": str(int(self.clock.true_time() + retry_after) + 1),
            "x-ratelimit-rule": "Table API",
        }
        return headers | ({"retry-after": str(int(retry_after) + 1)} if retry_after else {})


def _basic(credentials: str) -> tuple[str, str]:
    try:
        user, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, password


SYSTEM = ServiceNow
