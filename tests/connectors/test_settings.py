from __future__ import annotations

from typing import Any

import pytest
from pydantic import Field, SecretStr

from connectors.settings import HttpSettings, read_settings
from domain.errors import ConfigError


class Settings(HttpSettings):
    password: SecretStr
    rooms: dict[str, list[str]] = Field(default_factory=dict)


def settings(**changed: Any) -> Settings:
    return read_settings(Settings, "desk", {"url": "https://desk.test", "password": "hush"} | changed)


def test_secrets_are_taken_wrapped_or_bare() -> None:
    wrapped = settings(
        password=SecretStr("hush"), url=SecretStr("https://desk.test"), webhook_secrets=[SecretStr("a")]
    )
    assert wrapped == settings(webhook_secrets=["a"])
    assert "hush" not in repr(wrapped)


def test_every_mistake_is_named_with_its_place_and_no_secret_is_shown() -> None:
    with pytest.raises(ConfigError) as refused:
        settings(pasword="hush-1", password=["hush-2"], webhook_secrets="hush-3", rooms={"a": 3})
    message = str(refused.value)
    assert message.startswith("connection desk: ")
    assert all(word in message for word in ("pasword", "webhook_secrets", "rooms.a", "known settings: url"))
    assert "hush" not in message


@pytest.mark.parametrize(
    "url",
    [
        "desk.test",
        "ftp://desk.test",
        "https://user:hush@desk.test",
        "https://desk.test/?a=b",
        "https://desk.test/#a",
    ],
)
def test_an_address_is_an_address_and_nothing_else(url: str) -> None:
    with pytest.raises(ConfigError, match="url"):
        settings(url=url)


def test_a_closing_slash_makes_no_difference() -> None:
    assert settings(url="https://desk.test/sub/").url == "https://desk.test/sub"


def test_an_empty_or_a_third_webhook_secret_is_refused() -> None:
    for secrets in ([""], ["a", "b", "c"]):
        with pytest.raises(ConfigError, match="webhook_secrets"):
            settings(webhook_secrets=secrets)
