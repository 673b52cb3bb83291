"""Directories for stacks, a stack in a process of its own, and a look at processes from outside."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import psutil
import pytest

from embedded.postgres_home import make_home
from embedded.temporal import find_temporal
from embedded.unix_user import UnixUser, run_as

ROOT = Path(__file__).parents[2]
RUN_STACK = Path(__file__).with_name("run_stack.py")

Eventually = Callable[[Callable[[], object]], Awaitable[None]]
OwnStack = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def var() -> Iterator[Path]:
    """A stack's directory with a short path that every user may enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="accord-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def closed_var(tmp_path: Path) -> Iterator[Path]:
    """A stack's directory below one that only we may enter: pytest's own, like /root."""
    folder = tmp_path / "var"
    folder.mkdir()
    yield folder
    _delete_home(folder)


@pytest.fixture
def long_var(var: Path) -> Iterator[Path]:
    """A stack's directory whose path is too long for a socket."""
    folder = var / ("long" * 25)
    folder.mkdir()
    yield folder
    _delete_home(folder)


def _delete_home(var: Path) -> None:
    for made in make_home(var).folders:
        shutil.rmtree(made)


@pytest.fixture
def eventually() -> Eventually:
    """Waits for a claim to come true, with a deadline instead of a fixed sleep."""

    async def wait(claim: Callable[[], object], seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not claim():
            assert time.monotonic() < deadline, f"not within {seconds} s"
            await asyncio.sleep(0.02)

    return wait


@pytest.fixture
def processes_naming() -> Callable[[object], list[int]]:
    """Living processes, other than this one, with a word in their command line or working directory."""
    return lambda word: [
        p.pid for p in psutil.process_iter() if p.pid != os.getpid() and _names(p, str(word))
    ]


def _names(process: psutil.Process, word: str) -> bool:
    try:
        alive = process.status() != psutil.STATUS_ZOMBIE
        return alive and word in " ".join([*process.cmdline(), process.cwd()])
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


@pytest.fixture
def own_stack() -> Iterator[OwnStack]:
    """Starts `run_stack.py` for a directory, as the given user; killed at the end if the test hasn't."""
    owners: list[subprocess.Popen[str]] = []

    def start(
        var: Path, *options: str, user: UnixUser | None = None, python: str = sys.executable
    ) -> subprocess.Popen[str]:
        owner = subprocess.Popen(  # noqa: S603  our own program
            [python, RUN_STACK, *options],
            cwd=ROOT,
            env=_environment(var),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **run_as(None if os.geteuid() else user),
        )
        owners.append(owner)
        return owner

    yield start
    for owner in owners:
        owner.kill()
        owner.communicate()


def _environment(var: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ACCORD_")}
    packages = Path(psutil.__file__).parents[1]
    return inherited | {
        "PYTHONPATH": f"{ROOT}:{packages}",  # by which another Python than the environment's own finds them
        "PYTHONDONTWRITEBYTECODE": "1",
        "ACCORD_VAR": str(var),
        "ACCORD_TEMPORAL_BIN": str(find_temporal(None)),
        "ACCORD_TEMPORAL_PORT": "0",
        "ACCORD_TEMPORAL_UI_PORT": "none",
    }
