"""PostgreSQL and Temporal on one machine, and whatever else is started beside them: one owner, one tree of processes."""

import asyncio
from typing import Self

from embedded.child import Child
from embedded.ports import choose_port
from embedded.postgres import PostgresServer
from embedded.postgres_home import make_home
from embedded.postgres_programs import find_programs, within_reach
from embedded.reach import require_database, require_temporal
from embedded.settings import EmbeddedSettings
from embedded.supervisor import ChildStatus, Supervisor
from embedded.temporal import TemporalServer, find_temporal


class EmbeddedStack:
    """Starts what the settings don't name as running elsewhere, and stops it again.

    The addresses are known once it has started; `supervisor` offers what isn't repeated here.
    """

    def __init__(self, settings: EmbeddedSettings) -> None:
        self.settings = settings
        self.supervisor = Supervisor(settings.var)
        self._postgres: PostgresServer | None = None
        self._temporal: TemporalServer | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def database_url(self) -> str:
        """SQLAlchemy's URL; of the database `postgres`, if the server is ours. The store makes its own beside it."""
        if self._postgres is not None:
            return self._postgres.url()
        return _started(self.settings.database_url)

    @property
    def temporal_address(self) -> str:
        """host:port of the front end."""
        return _started(self._temporal.address if self._temporal else self.settings.temporal_address)

    @property
    def temporal_ui_url(self) -> str | None:
        """Where people see the workflows; None if there is no UI, or none that we know of."""
        return self._temporal.ui_url if self._temporal else self.settings.temporal_ui_url

    async def start(self) -> None:
        """Start both, or check the ones that run elsewhere; whatever fails, nothing stays behind.

        Raises:
            EmbeddedError: One of its kinds; its message says what to do.
        """
        await self.supervisor.open()
        try:
            await self._provide_postgres()
            await self._provide_temporal()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop all children, the last one first; safe to call twice."""
        await self.supervisor.close()
        if self.settings.throwaway:
            await asyncio.to_thread(self._discard)
        self._postgres = self._temporal = None

    async def add(self, child: Child) -> None:
        """Run one more child beside ours: a worker, a gateway, a lab system. Returns when it is ready.

        Raises:
            ChildFailed: It ended or wasn't ready in time.
        """
        await self.supervisor.start(child)

    def kill(self, name: str) -> None:
        """SIGKILL a child (`postgres`, `temporal`, or one that was added), as a crash would; it comes back."""
        self.supervisor.kill(name)

    def states(self) -> tuple[ChildStatus, ...]:
        """All children in the order of their start."""
        return self.supervisor.states()

    def _discard(self) -> None:
        for server in (self._postgres, self._temporal):
            if server is not None:
                server.discard()

    async def _provide_postgres(self) -> None:
        if self.settings.database_url is not None:
            await require_database(self.settings.database_url)
            return
        self._postgres = await asyncio.to_thread(self._find_postgres)
        await self._postgres.prepare(self.supervisor)
        await self.supervisor.start(self._postgres.child())

    def _find_postgres(self) -> PostgresServer:
        home = make_home(self.supervisor.var)
        found = find_programs(self.settings.postgres_bin, home.data_major)
        return PostgresServer(
            home=home,
            programs=within_reach(found, home.user, home.root / "programs"),
            throwaway=self.settings.throwaway,
        )

    async def _provide_temporal(self) -> None:
        if self.settings.temporal_address is not None:
            await require_temporal(self.settings.temporal_address)
            return
        self._temporal = self._choose_temporal()
        await self.supervisor.start(self._temporal.child())
        await self._temporal.prepare()

    def _choose_temporal(self) -> TemporalServer:
        ui_port = self.settings.temporal_ui_port
        return TemporalServer(
            program=find_temporal(self.settings.temporal_bin),
            database=self.supervisor.var / "temporal.db",
            port=choose_port(self.settings.temporal_port, "ACCORD_TEMPORAL_PORT"),
            ui_port=None if ui_port is None else choose_port(ui_port, "ACCORD_TEMPORAL_UI_PORT"),
        )


def _started(address: str | None) -> str:
    if address is None:
        raise ValueError("the embedded stack isn't started: its addresses aren't known yet")
    return address
