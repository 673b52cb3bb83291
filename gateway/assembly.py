"""What every process of a deployment is put together from: settings → database, connections, Temporal, rules.

Nothing connects before it is used, so a gateway starts, and keeps deliveries, while Temporal is out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

import structlog
from pydantic import SecretStr
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import GrpcCompression

from activities.context import Context
from activities.gating import Gates
from activities.notifying import Notifier
from connectors.addresses import is_loopback
from connectors.registry import Connections
from domain.errors import ConfigError, SystemUnavailable
from gateway.temporal import check_temporal
from integrations.connections import ConnectionConfig, ConnectionsFile
from integrations.policies import custom_policies
from integrations.settings import Settings
from store.database import Database

log = structlog.get_logger(__name__)

RETRY_PAUSE = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Accord:
    """One process's view of a deployment."""

    settings: Settings
    context: Context
    temporal: Client

    @property
    def database(self) -> Database:
        return self.context.database

    @property
    def connections(self) -> Connections:
        return self.context.connections


@asynccontextmanager
async def assembled(
    settings: Settings, *, pool_size: int = 10, may_close: bool = False
) -> AsyncIterator[Accord]:
    """Put the parts together, and close them at the end.

    Args:
        settings: Of this process.
        pool_size: Connections to the database at most.
        may_close: Whether a system that this process can't reach counts as out for all: true of workers and gateways.

    Raises:
        ConfigError: An address or a connection is missing or wrong.
    """
    file = ConnectionsFile(settings.connections_file)
    database = Database(_required(settings).database, pool_size=pool_size)
    gates = Gates(database, may_close=may_close)
    context = Context(
        database=database,
        connections=Connections(
            _outward(settings, file.read()), guard=gates.guard, reload=lambda: _changed(settings, file)
        ),
        custom=custom_policies(),
        notifier=Notifier(_queues(settings)),
        decide_by_signal=settings.decide_by_signal,
    )
    try:
        yield Accord(settings, context, await temporal_client(settings, lazy=True))
    finally:
        await context.connections.aclose()
        await context.database.close()


def read_connections(settings: Settings) -> Mapping[str, ConnectionConfig]:
    """The configured connections; none if there is no file yet.

    Raises:
        ConfigError: The file is wrong, or a connection leads to this machine and the settings don't allow that.
    """
    return _outward(settings, ConnectionsFile(settings.connections_file).read())


def _changed(settings: Settings, file: ConnectionsFile) -> Mapping[str, ConnectionConfig] | None:
    """What `read_connections` would say now; None if no file has changed."""
    configs = file.changed()
    return None if configs is None else _outward(settings, configs)


def _outward(settings: Settings, configs: Mapping[str, ConnectionConfig]) -> Mapping[str, ConnectionConfig]:
    """These connections, once it is certain that none leads where it may not."""
    inward = [] if _may_stay_here(settings) else [name for name, one in configs.items() if _leads_here(one)]
    if inward:
        raise ConfigError(
            f"{settings.connections_file}: {', '.join(inward)}: the url leads to this very machine; "
            "if a system does stand here, set ACCORD_LOOPBACK_SYSTEMS=true"
        )
    return configs


def _may_stay_here(settings: Settings) -> bool:
    if settings.loopback_systems is not None:
        return settings.loopback_systems
    return settings.temporal_address is None or _is_loopback(settings.temporal_address)


def _leads_here(config: ConnectionConfig) -> bool:
    """Systems that are asked over HTTP; a database on the same machine is nothing unusual."""
    url = config.settings.get("url")
    written = url.get_secret_value() if isinstance(url, SecretStr) else str(url or "")
    try:
        place = urlsplit(written)
    except ValueError:  # the connector says what is wrong with it
        return False
    return place.scheme.lower() in {"http", "https"} and is_loopback(place.hostname or "")


async def temporal_client(settings: Settings, *, lazy: bool) -> Client:
    """A client of the configured server; a lazy one connects when it is first used, and no worker takes it."""
    address = _required(settings).temporal
    return await Client.connect(
        address,
        namespace=settings.temporal_namespace,
        data_converter=pydantic_data_converter,
        grpc_compression=GrpcCompression.NONE if _is_loopback(address) else GrpcCompression.GZIP,
        lazy=lazy,
    )


async def wait_until_up(accord: Accord, patience: timedelta) -> None:
    """Wait for database and Temporal, saying once what is missing.

    Raises:
        SystemUnavailable: One of them didn't answer within `patience`.
    """
    await _retried(accord.database.check, patience)
    await _retried(lambda: check_temporal(accord.temporal), patience)


async def _retried(check: Callable[[], Awaitable[None]], patience: timedelta) -> None:
    loop = asyncio.get_running_loop()
    deadline, told = loop.time() + patience.total_seconds(), ""
    while True:
        try:
            return await check()
        except SystemUnavailable as error:
            if loop.time() >= deadline:
                raise
            if error.message != told:
                told = error.message
                log.warning("waiting", reason=told)
        await asyncio.sleep(RETRY_PAUSE.total_seconds())


@dataclass(frozen=True, slots=True)
class _Addresses:
    database: str
    temporal: str


def _required(settings: Settings) -> _Addresses:
    if settings.database_url is None or settings.temporal_address is None:
        raise ConfigError(
            "no running Accord is known here: start one by `accord up`, "
            "or set ACCORD_DATABASE_URL and ACCORD_TEMPORAL_ADDRESS"
        )
    return _Addresses(settings.database_url.get_secret_value(), settings.temporal_address)


def _queues(settings: Settings) -> dict[str, tuple[str, ...]]:
    return {queue: tuple(url.get_secret_value() for url in urls) for queue, urls in settings.notify.items()}


def _is_loopback(address: str) -> bool:
    return is_loopback(address.rsplit(":", 1)[0])
