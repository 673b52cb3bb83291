from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from connectors import registry
from connectors.base import Connector
from connectors.memory.connector import MemoryConnector
from connectors.registry import Connections, known_systems, open_connector
from domain.errors import ConfigError
from integrations.connections import ConnectionConfig

MEMORY = ConnectionConfig(name="desk", system="memory", settings={"user": "sync"})


def test_every_connector_that_is_declared_can_be_loaded() -> None:
    for point in known_systems().values():
        assert callable(point.load())


def test_a_connection_is_opened_by_the_name_of_its_system() -> None:
    connector = open_connector(MEMORY)
    assert isinstance(connector, MemoryConnector)
    assert connector.connection == "desk"


def test_an_unknown_system_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"no connector for 'memroy'.*jira, memory"):
        open_connector(ConnectionConfig(name="desk", system="memroy"))


def test_a_broken_connector_says_where_it_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = EntryPoint("broken", "connectors.nowhere:build", registry.GROUP)
    monkeypatch.setattr(registry, "known_systems", lambda: {"broken": broken})
    with pytest.raises(ConfigError, match=r"connectors\.nowhere:build"):
        open_connector(ConnectionConfig(name="desk", system="broken"))


async def test_connections_open_once_and_close_all() -> None:
    closed: list[str] = []

    class Closing(MemoryConnector):
        async def aclose(self) -> None:
            closed.append(self.connection)

    def open_closing(config: ConnectionConfig) -> Connector:
        known = open_connector(config)
        assert isinstance(known, MemoryConnector)
        return Closing(config.name, known.state, known._settings)

    connections = Connections({"desk": MEMORY, "spare": MEMORY}, open_closing)
    assert connections.get("desk") is connections.get("desk")
    await connections.aclose()
    await connections.aclose()
    assert closed == ["desk"]


def test_a_connection_that_is_not_configured_is_named() -> None:
    with pytest.raises(ConfigError, match=r"no connection 'dusk'.*desk"):
        Connections({"desk": MEMORY}).get("dusk")
