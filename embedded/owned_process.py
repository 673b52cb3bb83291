"""A process that we started: how to know it again, and how to end it, from whichever process has to.

The supervisor, its watchdog and the next owner of the directory all end processes with the one function here.
A pid alone is not an identity: the kernel hands it out again, so the time of creation is kept beside it.
"""

import os
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

import psutil

SAME_BIRTH = timedelta(seconds=2)
"""Two readings of one process's creation time differ by what the wall clock was corrected in between."""

POLL = timedelta(milliseconds=20)
AFTER_SIGKILL = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class OwnedProcess:
    """One child, the leader of its own process group.

    Attributes:
        created: Seconds since the epoch, as psutil reads it.
        stop_signal: Asks it to end cleanly.
        grace: Seconds until it is killed instead; plain numbers, because this is kept as JSON.
    """

    name: str
    pid: int
    created: float
    stop_signal: int
    grace: float


def birth(pid: int) -> float:
    """When the process was created, in seconds since the epoch; 0 if it is gone already."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return 0.0


def is_same(pid: int, created: float) -> bool:
    """The pid still belongs to the process that was created then."""
    return abs(birth(pid) - created) <= SAME_BIRTH.total_seconds()


def is_alive(pid: int, created: float) -> bool:
    """That very process still runs; a zombie, which only waits to be reaped, doesn't."""
    try:
        return is_same(pid, created) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def end_all(processes: Iterable[OwnedProcess]) -> None:
    """End them one after the other, the last one started first, so that nobody loses what it stands on."""
    for process in reversed(tuple(processes)):
        end(process)


def end(process: OwnedProcess) -> None:
    """Ask the process to stop, kill it when its grace is over, and kill what is left of its group."""
    if _is_somebody_else(process):
        return
    _ask_to_stop(process)
    _wait_while(lambda: is_alive(process.pid, process.created), process.grace)
    _kill_group(process)
    _wait_while(lambda: _has_living_group(process), AFTER_SIGKILL.total_seconds())


def _is_somebody_else(process: OwnedProcess) -> bool:
    # While one member of a group lives, the kernel gives its id to nobody. So a *foreign* process under our pid
    # proves that our group is gone, and no process at all under it leaves the group safe to kill.
    return psutil.pid_exists(process.pid) and not is_same(process.pid, process.created)


def _ask_to_stop(process: OwnedProcess) -> None:
    if is_alive(process.pid, process.created):
        os.kill(process.pid, process.stop_signal)


def _wait_while(holds: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while holds() and time.monotonic() < deadline:
        time.sleep(POLL.total_seconds())


def _kill_group(process: OwnedProcess) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # macOS answers EPERM for a group of zombies
        return


def _has_living_group(process: OwnedProcess) -> bool:
    return any(_is_living_member(other, process.pid) for other in psutil.process_iter())


def _is_living_member(other: psutil.Process, group: int) -> bool:
    try:
        return os.getpgid(other.pid) == group and other.status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, PermissionError, psutil.NoSuchProcess):
        return False
