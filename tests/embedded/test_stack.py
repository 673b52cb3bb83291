import json
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path

import psutil
import psycopg
import pytest
from temporalio.client import Client

from embedded.child import Child
from embedded.errors import AlreadyRunning, ChildFailed, PortInUse, Unreachable
from embedded.ports import LOOPBACK, choose_port
from embedded.reach import accepts_connections
from embedded.settings import EmbeddedSettings
from embedded.stack import EmbeddedStack
from embedded.unix_user import UnixUser

pytestmark = pytest.mark.stack

Eventually = Callable[[Callable[[], object]], Awaitable[None]]
OwnStack = Callable[..., subprocess.Popen[str]]
Naming = Callable[[object], list[int]]


def connect(url: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True)


def first_words_of(owner: subprocess.Popen[str]) -> dict[str, str]:
    """What the owner says when its stack is up; its whole output, if it isn't."""
    assert owner.stdout is not None
    line = owner.stdout.readline()
    assert line.startswith("{"), line + owner.stdout.read()
    facts: dict[str, str] = json.loads(line)
    return facts


def children_of(var: Path) -> list[psutil.Process]:
    """All that the owner has started, and what that has started in turn."""
    listed = [psutil.Process(entry["pid"]) for entry in json.loads((var / "children.json").read_text())]
    return [process for leader in listed for process in (leader, *leader.children(recursive=True))]


def is_gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedStack]:
    async with EmbeddedStack(EmbeddedSettings.for_tests(tmp_path_factory.mktemp("stack"))) as stack:
        yield stack


async def test_both_servers_answer_at_the_addresses_given(stack: EmbeddedStack) -> None:
    with connect(stack.database_url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    await Client.connect(stack.temporal_address)


async def test_the_ui_answers_where_one_is_wanted(var: Path) -> None:
    settings = EmbeddedSettings(var=var, temporal_port=0, temporal_ui_port=0, throwaway=True)
    async with EmbeddedStack(settings) as stack:
        assert stack.temporal_ui_url is not None
        port = int(stack.temporal_ui_url.rpartition(":")[2])
        assert await accepts_connections(LOOPBACK, port)


async def test_a_killed_postgres_comes_back_with_what_was_committed(stack: EmbeddedStack) -> None:
    with connect(stack.database_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    stack.kill("postgres")
    await stack.supervisor.until_running("postgres")
    with connect(stack.database_url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


async def test_a_killed_temporal_comes_back_at_the_same_address_with_its_workflows(
    stack: EmbeddedStack,
) -> None:
    client = await Client.connect(stack.temporal_address)
    await client.start_workflow("PairWorkflow", id="pair/x/1", task_queue="none")
    stack.kill("temporal")
    await stack.supervisor.until_running("temporal")
    again = await Client.connect(stack.temporal_address)
    assert (await again.get_workflow_handle("pair/x/1").describe()).id == "pair/x/1"


async def test_one_more_child_is_run_beside_them(stack: EmbeddedStack) -> None:
    port = choose_port(0, "unused")
    server = (sys.executable, "-m", "http.server", "--bind", LOOPBACK, str(port))
    await stack.add(Child(name="gateway", argv=server, is_ready=partial(accepts_connections, LOOPBACK, port)))
    assert [status.name for status in stack.states()] == ["postgres", "temporal", "gateway"]
    assert await accepts_connections(LOOPBACK, port)
    await stack.supervisor.stop("gateway")


async def test_a_stopped_stack_leaves_neither_process_nor_data(var: Path, processes_naming: Naming) -> None:
    async with EmbeddedStack(EmbeddedSettings.for_tests(var)):
        assert processes_naming(var)
    assert not processes_naming(var)
    assert not (var / "postgres").exists()
    assert not (var / "temporal.db").exists()


async def test_a_failed_start_leaves_no_process(var: Path, processes_naming: Naming) -> None:
    settings = EmbeddedSettings(var=var, temporal_port=0, temporal_bin=Path("/bin/false"), throwaway=True)
    with pytest.raises(ChildFailed, match="temporal ended with exit code 1"):
        await EmbeddedStack(settings).start()
    assert not processes_naming(var)


async def test_a_port_in_use_is_refused_by_its_setting(
    var: Path, stack: EmbeddedStack, tmp_path: Path
) -> None:
    taken = int(stack.temporal_address.rpartition(":")[2])
    settings = EmbeddedSettings(var=tmp_path, database_url=stack.database_url, temporal_port=taken)
    with pytest.raises(PortInUse, match=rf"{taken} .*\(temporal\).*ACCORD_TEMPORAL_PORT"):
        await EmbeddedStack(settings).start()


async def test_what_runs_elsewhere_is_used_and_not_started(stack: EmbeddedStack, tmp_path: Path) -> None:
    elsewhere = EmbeddedSettings(
        var=tmp_path,
        database_url=stack.database_url,
        temporal_address=stack.temporal_address,
        temporal_ui_url="http://temporal.example",
    )
    async with EmbeddedStack(elsewhere) as second:
        assert second.states() == ()
        assert second.database_url == stack.database_url
        assert second.temporal_address == stack.temporal_address
        assert second.temporal_ui_url == "http://temporal.example"


async def test_what_should_run_elsewhere_but_does_not_is_named(tmp_path: Path) -> None:
    settings = EmbeddedSettings(var=tmp_path, database_url="postgresql+psycopg://nobody@127.0.0.1:1/none")
    with pytest.raises(Unreachable, match="ACCORD_DATABASE_URL"):
        await EmbeddedStack(settings).start()


def test_addresses_are_not_guessed_before_the_start(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="isn't started"):
        _ = EmbeddedStack(EmbeddedSettings(var=tmp_path)).temporal_address


async def test_a_killed_owner_leaves_no_process_and_its_data_to_the_next(
    var: Path, own_stack: OwnStack, eventually: Eventually, processes_naming: Naming
) -> None:
    owner = own_stack(var)
    with connect(first_words_of(owner)["database"]) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    children = children_of(var)
    owner.kill()
    next_owner = own_stack(var)
    with connect(first_words_of(next_owner)["database"]) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    assert all(is_gone(child) for child in children)
    next_owner.kill()
    await eventually(lambda: not processes_naming(var))


async def test_an_interrupted_owner_stops_its_stack_itself(
    var: Path, own_stack: OwnStack, processes_naming: Naming
) -> None:
    owner = own_stack(var, "--throwaway")
    first_words_of(owner)
    owner.send_signal(signal.SIGINT)
    owner.wait(timeout=30)
    assert not processes_naming(var)


async def test_a_second_start_is_refused_by_the_pid_of_the_first(var: Path, own_stack: OwnStack) -> None:
    owner = own_stack(var, "--throwaway")
    first_words_of(owner)
    with pytest.raises(AlreadyRunning, match=f"{var} is in use by process {owner.pid}"):
        await EmbeddedStack(EmbeddedSettings.for_tests(var)).start()


@pytest.fixture
def ordinary_user(var: Path) -> UnixUser:
    """Somebody who isn't root, and owns the directory: ourselves, unless we are root."""
    if os.geteuid() != 0:
        return UnixUser(os.geteuid(), os.getegid())
    nobody = pwd.getpwnam("nobody")
    os.chown(var, nobody.pw_uid, nobody.pw_gid)
    return UnixUser(nobody.pw_uid, nobody.pw_gid)


def python_for(user: UnixUser) -> str:
    """A Python like ours that this user may run; root's own may lie below /root."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    candidates = (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}")
    usable = (
        [python for python in candidates if user.can_use(Path(python))] if os.geteuid() == 0 else candidates
    )
    if not usable:
        pytest.skip(f"no {version} on this machine that user {user.uid} may run")
    return usable[0]


async def test_an_ordinary_user_can_own_a_stack(
    var: Path, ordinary_user: UnixUser, own_stack: OwnStack, eventually: Eventually, processes_naming: Naming
) -> None:
    owner = own_stack(var, "--throwaway", user=ordinary_user, python=python_for(ordinary_user))
    facts = first_words_of(owner)
    assert {child.uids().real for child in children_of(var)} == {ordinary_user.uid}
    children = children_of(var)
    owner.kill()
    await eventually(lambda: not processes_naming(var) and all(is_gone(child) for child in children))
    assert facts["temporal"].startswith(LOOPBACK)
