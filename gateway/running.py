"""Accord on one machine: gateway and workers beside the embedded PostgreSQL and Temporal, in the same tree of processes.

`accord up` and the demo start the same thing by `accord_on`; what differs is what else they put on the stack.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from embedded.child import Child
from embedded.ports import choose_port
from embedded.reach import accepts_connections
from embedded.stack import EmbeddedStack
from gateway.health_file import is_fresh
from gateway.stack_file import StackFile
from integrations.settings import PREFIX, Settings
from store import migrate

DATABASE = "accord"
"""Our own database in the embedded PostgreSQL; one that somebody else runs is named by its URL."""


@dataclass(frozen=True, slots=True)
class Programs:
    """Modules and their arguments, as `python -m` takes them."""

    worker: Sequence[str] = ("worker",)
    gateway: Sequence[str] = ("gateway.serve",)


OURS = Programs()


@asynccontextmanager
async def accord_on(
    stack: EmbeddedStack,
    settings: Settings,
    *,
    workers: int = 1,
    environment: Mapping[str, str] | None = None,
    programs: Programs = OURS,
) -> AsyncIterator[StackFile]:
    """Migrate the store, start workers and gateway, and write where everything is.

    Args:
        stack: Started; it stops the children.
        settings: Files, host and port; the addresses come from the stack.
        workers: Processes; one per core is as many as help.
        environment: What the children get besides ours, such as the secrets of connections.
        programs: Other builds of worker and gateway.

    Raises:
        SystemUnavailable: The database can't be migrated.
        EmbeddedError: The gateway's port is taken, or a child didn't start.
    """
    addresses = _addresses(stack, settings)
    await asyncio.to_thread(migrate.upgrade, addresses.database_url)
    children = {**os.environ, **(environment or {}), **_variables(addresses, settings)}
    for number in range(1, workers + 1):
        await stack.add(_worker(number, stack.supervisor.var, children, programs.worker))
    await stack.add(_gateway(addresses, children, programs.gateway))
    written = await asyncio.to_thread(addresses.write, stack.supervisor.var)
    try:
        yield addresses
    finally:
        written.unlink(missing_ok=True)


def _addresses(stack: EmbeddedStack, settings: Settings) -> StackFile:
    port = choose_port(settings.gateway_port, "ACCORD_GATEWAY_PORT")
    return StackFile(
        database_url=_own_database(stack),
        temporal_address=stack.temporal_address,
        temporal_ui_url=stack.temporal_ui_url,
        gateway_url=f"http://{settings.gateway_host}:{port}",
        connections_file=settings.connections_file.absolute(),
        integrations_dir=settings.integrations_dir.absolute(),
    )


def _own_database(stack: EmbeddedStack) -> str:
    if stack.settings.database_url is not None:
        return stack.settings.database_url
    return urlsplit(stack.database_url)._replace(path=f"/{DATABASE}").geturl()


def _variables(addresses: StackFile, settings: Settings) -> dict[str, str]:
    found = {
        "DATABASE_URL": addresses.database_url,
        "TEMPORAL_ADDRESS": addresses.temporal_address,
        "GATEWAY_PORT": str(urlsplit(addresses.gateway_url or "").port),
        "CONNECTIONS_FILE": str(addresses.connections_file),
        "INTEGRATIONS_DIR": str(addresses.integrations_dir),
        "DECIDE_BY_SIGNAL": "true",  # whoever reaches the Temporal of one's own machine may decide
        "SANDBOX": str(settings.sandbox).lower(),
    }
    return {f"{PREFIX}{name}": value for name, value in found.items()}


def _worker(number: int, var: Path, environment: Mapping[str, str], program: Sequence[str]) -> Child:
    name = f"worker-{number}"
    health = var / f"{name}.health"
    health.unlink(missing_ok=True)

    async def is_ready() -> bool:
        return is_fresh(health)

    return Child(
        name=name,
        argv=(sys.executable, "-m", *program),
        env={**environment, f"{PREFIX}HEALTH_FILE": str(health)},
        is_ready=is_ready,
    )


def _gateway(addresses: StackFile, environment: Mapping[str, str], program: Sequence[str]) -> Child:
    place = urlsplit(addresses.gateway_url or "")

    async def is_ready() -> bool:
        return await accepts_connections(place.hostname or "", place.port or 0)

    return Child(
        name="gateway",
        argv=(sys.executable, "-m", *program),
        env=environment,
        is_ready=is_ready,
    )
