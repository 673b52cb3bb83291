"""Connectors by the name of their system, found among the entry points `accord.connectors`.

A connector is one line in `pyproject.toml`: a name, and a `build` function of the shape `Build`.
"""

from __future__ import annotations

import asyncio
import time
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
Guard = Callable[[Connector, ConnectionConfig], None]
Reload = Callable[[], Mapping[str, ConnectionConfig] | None]

IN_USE = 120.0
"""Seconds that a connector whose settings were exchanged stays open for the requests that it has under way."""


def not_guarded(connector: Connector, config: ConnectionConfig) -> None:
    """Where no gate is kept."""
    del connector, config


def unchanged() -> None:
    """Where the settings come from nothing that could change."""
    return


@dataclass(slots=True)
class Connections:
    """Every configured connection, opened when first asked for and kept until its settings change, or `aclose`."""

    configs: Mapping[str, ConnectionConfig]
    open: Open = open_connector
    guard: Guard = not_guarded
    """Given each connector as it is opened."""
    reload: Reload = unchanged
    """The settings as they are now; None if nothing has changed."""
    _opened: dict[str, Connector] = field(default_factory=dict)
    _replaced: list[tuple[float, Connector]] = field(default_factory=list)

    def get(self, name: str) -> Connector:
        """The connector of this connection.

        Raises:
            ConfigError: No such connection is configured, or its settings are wrong.
        """
        if name not in self._opened:
            config = self._config(name)
            opened = self.open(config)
            self.guard(opened, config)
            self._opened[name] = opened
        return self._opened[name]

    async def refresh(self) -> list[str]:
        """Take up settings and secrets that changed; the names of the connections concerned.

        Raises:
            ConfigError: They can't be read; those that were in force stay so.
        """
        found = self.reload()
        await self._close_replaced(time.monotonic() - IN_USE)
        if found is None:
            return []
        changed = [name for name in {**self.configs, **found} if self.configs.get(name) != found.get(name)]
        self.configs = found
        now = time.monotonic()
        self._replaced += [(now, self._opened.pop(name)) for name in changed if name in self._opened]
        return changed

    async def _close_replaced(self, before: float) -> None:
        old = [connector for since, connector in self._replaced if since <= before]
        self._replaced = [(since, one) for since, one in self._replaced if since > before]
        await asyncio.gather(*(connector.aclose() for connector in old))

    def _config(self, name: str) -> ConnectionConfig:
        if name not in self.configs:
            names = ", ".join(sorted(self.configs)) or "none"
            raise ConfigError(f"no connection {name!r} is configured (there are: {names})")
        return self.configs[name]

    async def aclose(self) -> None:
        """Close all that were opened."""
        opened, self._opened = list(self._opened.values()), {}
        await self._close_replaced(float("inf"))
        await asyncio.gather(*(connector.aclose() for connector in opened))
