"""The deployment without Docker: the commands, environments and health checks of docker-compose.yml as plain processes.

PostgreSQL and Temporal are the embedded ones instead of their images; nothing else differs but the addresses in
`_places`. A process gets the environment of its container and no other variable than PATH.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy.engine import make_url

from embedded.child import Child
from embedded.ports import choose_port
from embedded.postgres_programs import find_programs
from embedded.settings import EmbeddedSettings
from embedded.stack import EmbeddedStack
from tests.deploy.compose import CHECKOUT, Service, our_services

PROGRAMS = os.environ.get("ACCORD_REHEARSAL_BIN", str(Path(sys.executable).parent))
"""Where `python` and `accord` are: those of the tests, or of an environment made by the steps of the Dockerfile."""

VARIABLES = {
    "POSTGRES_PASSWORD": "administrator",
    "ACCORD_DATABASE_PASSWORD": "ours",
    "TEMPORAL_DATABASE_PASSWORD": "theirs",
    "ACCORD_API_TOKEN": "let-me-in",
}
"""`.env`"""

SECRETS = {"LAB_TOKEN": "lab"}
"""`secrets.env`"""

DATABASES = CHECKOUT / "deploy" / "postgres" / "databases.sql"


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended."""

    code: int
    output: str


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The deployment while it runs."""

    stack: EmbeddedStack
    services: Mapping[str, Service]
    gateway_url: str
    config: Path

    async def run_job(self, name: str) -> None:
        """Run a service that ends by itself.

        Raises:
            ChildFailed: With its output.
        """
        await self.stack.supervisor.run(self._child(self.services[name]))

    async def start(self, name: str) -> None:
        """Start a service; ready once its own health check passes.

        Raises:
            ChildFailed: It doesn't in time.
        """
        await self.stack.add(self._child(self.services[name]))

    async def is_healthy(self, name: str) -> bool:
        """What its health check says."""
        return (await self.execute(name, *self.services[name].check)).code == 0

    async def execute(self, name: str, *command: str) -> Ran:
        """`docker compose exec NAME COMMAND`."""
        environment = self._environment(self.services[name])
        return await asyncio.to_thread(_run, command, environment, self.config)

    def psql(self, database: str, *arguments: str, role: str) -> Ran:
        """Run psql as a role on the server; on the network of the deployment it would need the role's password."""
        programs = find_programs(EmbeddedSettings.from_environment().postgres_bin, None)
        host = str(make_url(self.stack.database_url).query["host"])
        command = (str(programs.folder / "psql"), "-h", host, "-U", role, "-d", database, *arguments)
        return _run(command, {**VARIABLES, "PATH": PROGRAMS}, self.config)

    def _child(self, service: Service) -> Child:
        async def is_ready() -> bool:
            return await self.is_healthy(service.name)

        return Child(
            name=service.name,
            argv=service.command,
            env=self._environment(service),
            cwd=self.config,
            is_ready=is_ready,
            ready_within=timedelta(minutes=2),
        )

    def _environment(self, service: Service) -> dict[str, str]:
        secrets = SECRETS if service.reads_secrets else {}
        return {"PATH": f"{PROGRAMS}:/usr/bin:/bin", **secrets, **service.environment}


@asynccontextmanager
async def opened(var: Path) -> AsyncIterator[Rehearsal]:
    """PostgreSQL with the deployment's databases, Temporal, an empty configuration; nothing of ours runs yet."""
    config = var / "config"
    (config / "integrations.d").mkdir(parents=True)
    async with EmbeddedStack(EmbeddedSettings.for_tests(var / "stack")) as stack:
        port = choose_port(0, "the test's port")
        services = _placed(our_services(VARIABLES), _places(stack, var, config, port))
        rehearsal = Rehearsal(stack, services, f"http://127.0.0.1:{port}", config)
        made = rehearsal.psql("postgres", "-f", str(DATABASES), role="accord")
        assert made.code == 0, made.output
        yield rehearsal


def _places(stack: EmbeddedStack, var: Path, config: Path, port: int) -> dict[str, str]:
    """Where the deployment's places are on this machine."""
    sockets = make_url(stack.database_url).query["host"]
    return {
        "@postgres:5432/accord": f"@/accord?host={sockets}",
        "temporal:7233": stack.temporal_address,
        "/etc/accord": str(config),
        "/tmp/worker.health": str(var / "worker.health"),  # noqa: S108 - the container's own
        "0.0.0.0": "127.0.0.1",  # noqa: S104 - replaced, not bound
        "8787": str(port),
    }


def _placed(services: Mapping[str, Service], places: Mapping[str, str]) -> dict[str, Service]:
    def here(text: str) -> str:
        for there, place in places.items():
            text = text.replace(there, place)
        return text

    return {
        name: replace(
            service,
            command=tuple(map(here, service.command)),
            environment={variable: here(value) for variable, value in service.environment.items()},
            check=tuple(map(here, service.check)),
        )
        for name, service in services.items()
    }


def _run(command: tuple[str, ...], environment: Mapping[str, str], folder: Path) -> Ran:
    # By env, which looks along the given PATH, not along ours.
    done = subprocess.run(  # noqa: S603 - the deployment's own commands
        ("/usr/bin/env", *command),
        check=False,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    return Ran(done.returncode, done.stdout)
