"""Everything that the demo runs on, in one tree of processes: PostgreSQL, Temporal, three systems, a worker, the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import SecretStr

from embedded.settings import EmbeddedSettings
from embedded.stack import EmbeddedStack
from gateway.assembly import assembled
from gateway.declarations import read_declaration
from gateway.operations import Operations
from gateway.running import accord_on
from gateway.stack_file import StackFile
from integrations.settings import Settings, read_settings
from lab.demo.script import Name
from lab.demo.systems import SYSTEMS, as_child, preferred, subscription, write_connections
from lab.systems.control import LabControl

DECLARATIONS = Path(__file__).with_name("declarations")

Tell = Callable[[str], None]
"""Says what is being started."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The running product, and a hand in each system behind its public API."""

    stack: EmbeddedStack
    operations: Operations
    addresses: StackFile
    controls: Mapping[Name, LabControl]


@asynccontextmanager
async def opened(tell: Tell) -> AsyncIterator[Stage]:
    """Start it all, with the data of earlier runs; stop it all at the end.

    Raises:
        EmbeddedError: Something can't run here, or runs already.
    """
    tell("PostgreSQL and Temporal")
    async with EmbeddedStack(_embedded()) as stack, AsyncExitStack() as closing:
        tell("ServiceNow, Jira and PagerDuty (simulated)")
        urls = await _start_systems(stack)
        controls = {name: await closing.enter_async_context(LabControl(url)) for name, url in urls.items()}
        tell("worker and gateway")
        asked = _settings(write_connections(urls, stack.supervisor.var))
        addresses = await closing.enter_async_context(accord_on(stack, asked))
        accord = await closing.enter_async_context(assembled(_ours(asked, addresses)))
        stage = Stage(stack, Operations(accord), addresses, controls)
        await _declare(stage, asked)
        yield stage


async def _start_systems(stack: EmbeddedStack) -> dict[Name, str]:
    """Their addresses, by name."""
    urls = {name: f"http://127.0.0.1:{preferred(system.port)}" for name, system in SYSTEMS.items()}
    children = [as_child(SYSTEMS[name], url, stack.supervisor.var) for name, url in urls.items()]
    await asyncio.gather(*(stack.add(child) for child in children))
    return urls


async def _declare(stage: Stage, settings: Settings) -> None:
    """Apply the integrations, and have the systems tell the gateway of every change."""
    for file in sorted(DECLARATIONS.glob("*.yaml")):
        await stage.operations.declarations.apply(read_declaration(str(file), settings), by="demo")
    for name, control in stage.controls.items():
        await control.subscribe(subscription(SYSTEMS[name], stage.addresses.gateway_url or ""))


def _embedded() -> EmbeddedSettings:
    """As `accord up` has it, but a port that is in use is no reason to give up."""
    asked = EmbeddedSettings.from_environment()
    ui_port = asked.temporal_ui_port
    return replace(
        asked,
        temporal_port=preferred(asked.temporal_port),
        temporal_ui_port=None if ui_port is None else preferred(ui_port),
    )


def _settings(connections_file: Path) -> Settings:
    asked = read_settings()
    found = {
        "connections_file": connections_file,
        "integrations_dir": DECLARATIONS,
        "gateway_port": preferred(asked.gateway_port),
    }
    return asked.model_copy(update=found)


def _ours(asked: Settings, addresses: StackFile) -> Settings:
    """The settings of this process, which asks and tells Accord like the command line does."""
    found = {
        "database_url": SecretStr(addresses.database_url),
        "temporal_address": addresses.temporal_address,
        "temporal_ui_url": addresses.temporal_ui_url,
    }
    return asked.model_copy(update=found)
