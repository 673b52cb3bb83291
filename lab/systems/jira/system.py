"""A simulated Jira Cloud site: REST v2 (rich text is text) and v3 (rich text is ADF) over the same issues.

| call, below `/rest/api/2` and `/rest/api/3` | answers |
| --- | --- |
| `GET`, `PUT`, `DELETE /issue/{idOrKey}`, `POST /issue` | the issue; 204, or 200 with `returnIssue=true`; 201 |
| `GET`, `POST /issue/{idOrKey}/transitions` | what is open from here; 204, 400, 409 |
| `GET /issue/{idOrKey}/changelog`, `POST /changelog/bulkfetch` | who changed what |
| `GET`, `POST /search/jql`, `POST /search/approximate-count`, `POST /issue/bulkfetch` | many issues |
| `/issue/{idOrKey}/comment[/{id}]`, `/issue/{idOrKey}/properties[/{key}]` | comments and properties |
| `GET /field /priority /status /resolution /issuetype /project /myself /user /user/search /serverInfo` | what there is |
| `GET /issue/createmeta/{project}/issuetypes[/{type}]`, `GET /issue/{idOrKey}/editmeta` | what the screens take |
| `GET /project/{project}/statuses` | the statuses of each issue type |

and `POST /rest/servicedeskapi/request/{idOrKey}/comment` for public and internal comments.

Through the control API every issue is of the record type `issue`, its fields are plain (`status: "Done"`, `priority: "High"`,
`assignee: "alice"`, `labels: [...]`, `description: "text"`), `project` chooses the key of a new issue, `comment: "text"` adds a
comment, and people set a status without a transition. Webhooks are subscribed to through the control API, as an administrator would.

Source: Jira Cloud REST v3 (OpenAPI), developer.atlassian.com "Webhooks" and "Rate limiting".
"""

import base64
import binascii
import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lab.systems.jira.comment_api import CommentApi
from lab.systems.jira.consequences import settle
from lab.systems.jira.issue_api import IssueApi
from lab.systems.jira.meta_api import MetaApi
from lab.systems.jira.search_api import SearchApi
from lab.systems.jira.settings import JiraSettings
from lab.systems.jira.shapes import Shapes
from lab.systems.jira.site import Json, Site
from lab.systems.jira.webhook import Events, headers
from lab.systems.jira.webhook_api import WebhookApi
from lab.systems.outbox import Subscription
from lab.systems.records import Author, Record, Save
from lab.systems.refusals import Refused
from lab.systems.sender import RETRIED
from lab.systems.system import PublicRoute, System

NOT_SEEN = "Issue does not exist or you do not have permission to see it."


class Jira(System[JiraSettings]):
    """See the module."""

    settings_type = JiraSettings
    retried = RETRIED | {409, 425}

    def routes(self) -> list[PublicRoute]:
        search, meta, comments, issues = SearchApi(), MetaApi(), CommentApi(), IssueApi(self)
        routes = comments.service_desk_routes()
        for base in ("/rest/api/3", "/rest/api/2"):
            routes += search.routes(base) + meta.routes(base) + comments.routes(base) + issues.routes(base)
        return [*routes, *WebhookApi().routes()]

    def authenticate(self, request: Request) -> str:
        settings = self.switches.now
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic" or _basic(credentials) != (settings.email, settings.token):
            raise Refused("unauthorized", "Client must be authenticated to access this resource.")
        return settings.account_id

    def refuse(self, refused: Refused) -> Response:
        message = refused.message or NOT_SEEN
        if refused.reason == "not_found" and message.startswith("there is no"):
            message = NOT_SEEN
        errors = {refused.field: message} if refused.field else {}
        body = {"errorMessages": [] if errors else [message], "errors": errors}
        return JSONResponse(body, 400 if refused.reason == "invalid_value" else refused.status)

    def identify(
        self, record_type: str, fields: dict[str, Any], next_number: Callable[[str], int]
    ) -> tuple[str, str]:
        """A numeric id in one series, a key in the project's."""
        project = fields.get("project") or self.switches.now.projects[0]
        return str(10000 + next_number(record_type)), f"{project}-{next_number(f'key/{project}')}"

    def settle(self, record: Record, written: dict[str, Any], author: Author) -> dict[str, Any]:
        return settle(
            self.switches.now,
            record,
            written,
            by=author.by,
            stamp=self.clock.stamp(author.at),
            next_comment_id=lambda: str(10000 + self.records.next_number("comment")),
        )

    def announce(self, save: Save) -> None:
        """A save may fire several events, each its own delivery."""
        events = self._events().of(save)
        for subscription in self.outbox.subscriptions:
            for event in events:
                if _is_wanted(event, subscription):
                    self.outbox.queue(save, subscription, event)

    def payload(self, save: Save, delivery_id: str, subscription: Subscription) -> dict[str, Any]:  # noqa: ARG002 - the hook's signature
        return self._events().of(save)[0]

    def sign(self, body: bytes, delivery_id: str, subscription: Subscription) -> dict[str, str]:
        return headers(subscription.secret, delivery_id, body)

    def limit_headers(self, retry_after: float) -> dict[str, str]:
        limit = self.switches.now.rate_limit
        reset = datetime.fromtimestamp(math.ceil(self.clock.true_time() + retry_after), UTC)
        told = {
            "x-ratelimit-limit": str(limit.burst if limit else 0),
            "x-ratelimit-remaining": str(int(self.bucket.tokens)),
            "x-ratelimit-reset": reset.strftime("%Y-%m-%dT%H:%MZ"),
        }
        if limit and self.bucket.tokens < limit.burst / 5:
            told["x-ratelimit-nearlimit"] = "true"
        if retry_after:
            told |= {"retry-after": str(math.ceil(retry_after)), "ratelimit-reason": "jira-burst-based"}
        return told

    def _events(self) -> Events:
        return Events(Shapes(Site(self.switches.now, self.url, "2")))


def _is_wanted(event: Json, subscription: Subscription) -> bool:
    """`events` of a subscription are Jira's names of events."""
    return subscription.events is None or event["webhookEvent"] in subscription.events


def _basic(credentials: str) -> tuple[str, str]:
    try:
        email, _, token = base64.b64decode(credentials, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return email, token


SYSTEM = Jira
