from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from domain.errors import ConfigError
from integrations.connections import ConnectionConfig, load_connections, parse_connections
from integrations.mistakes import DeclarationError

SNOW = """
servicenow:
  system: servicenow
  url: https://x.service-now.com
  user: accord
  password: ${env:SNOW_PASSWORD}
  webhook_secrets: ["${env:SNOW_HOOK}"]
  clock_bound: 2s
"""
ENVIRON = {"SNOW_PASSWORD": "pa$$w0rd", "SNOW_HOOK": "h00k"}


def servicenow() -> ConnectionConfig:
    return parse_connections(SNOW, environ=ENVIRON)["servicenow"]


def mistakes(text: str, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(DeclarationError) as caught:
        parse_connections(text, environ=environ or {})
    return caught.value.message


def test_a_connection_is_read_with_its_secrets_in_place() -> None:
    config = servicenow()
    assert (config.name, config.system, config.clock_bound) == (
        "servicenow",
        "servicenow",
        timedelta(seconds=2),
    )
    assert config.settings["user"] == "accord"
    assert config.settings["password"] == SecretStr("pa$$w0rd")
    assert config.settings["webhook_secrets"] == [SecretStr("h00k")]


def test_no_representation_shows_a_secret() -> None:
    config = servicenow()
    for shown in (repr(config), str(config.settings), str(config.model_dump()), config.model_dump_json()):
        assert "pa$$w0rd" not in shown
        assert "h00k" not in shown


def test_a_secret_written_in_plain_text_is_wrapped_as_well() -> None:
    config = parse_connections(
        "jira: {system: jira, url: x, token: plain, headers: {api_key: k, accept: json}}"
    )["jira"]
    assert config.settings["token"] == SecretStr("plain")
    assert config.settings["headers"] == {"api_key": SecretStr("k"), "accept": "json"}
    assert config.settings["url"] == "x"


def test_a_secret_is_read_from_a_file_beside_the_connections(tmp_path: Path) -> None:
    (tmp_path / "hook").write_text("h00k\n")
    (tmp_path / "connections.yaml").write_text('jira: {system: jira, hook: "Bearer ${file:hook}"}')
    config = load_connections(tmp_path / "connections.yaml")["jira"]
    assert config.settings["hook"] == SecretStr("Bearer h00k")


def test_every_missing_secret_is_named_with_connection_key_and_variable() -> None:
    text = SNOW + "jira: {system: jira, extra: {token: '${file:nowhere}'}}\n"
    assert mistakes(text, {"SNOW_PASSWORD": ""}).splitlines() == [
        "connections.yaml:6:13: servicenow.password: the environment variable SNOW_PASSWORD is empty",
        "connections.yaml:7:21: servicenow.webhook_secrets[0]: the environment variable SNOW_HOOK is not set",
        "connections.yaml:9:37: jira.extra.token: the file nowhere can't be read: No such file or directory",
    ]


def test_mistakes_never_quote_a_secret() -> None:
    text = SNOW.replace("clock_bound: 2s", "clock_bound: ${env:SNOW_PASSWORD}") + "broken: 5\n"
    assert "pa$$w0rd" not in mistakes(text, ENVIRON)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("jira: {url: x}", "1:7: jira: `system` is missing"),
        ("jira: {system: jira, clock_bound: 5}", "1:35: jira.clock_bound: a duration needs a unit"),
        (
            "jira: {system: jira, token: '${vault:x}'}",
            "`${vault:…}` is unknown; write ${env:NAME} or ${file:PATH}",
        ),
        ("jira: x", "1:7: jira: `{system: …}` belongs here"),
        ("- x", "connections belong here"),
        ("Jira X: {system: jira}", "should match pattern"),
        ("jira: {system: jira}\njira: {system: jira}", "the key `jira` stands already in line 1"),
    ],
)
def test_a_wrong_connection_is_named_with_its_line(text: str, says: str) -> None:
    assert says in mistakes(text)


def test_deliveries_are_accepted_where_a_webhook_secret_is_set() -> None:
    assert servicenow().webhook
    assert not parse_connections("jira: {system: jira}")["jira"].webhook
    assert parse_connections("jira: {system: jira, webhook: true}")["jira"].webhook


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.yaml: can't be read"):
        load_connections(tmp_path / "gone.yaml")


def test_how_changes_are_heard_of_is_read() -> None:
    written = "jira: {system: jira, url: x, webhook_secrets: [s], changes: {every: 10m, freeze: [{start: '0 22 * * 5', for: 4h}]}}"
    capture = parse_connections(written)["jira"].capture(stream=False)
    assert capture.polled is not None
    assert (capture.ways, capture.exposure(timedelta(minutes=1))) == (
        "webhook, poll every 10m",
        timedelta(hours=4, minutes=12),
    )


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ("{every: 5m, cron: '* * * * *'}", "exclude each other"),
        ("{cron: daily}", "no crontab line"),
        ("{mode: webhook}", "needs webhook_secrets"),
        ("{evry: 5m}", "evry"),
        ("{mode: pol}", "`poll`"),
        ("{every: 300}", "needs a unit"),
    ],
)
def test_a_mistake_in_how_changes_are_heard_of_is_named_with_its_line(changes: str, says: str) -> None:
    told = mistakes(f"jira:\n  system: jira\n  changes: {changes}")
    assert says in told
    assert "connections.yaml:" in told
