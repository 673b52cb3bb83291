"""Connectors by the name of their system, found among the entry points `accord.connectors`.

A connector is one line in `pyproject.toml`: a name, and a `build` function of the shape `Build`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Protocol

import httpx

from connectors.base import Connector
from domain.errors import ConfigError
from integrations.connections import ConnectionConfig

GROUP = "accord.connectors"


class Build(Protocol):
    """Opens one connection; sends nothing.

    Raises:
        ConfigError: A setting is wrong or missing.
    """

    def __call__(
        self, name: str, settings: Mapping[str, Any], *, transport: httpx.AsyncBaseTransport | None = None
    ) -> Connector: ...


def known_systems() -> dict[str, EntryPoint]:
    """Entry points by system name."""
    return {point.name: point for point in entry_points(group=GROUP)}


def find_build(connection: str, system: str) -> Build:
    """The function that opens connections to this system.

    Raises:
        ConfigError: No connector has this name, or it can't be imported.
    """
    known = known_systems()
    if system not in known:
        raise ConfigError(
            f"connection {connection}: no connector for {system!r} (there are: {', '.join(sorted(known))})"
        )
    try:
        build: Build = known[system].load()
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"connection {connection}: the connector {known[system].value} can't be loaded: {error}"
        ) from error
    return build


def open_connector(
    config: ConnectionConfig, *, transport: httpx.AsyncBaseTransport | None = None
) -> Connector:
    """Open a connection as configured.

    Raises:
        ConfigError: The system is unknown, or a setting is wrong.
    """
    build = find_build(config.name, config.system)
    return build(config.name, config.settings, transport=transport)


Open = Callable[[ConnectionConfig], Connector]


@dataclass(slots=True)
class Connections:
    """Every configured connection, opened when first asked for and kept until `aclose`."""

    configs: Mapping[str, ConnectionConfig]
    open: Open = open_connector
    _opened: dict[str, Connector] = field(default_factory=dict)

    def get(self, name: str) -> Connector:
        """The connector of this connection.

        Raises:
            ConfigError: No such connection is configured, or its settings are wrong.
        """
        if name not in self._opened:
            self._opened[name] = self.open(self._config(name))
        return self._opened[name]

    def _config(self, name: str) -> ConnectionConfig:
        if name not in self.configs:
            names = ", ".join(sorted(self.configs)) or "none"
            raise ConfigError(f"no connection {name!r} is configured (there are: {names})")
        return self.configs[name]

    async def aclose(self) -> None:
        """Close all that were opened."""
        opened, self._opened = list(self._opened.values()), {}
        await asyncio.gather(*(connector.aclose() for connector in opened))
