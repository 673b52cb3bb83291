"""What everything is measured on: the embedded stack with its normal durability, gateway, worker, two plain systems.

Each is a process of its own, as in production; one more is the worker of the yardsticks.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import SecretStr

from domain.sides import Pair
from embedded.child import Child
from embedded.settings import EmbeddedSettings
from embedded.stack import EmbeddedStack
from gateway.assembly import Accord, assembled
from gateway.health_file import is_fresh
from gateway.running import accord_on
from gateway.signaller import Signaller
from gateway.stack_file import StackFile
from integrations.settings import PREFIX, Settings
from lab.systems.control import LabControl
from lab.systems.process import LabSystem

CONNECTIONS = Pair("alpha", "beta")
SECRET, USER = "bench-webhooks", "sync"


@dataclass(frozen=True, slots=True)
class Stage:
    """The running processes, and the ways to them."""

    stack: EmbeddedStack
    accord: Accord
    gateway_url: str
    systems: Pair[LabSystem]
    notes: Path
    """Where the yardsticks' worker notes ends that nobody else sees."""

    @property
    def controls(self) -> Pair[LabControl]:
        return self.systems.map(lambda system: system.control)

    @property
    def signaller(self) -> Signaller:
        return Signaller(self.accord.context, self.accord.temporal, self.accord.settings.task_queue)

    @property
    def processes(self) -> dict[str, list[int]]:
        """Process ids by what they are; their children count with them."""
        children = {status.name: [status.pid] for status in self.stack.states() if status.pid}
        worker = children.pop("worker-1") + children.pop("bare-worker")
        return {**children, "worker": worker, "lab": [system.pid for system in self.systems]}

    @property
    def worker_pid(self) -> int:
        """Of Accord's own worker."""
        return next(s.pid for s in self.stack.states() if s.name == "worker-1" and s.pid)


@asynccontextmanager
async def opened(
    directory: Path, *, sandbox: bool, capabilities: Mapping[str, bool] | None = None
) -> AsyncIterator[Stage]:
    """Start everything; stop it at the end, whatever happens.

    Args:
        directory: For everything that is kept meanwhile.
        sandbox: Whether workflows run in the SDK's.
        capabilities: What the connections are declared to be able to; by default, what the systems say.
    """
    settings = EmbeddedSettings(var=directory / "stack", temporal_port=0, temporal_ui_port=None)
    async with (
        EmbeddedStack(settings) as stack,
        await LabSystem.start("plain", CONNECTIONS.a, directory / "lab") as alpha,
        await LabSystem.start("plain", CONNECTIONS.b, directory / "lab") as beta,
    ):
        systems, file, notes = Pair(alpha, beta), directory / "connections.yaml", directory / "notes"
        file.write_text(yaml.safe_dump(_connections(systems, capabilities or {})))
        asked = Settings(connections_file=file, integrations_dir=directory, gateway_port=0, sandbox=sandbox)
        async with accord_on(stack, asked) as addresses, assembled(_ours(asked, addresses)) as accord:
            await stack.add(_bare_worker(stack, addresses, notes, sandbox=sandbox))
            assert addresses.gateway_url is not None
            yield Stage(stack, accord, addresses.gateway_url, systems, notes)


def _connections(
    systems: Pair[LabSystem], capabilities: Mapping[str, bool]
) -> dict[str, Mapping[str, object]]:
    return {
        system.name: {
            "system": "plain",
            "url": system.url,
            "token": "lab",
            "user": USER,
            "webhook_secrets": [SECRET],
            "clock_bound": "1s",
            "changes": {"mode": "webhook"},
            "capabilities": dict(capabilities),
        }
        for system in systems
    }


def _ours(asked: Settings, addresses: StackFile) -> Settings:
    """The settings of this process, which links the pairs and looks at what became of them."""
    return asked.model_copy(
        update={
            "database_url": SecretStr(addresses.database_url),
            "temporal_address": addresses.temporal_address,
        }
    )


def _bare_worker(stack: EmbeddedStack, addresses: StackFile, notes: Path, *, sandbox: bool) -> Child:
    health = stack.supervisor.var / "bare-worker.health"

    async def is_ready() -> bool:
        return is_fresh(health)

    variables = {
        "DATABASE_URL": addresses.database_url,
        "TEMPORAL_ADDRESS": addresses.temporal_address,
        "CONNECTIONS_FILE": str(addresses.connections_file),
        "HEALTH_FILE": str(health),
        "SANDBOX": str(sandbox).lower(),
    }
    return Child(
        name="bare-worker",
        argv=(sys.executable, "-m", "lab.bench.bare_worker", str(notes)),
        env={**os.environ, **{f"{PREFIX}{name}": value for name, value in variables.items()}},
        is_ready=is_ready,
    )
