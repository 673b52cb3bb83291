"""A connection may lead to this very machine only where the deployment stands on it, or says so."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from domain.errors import ConfigError
from gateway.assembly import read_connections
from integrations.settings import Settings


def settings(tmp_path: Path, url: str, **said: object) -> Settings:
    file = tmp_path / "connections.yaml"
    file.write_text(f"desk: {{system: plain, url: '{url}', token: t}}\n")
    return Settings(connections_file=file, database_url=SecretStr("postgresql://x"), **said)


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1", "[::1]:9000"])
def test_a_deployment_of_several_machines_asks_nothing_of_its_own(tmp_path: Path, host: str) -> None:
    far = settings(tmp_path, f"http://{host}", temporal_address="temporal:7233")
    with pytest.raises(
        ConfigError, match=r"desk: the url leads to this very machine.*ACCORD_LOOPBACK_SYSTEMS"
    ):
        read_connections(far)


def test_it_does_if_it_is_told_to(tmp_path: Path) -> None:
    far = settings(tmp_path, "http://localhost", temporal_address="temporal:7233", loopback_systems=True)
    assert list(read_connections(far)) == ["desk"]


def test_one_machine_asks_its_own_systems_unless_told_not_to(tmp_path: Path) -> None:
    assert read_connections(settings(tmp_path, "http://localhost", temporal_address="127.0.0.1:7233"))
    assert read_connections(settings(tmp_path, "http://localhost"))
    with pytest.raises(ConfigError, match="this very machine"):
        read_connections(settings(tmp_path, "http://localhost", loopback_systems=False))


def test_systems_elsewhere_are_no_matter(tmp_path: Path) -> None:
    assert read_connections(settings(tmp_path, "https://desk.test", temporal_address="temporal:7233"))
