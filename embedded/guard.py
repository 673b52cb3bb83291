"""One child and its fate: started, watched, brought back when it dies, given up when it dies too often."""

import asyncio
import contextlib
import subprocess
import time
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from embedded.child import Child, fork, let_go
from embedded.errors import ChildFailed
from embedded.logs import last_lines, rotate
from embedded.owned_process import OwnedProcess, birth, end

TRIES = 5
STABLE_AFTER = timedelta(minutes=1)
"""A child that lived this long has recovered: its tries count from nought again."""

FIRST_PAUSE = timedelta(milliseconds=200)
POLL = timedelta(milliseconds=50)


class ChildState(StrEnum):
    """Where a child stands; the words that an operator sees."""

    STARTING = "starting"
    RUNNING = "running"
    RESTARTING = "restarting"
    GIVEN_UP = "given up"
    STOPPED = "stopped"


class Guard:
    """Keeps one child alive.

    Args:
        child: What to run.
        log_file: Takes its output, after what earlier runs left there.
        enlist: Called when the process exists and before it runs, so that it gets onto the roster.
        on_given_up: Called once, when the child has died too often; `failure` says why.
    """

    def __init__(
        self,
        child: Child,
        log_file: Path,
        *,
        enlist: Callable[[], None],
        on_given_up: Callable[[], None],
    ) -> None:
        self.child = child
        self.state = ChildState.STOPPED
        self.restarts = 0
        self.failure: ChildFailed | None = None
        self.owned: OwnedProcess | None = None
        self._log_file = log_file
        self._enlist = enlist
        self._on_given_up = on_given_up
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Run the child, return when it is ready, and keep it alive from then on.

        Raises:
            ChildFailed: It ended, or wasn't ready in time; it isn't tried again.
        """
        self.state = ChildState.STARTING
        rotate(self._log_file)
        try:
            await self._launch()
        except ChildFailed:
            await self.stop()
            raise
        self._keeper = asyncio.create_task(self._keep_alive(), name=f"keep {self.child.name} alive")

    async def run_to_end(self) -> None:
        """Run the child once, until it ends by itself.

        Raises:
            ChildFailed: It ended with anything but 0, or took longer than its `ready_within`.
        """
        self._fork()
        try:
            async with asyncio.timeout(self.child.ready_within.total_seconds()):
                await self._exit()
        except TimeoutError:
            raise self._failed(f"did not end within {self.child.ready_within.total_seconds():g} s") from None
        if self._running.returncode != 0:
            raise self._failed(self._how_it_ended())

    async def stop(self) -> None:
        """End the child and let it rest; safe to call twice."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
        await self._end()
        self.state = ChildState.STOPPED

    def kill(self) -> None:
        """End it by SIGKILL, as a crash would; it comes back like after any other death."""
        self._running.kill()
        self.state = ChildState.RESTARTING

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise ValueError(f"{self.child.name} is not running")
        return self._process

    async def _keep_alive(self) -> None:
        """Bring the child back each time it dies, until it has died too often."""
        tries = 0
        while tries <= TRIES:
            born = time.monotonic()
            await self._exit()
            lived = time.monotonic() - born
            tries = 1 if lived >= STABLE_AFTER.total_seconds() else tries + 1
            await self._bring_back(tries)

    async def _bring_back(self, tries: int) -> None:
        if tries > TRIES:
            self._give_up()
            return
        self.state = ChildState.RESTARTING
        self.restarts += 1
        await self._end()  # what the dead child's own children still hold, a port say, would be in the way
        await asyncio.sleep(FIRST_PAUSE.total_seconds() * 2 ** (tries - 1))
        with contextlib.suppress(ChildFailed):  # the loop meets the dead process and counts the next try
            await self._launch()

    def _give_up(self) -> None:
        self.state = ChildState.GIVEN_UP
        self.failure = self._failed(f"did not stay up after {TRIES} restarts ({self._how_it_ended()})")
        self._on_given_up()

    async def _launch(self) -> None:
        self._fork()
        try:
            async with asyncio.timeout(self.child.ready_within.total_seconds()):
                await self._until_ready()
        except TimeoutError:
            await self._end()
            raise self._failed(
                f"was not ready within {self.child.ready_within.total_seconds():g} s"
            ) from None
        self.state = ChildState.RUNNING

    def _fork(self) -> None:
        try:
            self._process = fork(self.child, self._log_file)
        except OSError as error:
            raise self._failed(f"can't be started: {error}") from error
        self.owned = OwnedProcess(
            name=self.child.name,
            pid=self._process.pid,
            created=birth(self._process.pid),
            stop_signal=self.child.stop_signal,
            grace=self.child.grace.total_seconds(),
        )
        self._enlist()
        let_go(self._process)

    async def _until_ready(self) -> None:
        while self._running.poll() is None:
            if await self._is_ready():
                return
            await asyncio.sleep(POLL.total_seconds())
        raise self._failed(self._how_it_ended())

    async def _is_ready(self) -> bool:
        try:
            return await self.child.is_ready()
        except OSError:
            return False

    async def _exit(self) -> None:
        # Polled, because asyncio's own subprocesses can't change the user under uvloop.
        while self._running.poll() is None:  # noqa: ASYNC110  a process sets no asyncio.Event
            await asyncio.sleep(POLL.total_seconds())

    async def _end(self) -> None:
        if self.owned is None:
            return
        await asyncio.to_thread(end, self.owned)
        self._running.wait()
        self.owned = None

    def _how_it_ended(self) -> str:
        code = self._running.returncode
        return f"ended by signal {-code}" if code < 0 else f"ended with exit code {code}"

    def _failed(self, reason: str) -> ChildFailed:
        return ChildFailed(self.child.name, reason, self._log_file, last_lines(self._log_file))
