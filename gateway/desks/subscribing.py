"""Webhook subscriptions at the systems: what is there, what is missing, and what would be done about it.

The plan is made first and shown; carrying it out twice does nothing the second time. A subscription is ours if it points
at our address for that connection; everybody else's is left alone.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretStr

from connectors.base import Connector
from connectors.subscriptions import Subscription, Subscriptions
from domain.errors import ConfigError
from integrations.connections import ConnectionConfig

Act = Literal["create", "enable", "remove"]


class Step(BaseModel):
    """One thing to do at the system."""

    act: Act
    subscription: str | None = None
    """Its id; None for one that is made."""
    why: str


class WebhookState(BaseModel):
    """How a connection's webhooks stand, and what `install` would do."""

    connection: str
    system: str
    url: str
    wrong: list[str] = []
    """What keeps deliveries from coming or from being believed."""
    steps: list[Step] = []
    by_hand: list[str] = []
    """What a person does where the API offers no way."""
    last_delivery: str | None = None
    """When the last one came, ISO 8601; None if none is known."""

    @property
    def is_well(self) -> bool:
        return not self.wrong


def webhook_url(public_url: str | None, connection: str) -> str:
    """Where the system sends this connection's deliveries.

    Raises:
        ConfigError: Nobody said under which address the gateway is reached.
    """
    base = urlsplit(public_url or "")
    if base.scheme not in {"http", "https"} or not base.hostname:
        raise ConfigError(
            "the gateway's address as systems see it isn't known: give --url https://… or set ACCORD_PUBLIC_URL"
        )
    return f"{(public_url or '').rstrip('/')}/webhooks/{connection}"


async def webhook_state(connector: Connector, config: ConnectionConfig, url: str) -> WebhookState:
    """Look at the system; nothing is changed."""
    state = WebhookState(connection=config.name, system=connector.system, url=url)
    wrong = [] if config.webhook else ["webhook_secrets isn't set: every delivery is refused"]
    if connector.subscriptions is None:
        steps = list(connector.webhook_steps(url))
        return state.model_copy(update={"wrong": wrong if steps else [], "by_hand": steps})
    ours = [one for one in await connector.subscriptions.listed() if one.url.rstrip("/") == url]
    told, steps_ = judged(ours, connector.subscriptions.events)
    return state.model_copy(update={"wrong": [*wrong, *told], "steps": steps_})


def judged(ours: Sequence[Subscription], wanted: frozenset[str]) -> tuple[list[str], list[Step]]:
    """What is wrong with the subscriptions that point at us, and what mends it.

    One that lacks events or a secret is replaced: the new one is made before the old one goes, so nothing is missed.
    """
    fit = [one for one in ours if one.signed is not False and wanted <= one.events]
    wrong = [f"{one.id} is signed by no secret" for one in ours if one.signed is False]
    wrong += [
        f"{one.id} doesn't tell of {', '.join(sorted(wanted - one.events))}"
        for one in ours
        if wanted - one.events
    ]
    kept = next((one for one in fit if one.enabled), next(iter(fit), None))
    steps = []
    if kept is None:
        wrong += [] if ours else ["no subscription points here"]
        steps.append(Step(act="create", why=f"to hear of {', '.join(sorted(wanted))}"))
    elif not kept.enabled:
        wrong.append(f"{kept.id} is disabled")
        steps.append(Step(act="enable", subscription=kept.id, why="it is disabled"))
    steps += [
        Step(
            act="remove",
            subscription=one.id,
            why="another one tells the same" if one in fit else "it is replaced",
        )
        for one in ours
        if one is not kept
    ]
    return wrong, steps


async def install(
    connector: Connector, config: ConnectionConfig, state: WebhookState, secret_file: Path | None
) -> None:
    """Carry the plan out.

    Args:
        connector: Of the connection.
        config: Its settings; the first of `webhook_secrets` is given to systems that take one.
        state: What `webhook_state` found.
        secret_file: Where the secret goes that a system makes up; readable by its owner only.

    Raises:
        ConfigError: A secret is needed and there is none, or no file to put it in.
    """
    subscriptions = _required(connector)
    for step in state.steps:
        if step.act == "create":
            await _create(subscriptions, config, state.url, secret_file)
    for step in state.steps:
        one = Subscription(step.subscription or "", state.url, enabled=False, events=frozenset())
        if step.act == "enable":
            await subscriptions.enable(one)
        elif step.act == "remove":
            await subscriptions.remove(one)


async def remove(connector: Connector, url: str) -> int:
    """End every subscription that points at us; how many."""
    subscriptions = _required(connector)
    ours = [one for one in await subscriptions.listed() if one.url.rstrip("/") == url]
    for one in ours:
        await subscriptions.remove(one)
    return len(ours)


async def _create(
    subscriptions: Subscriptions, config: ConnectionConfig, url: str, secret_file: Path | None
) -> None:
    if not subscriptions.makes_secret:
        await subscriptions.create(url, _first_secret(config))
        return
    if secret_file is None:
        raise ConfigError(
            f"connection {config.name}: the system makes up the secret and tells it once: name a file for it by "
            "--secret-file, and put ${file:…} into webhook_secrets"
        )
    # Opened first: a secret that can't be kept is lost for good.
    try:
        descriptor = os.open(secret_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise ConfigError(
            f"--secret-file {secret_file}: {error.strerror}; name a file that isn't there yet"
        ) from error
    with os.fdopen(descriptor, "w") as file:
        file.write(await subscriptions.create(url, None))


def _first_secret(config: ConnectionConfig) -> str:
    given = config.settings.get("webhook_secrets") or []
    if not given:
        raise ConfigError(
            f"connection {config.name}: set webhook_secrets first (32 random characters, by "
            "${env:…} or ${file:…}): the subscription is made with the first of them"
        )
    first = given[0]
    return first.get_secret_value() if isinstance(first, SecretStr) else str(first)


def _required(connector: Connector) -> Subscriptions:
    if connector.subscriptions is None:
        raise ConfigError(
            f"connection {connector.connection}: webhooks of {connector.system} aren't managed over its API; "
            "`accord webhooks check` says what to do by hand"
        )
    return connector.subscriptions
