"""PostgreSQL as a child: made by `initdb`, run by `postgres`, reached over a unix socket that only its owner can enter.

Everything else (one owner, restart, the end after a SIGKILL) is the supervisor's.
"""

import asyncio
import shutil
import signal
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import psutil

from embedded.child import Child
from embedded.errors import AlreadyRunning, DataRefused
from embedded.postgres_home import PORT, PostgresHome
from embedded.postgres_programs import PostgresPrograms
from embedded.reach import accepts_local_connections
from embedded.supervisor import Supervisor

ROLE = "accord"

SETTINGS = (
    "listen_addresses=",  # the socket only: no port to be taken, no password to be kept
    "unix_socket_permissions=0700",
    f"port={PORT}",
    "max_connections=100",
    "shared_buffers=128MB",
    "timezone=UTC",
    "log_timezone=UTC",
)

THROWAWAY_SETTINGS = ("fsync=off", "full_page_writes=off", "track_commit_timestamp=on")
"""For data that nobody will miss: what was committed survives a killed server, but not a crash of the machine. The last
one lets chaos tell when a line of the log became durable.

Not `synchronous_commit=off`: without fsync it saves next to nothing, and a killed server loses its last commits by it.
"""

STATUS_LINE = 8
"""Of `postmaster.pid`; says `ready` once connections are taken. pg_ctl waits for it too (since PostgreSQL 10)."""


BACKENDS_NOTICE = timedelta(seconds=5)
POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """One cluster and the programs that run it.

    Attributes:
        throwaway: The data needn't survive a crash of the machine.
        more: Settings beyond ours, each `name=value`.
    """

    home: PostgresHome
    programs: PostgresPrograms
    throwaway: bool = False
    more: tuple[str, ...] = ()

    def url(self, database: str = "postgres") -> str:
        """SQLAlchemy's URL for a database of this cluster; `postgres` always exists."""
        return f"postgresql+psycopg://{ROLE}@/{database}?host={quote(str(self.home.sockets), safe='')}"

    async def prepare(self, supervisor: Supervisor) -> None:
        """Make the cluster if there is none; clear what a dead server left.

        Raises:
            DataRefused: The data were made by another major.
            AlreadyRunning: A server that isn't ours uses them.
            ChildFailed: initdb failed.
        """
        if self.home.data.exists():
            self._refuse_other_major()
            await self._clear_stale_locks()
        else:
            await self._make_cluster(supervisor)

    def child(self) -> Child:
        """The server as a supervised child."""
        return Child(
            name="postgres",
            argv=(str(self.programs.postgres), "-D", str(self.home.data), *self._settings()),
            is_ready=self.is_ready,
            cwd=self.home.root,
            user=self.home.user,
            stop_signal=signal.SIGINT,  # what `pg_ctl stop -m fast` sends
            grace=timedelta(seconds=20),
            ready_within=timedelta(minutes=2),  # after a crash it may have a lot to recover
        )

    async def is_ready(self) -> bool:
        """It listens and its status says ready: after recovery, that is.

        In this order: a killed server's file still says `ready`, but what listens now has written it anew.
        """
        return await accepts_local_connections(self.home.socket) and _status(self.home.data) == "ready"

    def discard(self) -> None:
        """Delete everything; for tests, after the stop."""
        for folder in self.home.folders:
            shutil.rmtree(folder, ignore_errors=True)

    async def _make_cluster(self, supervisor: Supervisor) -> None:
        # Into another folder first: a crash on the way leaves nothing that looks like a cluster.
        unfinished = self.home.root / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        await supervisor.run(self._initdb(unfinished))
        unfinished.rename(self.home.data)

    def _initdb(self, target: Path) -> Child:
        return Child(
            name="initdb",
            argv=(
                *(str(self.programs.initdb), "-D", str(target), "-U", ROLE),
                *(
                    "--auth-local=trust",
                    "--auth-host=reject",
                ),  # the folder of the socket is the lock on the door
                *("--encoding=UTF8", "--locale=C.UTF-8"),
                *(("--no-sync",) if self.throwaway else ()),
            ),
            cwd=self.home.root,
            user=self.home.user,
            ready_within=timedelta(minutes=2),
        )

    def _settings(self) -> tuple[str, ...]:
        durability = THROWAWAY_SETTINGS if self.throwaway else ()
        settings = (*SETTINGS, f"unix_socket_directories={self.home.sockets}", *durability, *self.more)
        return tuple(word for setting in settings for word in ("-c", setting))

    def _refuse_other_major(self) -> None:
        if self.home.data_major != self.programs.major:
            raise DataRefused(
                f"{self.home.data} was made by PostgreSQL {self.home.data_major}, but {self.programs.folder} is "
                f"{self.programs.major}; name a folder with PostgreSQL {self.home.data_major} in ACCORD_POSTGRES_BIN, or "
                "move the data away to begin anew"
            )

    async def _clear_stale_locks(self) -> None:
        """Remove the lock files of a server that is gone.

        PostgreSQL does so itself unless the pid in them belongs to somebody else by now, which is the rule after a
        restart of a container. Only safe when no process, not even a lost backend, still works on the data.
        """
        if users := await _processes_left_in(self.home.data.resolve()):
            raise AlreadyRunning(
                f"{self.home.data} is in use by a PostgreSQL that this stack did not start (processes {users}); stop it"
            )
        for lock in (self.home.data / "postmaster.pid", Path(f"{self.home.socket}.lock")):
            lock.unlink(missing_ok=True)


def _status(data: Path) -> str:
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return ""
    return lines[STATUS_LINE - 1].strip() if len(lines) >= STATUS_LINE else ""


async def _processes_left_in(data: Path) -> list[int]:
    """Who works on the data, after the backends of a killed server had time to notice its death."""
    deadline = time.monotonic() + BACKENDS_NOTICE.total_seconds()
    while (users := _processes_in(data)) and time.monotonic() < deadline:  # noqa: ASYNC110  no event tells it
        await asyncio.sleep(POLL_SECONDS)
    return users


def _processes_in(data: Path) -> list[int]:
    # Every process of a cluster works inside its data directory.
    found = psutil.process_iter(
        ["cwd"]
    )  # cwd is None where we may not look: another user's, so not of our cluster
    return [process.pid for process in found if process.info["cwd"] == str(data)]
