"""Webhook subscriptions: judged, made, mended and removed at the systems, over HTTP."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.base import Connector
from connectors.registry import open_connector
from connectors.servicenow.webhook import SCRIPT
from connectors.subscriptions import Subscription
from domain.errors import ConfigError
from gateway.desks.subscribing import WebhookState, install, judged, remove, webhook_state, webhook_url
from integrations.connections import ConnectionConfig
from lab.systems import outbox
from lab.systems.process import LabSystem

WANTED = frozenset({"created", "changed"})
URL = "https://accord.example/webhooks/desk"
SECRET = "a-secret-that-is-long-enough"


def one(name: str, **said: Any) -> Subscription:
    return Subscription(**{"id": name, "url": URL, "enabled": True, "events": WANTED, **said})


def acts(*ours: Subscription) -> list[tuple[str, str | None]]:
    return [(step.act, step.subscription) for step in judged(ours, WANTED)[1]]


def test_where_one_is_well_nothing_is_done() -> None:
    assert judged([one("s")], WANTED) == ([], [])


def test_what_is_wrong_is_told_and_mended() -> None:
    assert judged([], WANTED)[0] == ["no subscription points here"]
    assert judged([one("s", enabled=False)], WANTED)[0] == ["s is disabled"]
    assert judged([one("s", events=frozenset({"created"}))], WANTED)[0] == ["s doesn't tell of changed"]
    assert judged([one("s", signed=False)], WANTED)[0] == ["s is signed by no secret"]


def test_an_unfit_one_goes_after_its_successor_is_made_and_a_double_one_goes() -> None:
    assert acts(one("s", signed=False)) == [("create", None), ("remove", "s")]
    assert acts(one("s", enabled=False)) == [("enable", "s")]
    assert acts(one("s", enabled=False), one("t")) == [("remove", "s")]
    assert acts(one("s"), one("t")) == [("remove", "t")]


@pytest.mark.parametrize("written", [None, "", "accord.example", "ftp://accord.example"])
def test_without_an_address_of_ours_nothing_can_be_subscribed(written: str | None) -> None:
    with pytest.raises(ConfigError, match="ACCORD_PUBLIC_URL"):
        webhook_url(written, "desk")
    assert webhook_url("https://accord.example/", "desk") == URL


@dataclass(frozen=True, slots=True)
class Site:
    """A simulated system and our connection to it."""

    lab: LabSystem
    connector: Connector
    config: ConnectionConfig

    async def state(self) -> WebhookState:
        return await webhook_state(self.connector, self.config, URL)

    async def there(self) -> list[outbox.Subscription]:
        return await self.lab.control.subscriptions()


@pytest.fixture(params=["jira", "pagerduty"])
async def site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    person = {
        "jira": {"email": "accord@example.com", "webhooks_by_api": True},
        "pagerduty": {"from_email": "accord@example.com"},
    }
    async with await LabSystem.start(request.param, "desk", tmp_path / "lab") as lab:
        settings = {"url": lab.url, "token": SecretStr("lab"), "webhook_secrets": [SecretStr(SECRET)]}
        config = ConnectionConfig(
            name="desk", system=request.param, settings=settings | person[request.param], webhook=True
        )
        connector = open_connector(config)
        yield Site(lab, connector, config)
        await connector.aclose()


@pytest.mark.stack
async def test_a_subscription_is_made_once_and_removed_alone(site: Site, tmp_path: Path) -> None:
    await site.lab.control.subscribe(outbox.Subscription(id="77", url="https://other.example/hook"))
    before = await site.state()
    assert before.wrong == ["no subscription points here"]
    kept = tmp_path / "secret"
    await install(site.connector, site.config, before, kept)

    after = await site.state()
    assert (after.wrong, after.steps, after.is_well) == ([], [], True)
    await install(site.connector, site.config, after, None)
    (ours,) = [made for made in await site.there() if made.url == URL]
    assert site.connector.subscriptions is not None
    if site.connector.subscriptions.makes_secret:
        assert (kept.read_text(), stat.S_IMODE(kept.stat().st_mode)) == (ours.secret, 0o600)
    else:
        assert (ours.secret, kept.exists()) == (SECRET, False)

    assert await remove(site.connector, URL) == 1
    assert [left.url for left in await site.there()] == ["https://other.example/hook"]


@pytest.mark.stack
async def test_one_that_lacks_events_is_replaced(site: Site, tmp_path: Path) -> None:
    await site.lab.control.subscribe(outbox.Subscription(id="88", url=URL, events=["incident.resolved"]))
    await install(site.connector, site.config, await site.state(), tmp_path / "secret")
    (ours,) = await site.there()
    assert ours.id != "88"
    assert (await site.state()).is_well


@pytest.mark.stack
async def test_a_secret_that_could_not_be_kept_is_not_asked_for(site: Site, tmp_path: Path) -> None:
    bare = site.config.model_copy(update={"settings": {}})
    state = await site.state()
    with pytest.raises(ConfigError, match=r"secret-file|webhook_secrets"):
        await install(site.connector, bare, state, None)
    taken = tmp_path / "taken"
    taken.write_text("another's")
    if site.connector.subscriptions is not None and site.connector.subscriptions.makes_secret:
        with pytest.raises(ConfigError, match="isn't there yet"):
            await install(site.connector, site.config, state, taken)
    assert (await site.there(), taken.read_text()) == ([], "another's")


async def test_a_system_without_an_api_for_it_has_steps_for_a_person() -> None:
    settings = {"url": "https://snow.test", "user": "accord", "password": SecretStr("p")}
    config = ConnectionConfig(name="desk", system="servicenow", settings=settings)
    connector = open_connector(config)
    state = await webhook_state(connector, config, URL)
    await connector.aclose()
    assert state.wrong == ["webhook_secrets isn't set: every delivery is refused"]
    assert any(str(SCRIPT) in step for step in state.by_hand)
    assert SCRIPT.exists()
    assert any(URL in step for step in state.by_hand)
    with pytest.raises(ConfigError, match="aren't managed over its API"):
        await remove(connector, URL)


async def test_jira_s_webhooks_are_made_by_hand_until_its_api_is_proved() -> None:
    settings = {
        "url": "https://jira.test",
        "token": SecretStr("t"),
        "email": "a@example.com",
        "project": "OPS",
    }
    config = ConnectionConfig(name="desk", system="jira", settings=settings, webhook=True)
    connector = open_connector(config)
    state = await webhook_state(connector, config, URL)
    await connector.aclose()
    assert (state.wrong, state.steps) == ([], [])
    said = " ".join(state.by_hand)
    assert URL in said
    assert 'project = "OPS"' in said
    assert "jira:issue_created, jira:issue_deleted, jira:issue_updated" in said
