import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from embedded.owned_process import OwnedProcess, birth, end, end_all, is_alive

DEAF = "trap '' TERM; echo up; while :; do sleep 0.05; done"
"""Ignores the request to stop."""

PARENT = "sleep 1000 & echo $!; wait"
"""Has a child of its own, and says its pid."""

Shell = Callable[[str], tuple[OwnedProcess, str]]
"""Runs a script and waits for its first line."""


@pytest.fixture
def shell() -> Iterator[Shell]:
    started: list[subprocess.Popen[str]] = []

    def start(script: str) -> tuple[OwnedProcess, str]:
        process = subprocess.Popen(  # noqa: S603  the test's own script
            ["/bin/sh", "-c", script], start_new_session=True, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        first_line = process.stdout.readline()
        return OwnedProcess("shell", process.pid, birth(process.pid), signal.SIGTERM, grace=0.2), first_line

    yield start
    for process in started:
        process.kill()
        process.communicate()


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_process_that_ignores_the_request_is_killed(shell: Shell) -> None:
    deaf, _ = shell(DEAF)
    end(deaf)
    assert is_gone(deaf.pid)


def test_what_a_process_has_started_ends_with_it(shell: Shell) -> None:
    parent, grandchild = shell(PARENT)
    end(parent)
    assert is_gone(int(grandchild))


def test_what_a_dead_process_left_is_ended_too(shell: Shell) -> None:
    parent, grandchild = shell(PARENT)
    psutil.Process(parent.pid).kill()
    end(parent)
    assert is_gone(int(grandchild))


def test_another_process_with_the_same_pid_is_left_alone(shell: Shell) -> None:
    somebody, _ = shell("echo up; exec sleep 1000")
    end(replace(somebody, created=somebody.created - 100))
    assert is_alive(somebody.pid, somebody.created)


def test_the_last_one_started_ends_first(shell: Shell, tmp_path: Path) -> None:
    ends = tmp_path / "ends"
    script = f"trap 'echo %s >> {ends}; exit' TERM; echo up; while :; do sleep 0.02; done"
    end_all([replace(shell(script % name)[0], grace=10.0) for name in ("database", "engine", "worker")])
    assert ends.read_text().split() == ["worker", "engine", "database"]
