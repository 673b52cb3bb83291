"""A real PostgreSQL for tests: one server per run, one database per test, cloned from a migrated template."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path

from psycopg import AsyncConnection
from sqlalchemy.engine import make_url

from embedded.postgres import PostgresServer
from embedded.postgres_home import make_home
from embedded.postgres_programs import find_programs, within_reach
from embedded.settings import EmbeddedSettings
from embedded.supervisor import Supervisor
from store import migrate

TEMPLATE = "accord_template"


class TestDatabases:
    """Hands out fresh databases of one running server."""

    __test__ = False

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        self._numbers = count(1)

    @asynccontextmanager
    async def fresh(self, template: str = TEMPLATE) -> AsyncIterator[str]:
        """The URL of a new database that has the schema and no rows; dropped afterwards, whoever still uses it."""
        name = f"test_{next(self._numbers)}"
        await self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield self.server.url(name)
        finally:
            await self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    async def run(self, statement: str) -> None:
        """Run a statement that no transaction may hold."""
        url = make_url(self.server.url()).set(drivername="postgresql").render_as_string(hide_password=False)
        async with await AsyncConnection.connect(url, autocommit=True) as connection:
            await connection.execute(statement.encode())


@asynccontextmanager
async def running_databases() -> AsyncIterator[TestDatabases]:
    """A throw-away server with the migrated template."""
    with _folder() as var:
        async with Supervisor(var) as supervisor:
            server = await _started(var, supervisor)
            await asyncio.to_thread(migrate.upgrade, server.url(TEMPLATE))
            yield TestDatabases(server)
        server.discard()


@contextmanager
def _folder() -> Iterator[Path]:
    var = Path(tempfile.mkdtemp(prefix="accord-test-"))
    var.chmod(0o755)  # the user that PostgreSQL runs as must get in
    yield var
    shutil.rmtree(var)


async def _started(var: Path, supervisor: Supervisor) -> PostgresServer:
    home = make_home(var)
    found = find_programs(EmbeddedSettings.from_environment().postgres_bin, home.data_major)
    programs = within_reach(found, home.user, home.root / "programs")
    server = PostgresServer(home, programs, throwaway=True, more=("wal_level=logical",))
    await server.prepare(supervisor)
    await supervisor.start(server.child())
    return server
