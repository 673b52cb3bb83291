import os
import signal
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from embedded import guard
from embedded.child import Child, fork
from embedded.errors import AlreadyRunning, ChildFailed, SettingRefused
from embedded.guard import ChildState
from embedded.supervisor import ChildStatus, Supervisor

pytestmark = pytest.mark.stack


def shell(name: str, script: str, ready_file: Path | None = None, ready_within: float = 10) -> Child:
    async def is_ready() -> bool:
        return ready_file is None or ready_file.exists()  # noqa: ASYNC240  one look at a local file

    return Child(
        name=name,
        argv=("/bin/sh", "-c", script),
        is_ready=is_ready,
        ready_within=timedelta(seconds=ready_within),
    )


def sleeper(name: str) -> Child:
    return shell(name, "exec sleep 1000")


def state_of(supervisor: Supervisor, name: str) -> ChildStatus:
    return next(status for status in supervisor.states() if status.name == name)


def pid_of(supervisor: Supervisor, name: str) -> int:
    pid = state_of(supervisor, name).pid
    assert pid is not None
    return pid


@pytest.fixture
async def supervisor(tmp_path: Path) -> AsyncIterator[Supervisor]:
    async with Supervisor(tmp_path) as supervisor:
        yield supervisor


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "FIRST_PAUSE", timedelta(milliseconds=1))


async def test_a_child_counts_as_started_when_it_is_ready(supervisor: Supervisor, tmp_path: Path) -> None:
    await supervisor.start(
        shell("worker", f"sleep 0.2; touch {tmp_path}/up; exec sleep 1000", tmp_path / "up")
    )
    assert (tmp_path / "up").exists()
    assert state_of(supervisor, "worker").state is ChildState.RUNNING


async def test_a_child_that_ends_at_once_is_reported_with_its_last_words(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    with pytest.raises(
        ChildFailed, match=r"worker ended with exit code 3; its log, .*worker.log.*\n  no such queue"
    ):
        await supervisor.start(shell("worker", "echo no such queue >&2; exit 3", tmp_path / "never"))


async def test_a_child_that_is_not_ready_in_time_is_ended(supervisor: Supervisor, tmp_path: Path) -> None:
    with pytest.raises(ChildFailed, match=r"worker was not ready within 0.2 s"):
        await supervisor.start(shell("worker", "exec sleep 1000", tmp_path / "never", ready_within=0.2))
    assert state_of(supervisor, "worker").pid is None


async def test_a_name_that_failed_can_be_tried_again(supervisor: Supervisor, tmp_path: Path) -> None:
    with pytest.raises(ChildFailed):
        await supervisor.start(shell("worker", "exit 1", tmp_path / "never"))
    await supervisor.start(sleeper("worker"))
    assert state_of(supervisor, "worker").state is ChildState.RUNNING


async def test_a_program_that_does_not_exist_is_named(supervisor: Supervisor, tmp_path: Path) -> None:
    with pytest.raises(ChildFailed, match=r"worker ended with exit code 127.*\n.*no-such-program"):
        await supervisor.start(
            Child(
                name="worker", argv=("no-such-program",), is_ready=shell("x", "", tmp_path / "never").is_ready
            )
        )


async def test_a_child_that_cannot_be_started_at_all_is_named(supervisor: Supervisor, tmp_path: Path) -> None:
    with pytest.raises(ChildFailed, match=r"worker can't be started: .*missing"):
        await supervisor.start(Child(name="worker", argv=("true",), cwd=tmp_path / "missing"))


async def test_a_running_name_is_not_started_twice(supervisor: Supervisor) -> None:
    await supervisor.start(sleeper("worker"))
    with pytest.raises(ValueError, match="worker is running"):
        await supervisor.start(sleeper("worker"))


async def test_a_killed_child_comes_back(supervisor: Supervisor) -> None:
    await supervisor.start(sleeper("worker"))
    killed = pid_of(supervisor, "worker")
    supervisor.kill("worker")
    await supervisor.until_running("worker")
    assert pid_of(supervisor, "worker") != killed
    assert state_of(supervisor, "worker").restarts == 1


async def test_a_child_that_was_taken_out_stays_dead_until_it_is_brought_back(supervisor: Supervisor) -> None:
    await supervisor.start(sleeper("worker"))
    killed = pid_of(supervisor, "worker")
    await supervisor.take_out("worker")
    assert not psutil.pid_exists(killed)
    assert state_of(supervisor, "worker").state is ChildState.STOPPED
    await supervisor.bring_back("worker")
    assert state_of(supervisor, "worker").state is ChildState.RUNNING


async def test_a_child_that_keeps_dying_is_given_up_with_its_reason(
    supervisor: Supervisor, short_pauses: None, tmp_path: Path
) -> None:
    once = (
        f"if [ -e {tmp_path}/ran ]; then echo bad config; exit 4; fi; touch {tmp_path}/ran; exec sleep 1000"
    )
    await supervisor.start(shell("worker", once, tmp_path / "ran"))
    supervisor.kill("worker")
    failure = await supervisor.first_failure()
    assert "did not stay up after 5 restarts (ended with exit code 4)" in str(failure)
    assert "bad config" in str(failure)
    assert state_of(supervisor, "worker").state is ChildState.GIVEN_UP
    with pytest.raises(ChildFailed):
        await supervisor.until_running("worker")


async def test_a_child_that_was_stable_gets_all_its_tries_again(
    supervisor: Supervisor, short_pauses: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "STABLE_AFTER", timedelta(0))
    await supervisor.start(sleeper("worker"))
    for _ in range(guard.TRIES + 2):
        supervisor.kill("worker")
        await supervisor.until_running("worker")
    assert state_of(supervisor, "worker").restarts == guard.TRIES + 2


async def test_children_stop_in_reverse_order(tmp_path: Path) -> None:
    ends = tmp_path / "ends"
    async with Supervisor(tmp_path) as supervisor:
        for name in ("postgres", "temporal", "worker"):
            up = tmp_path / f"{name}.up"
            script = f"trap 'echo {name} >> {ends}; exit' TERM; touch {up}; while :; do sleep 0.02; done"
            await supervisor.start(shell(name, script, up))
    assert ends.read_text().split() == ["worker", "temporal", "postgres"]


async def test_a_stopped_child_stays_stopped_and_can_be_started_again_in_its_place(
    supervisor: Supervisor,
) -> None:
    await supervisor.start(sleeper("postgres"))
    await supervisor.start(sleeper("worker"))
    await supervisor.stop("postgres")
    assert state_of(supervisor, "postgres").state is ChildState.STOPPED
    await supervisor.start(sleeper("postgres"))
    assert [status.name for status in supervisor.states()] == ["postgres", "worker"]


async def test_a_child_run_to_its_end_leaves_no_trace_but_its_log(supervisor: Supervisor) -> None:
    await supervisor.run(shell("initdb", "echo made"))
    assert supervisor.states() == ()
    assert supervisor.log_file("initdb").read_text() == "made\n"


async def test_a_child_run_to_its_end_must_end_well_and_in_time(supervisor: Supervisor) -> None:
    with pytest.raises(ChildFailed, match="initdb ended with exit code 1"):
        await supervisor.run(shell("initdb", "exit 1"))
    with pytest.raises(ChildFailed, match=r"initdb did not end within 0\.1 s"):
        await supervisor.run(shell("initdb", "exec sleep 1000", ready_within=0.1))


async def test_a_second_owner_is_refused_by_pid(supervisor: Supervisor) -> None:
    with pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"):
        await Supervisor(supervisor.var).open()


async def test_a_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingRefused, match="ACCORD_VAR"):
        await Supervisor(tmp_path / "file" / "var").open()


def test_a_child_whose_owner_dies_before_it_is_on_the_roster_never_runs(tmp_path: Path) -> None:
    process = fork(shell("worker", f"touch {tmp_path}/ran"), tmp_path / "worker.log")
    process.communicate()  # closes the gate's pipe, as our death would
    assert not (tmp_path / "ran").exists()


async def test_the_next_owner_ends_what_a_killed_owner_and_its_killed_watchdog_left(tmp_path: Path) -> None:
    dead = Supervisor(tmp_path)
    await dead.open()
    await dead.start(sleeper("worker"))
    left = dead._guards["worker"]
    _die(dead)
    async with Supervisor(tmp_path):
        assert left._running.wait(timeout=10) == -signal.SIGTERM


def _die(supervisor: Supervisor) -> None:
    """As if owner and watchdog had been killed together: nobody keeps or ends the children, the lock is free."""
    keeper = supervisor._guards["worker"]._keeper
    assert keeper is not None
    keeper.cancel()
    assert supervisor._watchdog is not None
    supervisor._watchdog.kill()
    supervisor._watchdog.communicate()
    supervisor._ownership.release()
