"""Jira's admin webhooks, which an account with an API token may manage if it administers the site.

Dynamic webhooks (`/rest/api/3/webhook`) are for Connect and OAuth apps only, and expire. Jira doesn't tell whether a
webhook has a secret, and takes ours when it is made.

Source: developer.atlassian.com, "Webhooks", read 2026-11, for the address, the events and the signature. What the bodies
hold is not proved on a real site: the setting `webhooks_by_api` turns them on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pydantic import BaseModel, Field

from connectors.http import HttpConnection
from connectors.jira.webhook import KINDS
from connectors.refusals import Aim
from connectors.subscriptions import Subscription, Subscriptions

ALL = "/rest/webhooks/1.0/webhook"
SECTION = "issue-related-events-section"
"""The key under which a webhook's JQL stands."""


class Told(BaseModel):
    link: str = Field(alias="self")
    """Its address; only the number at its end is used, for an answer must not say where we send our token."""
    url: str
    enabled: bool = True
    events: list[str] = []

    def subscription(self) -> Subscription:
        return Subscription(
            self.link.rstrip("/").rpartition("/")[2], self.url, self.enabled, frozenset(self.events)
        )


@dataclass(slots=True)
class JiraSubscriptions(Subscriptions):
    """Of one site, narrowed to one project where the connection names it."""

    events: ClassVar[frozenset[str]] = frozenset(name for name in KINDS if name.startswith("jira:"))
    makes_secret: ClassVar[bool] = False

    http: HttpConnection
    project: str | None

    async def listed(self) -> Sequence[Subscription]:
        reply = await self.http.call("GET", ALL, aim=Aim.QUERY)
        return [told.subscription() for told in reply.read_as(list[Told])]

    async def create(self, url: str, secret: str | None) -> str:
        body = {
            "name": "Accord",
            "url": url,
            "events": sorted(self.events),
            "filters": {SECTION: f'project = "{self.project}"'} if self.project else {},
            "excludeBody": False,
            "secret": secret,
        }
        await self.http.call("POST", ALL, aim=Aim.CREATE, body=body)
        return secret or ""

    async def enable(self, subscription: Subscription) -> None:
        await self.http.call("PUT", f"{ALL}/{_number(subscription)}", aim=Aim.QUERY, body={"enabled": True})

    async def remove(self, subscription: Subscription) -> None:
        await self.http.call("DELETE", f"{ALL}/{_number(subscription)}", aim=Aim.QUERY)


def webhook_steps(url: str, project: str | None) -> tuple[str, ...]:
    """How a Jira administrator has a site tell Accord of changes."""
    issues = (
        f'"Issue related events": the JQL `project = "{project}"`'
        if project
        else '"Issue related events": no JQL'
    )
    events = ", ".join(sorted(JiraSubscriptions.events))
    return (
        "Settings (cog) > System > WebHooks > Create a WebHook, as an administrator of the site.",
        f"Name: Accord. Status: enabled. URL: {url}",
        "Secret: the first of the connection's webhook_secrets. Without it, every delivery is refused.",
        f"{issues}. Tick created, updated and deleted under Issue ({events}), nothing else.",
        'Leave "Exclude body" off: the body says which issue it is. Save.',
        "Edit an issue, then run `accord webhooks check` again: it shows when the last delivery came.",
    )


def _number(subscription: Subscription) -> int:
    return int(subscription.id)
