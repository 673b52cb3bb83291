from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import SecretStr

from domain.errors import ConfigError
from integrations.settings import PREFIX, read_settings


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)


def test_without_any_variable_everything_is_embedded_and_local() -> None:
    settings = read_settings()
    assert (settings.database_url, settings.temporal_address) == (None, None)
    assert (settings.gateway_host, settings.gateway_port) == ("127.0.0.1", 8787)
    assert (settings.task_queue, settings.var) == ("accord", Path("var"))


def test_variables_are_read_and_secrets_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCORD_DATABASE_URL", "postgresql://u:pa55@h/d")
    monkeypatch.setenv("ACCORD_NOTIFY", '{"ops": "slack://pa55", "service-desk": ["mailto://x", "json://y"]}')
    settings = read_settings()
    assert settings.database_url == SecretStr("postgresql://u:pa55@h/d")
    assert settings.notify["ops"] == (SecretStr("slack://pa55"),)
    assert [url.get_secret_value() for url in settings.notify["service-desk"]] == ["mailto://x", "json://y"]
    assert "pa55" not in repr(settings) + settings.model_dump_json()


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCORD_GATEWAY_PORT", "")
    assert read_settings().gateway_port == 8787


def test_wrong_values_are_named_by_variable_all_at_once_and_not_quoted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ACCORD_GATEWAY_PORT", "pa55")
    monkeypatch.setenv("ACCORD_TEMPORAL_ADDRESS", "pa55")
    monkeypatch.setenv("ACCORD_NOTIFY", '{"ops": 5}')
    with pytest.raises(ConfigError) as caught:
        read_settings()
    assert [line.split(":")[0] for line in sorted(caught.value.message.splitlines())] == [
        "ACCORD_GATEWAY_PORT",
        "ACCORD_NOTIFY[ops]",
        "ACCORD_TEMPORAL_ADDRESS",
    ]
    assert "pa55" not in caught.value.message


def test_notify_that_is_no_json_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCORD_NOTIFY", "slack://x")
    with pytest.raises(ConfigError, match="ACCORD_NOTIFY: no JSON object"):
        read_settings()
