"""One owner per directory: a locked file that names its process."""

import asyncio
import fcntl
import os
import time
from datetime import timedelta
from pathlib import Path

from embedded.errors import AlreadyRunning
from embedded.owned_process import birth, is_alive

PATIENCE = timedelta(seconds=60)
"""How long a start waits for the watchdog of a killed owner: longer than the graces of all children together."""

POLL = timedelta(milliseconds=50)


class Ownership:
    """The right to start children below a directory, held until released or until this process ends.

    The lock is flock's, so the kernel gives it back however the owner ends; the pid in the file is for people.
    """

    def __init__(self, lock_file: Path) -> None:
        self._path = lock_file
        self.descriptor = -1

    async def acquire(self) -> None:
        """Become the owner; wait while the watchdog of a killed owner still tidies up.

        Raises:
            AlreadyRunning: Another process owns the directory; the message names its pid.
        """
        self.descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            await self._wait_for_lock()
        except BaseException:
            self.release()
            raise
        os.truncate(self.descriptor, 0)
        os.pwrite(self.descriptor, f"{os.getpid()} {birth(os.getpid())}\n".encode(), 0)

    def release(self) -> None:
        """Give the directory back; safe to call twice."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    async def _wait_for_lock(self) -> None:
        deadline = time.monotonic() + PATIENCE.total_seconds()
        while not self._is_locked_by_us():
            self._refuse_if_owner_lives()
            if time.monotonic() > deadline:
                raise AlreadyRunning(
                    f"{self._path.parent}: its last owner is gone, but after {PATIENCE.seconds} s its watchdog still "
                    f"holds {self._path}; see the watchdog's log there, or choose another directory (ACCORD_VAR)"
                )
            await asyncio.sleep(POLL.total_seconds())

    def _is_locked_by_us(self) -> bool:
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _refuse_if_owner_lives(self) -> None:
        pid, created = self._owner()
        if is_alive(pid, created):
            raise AlreadyRunning(
                f"{self._path.parent} is in use by process {pid}; stop that one, or choose another directory "
                "(ACCORD_VAR)"
            )

    def _owner(self) -> tuple[int, float]:
        # Empty for the instant between another process's lock and its pid: nobody to name, so look again.
        pid, created = (self._path.read_text().split() or ["0", "0"])[:2]
        return int(pid), float(created)
