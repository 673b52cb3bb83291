"""Starts children in order, keeps them alive, stops them in reverse order, and leaves none behind.

Not even SIGKILL of this process leaves one: see `watchdog.py` (who ends them then) and `child.py` (why there's no
instant at which a child isn't on its list). If the watchdog is killed too, the next owner ends what it finds.
"""

import asyncio
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from embedded.child import Child
from embedded.errors import ChildFailed, SettingRefused
from embedded.guard import ChildState, Guard
from embedded.owned_process import end_all
from embedded.ownership import Ownership
from embedded.roster import Roster
from embedded.watchdog import start_watchdog

POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class ChildStatus:
    """One line of the stack's state, for the CLI."""

    name: str
    state: ChildState
    pid: int | None
    restarts: int
    log_file: Path


class Supervisor:
    """Owns a directory and the children started for it.

    Args:
        var: The directory, made if missing: `owner.lock`, `children.json` and the children's logs in `log/`.
    """

    def __init__(self, var: Path) -> None:
        self.var = var.absolute()
        self._ownership = Ownership(self.var / "owner.lock")
        self._roster_file = self.var / "children.json"
        self._roster = Roster(self._roster_file)
        self._guards: dict[str, Guard] = {}
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._trouble = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Become the owner, end what a killed owner left, and set the watchdog.

        Raises:
            SettingRefused: The directory can't be made or written.
            AlreadyRunning: Another process owns the directory.
        """
        self._make_directory()
        await self._ownership.acquire()
        await asyncio.to_thread(end_all, self._roster.read())
        self._roster.write([])
        self._watchdog = start_watchdog(
            self._roster_file, self._ownership.descriptor, self.log_file("watchdog")
        )

    async def close(self) -> None:
        """Stop all children, the last one first, then give the directory back; safe to call twice."""
        for guard in reversed(self._guards.values()):
            await guard.stop()
        self._guards.clear()
        await self._dismiss_watchdog()
        self._ownership.release()

    async def start(self, child: Child) -> None:
        """Run one more child; return when it is ready. A name stopped before may be started again, in its old place.

        Raises:
            ChildFailed: It ended or wasn't ready in time; the message carries the end of its log.
        """
        await self._new_guard(child).start()

    async def run(self, child: Child) -> None:
        """Run a child that ends by itself, as owned as the others, and wait for it.

        Raises:
            ChildFailed: It ended with anything but 0, or took too long.
        """
        guard = self._new_guard(child)
        try:
            await guard.run_to_end()
        finally:
            await guard.stop()
            del self._guards[child.name]

    async def stop(self, name: str) -> None:
        """Stop one child and leave it stopped."""
        await self._guards[name].stop()
        self._write_roster()

    def kill(self, name: str) -> None:
        """SIGKILL one child, as a crash would; it is restarted like after any other death."""
        self._guards[name].kill()

    async def take_out(self, name: str) -> None:
        """SIGKILL one child and leave it dead, as a machine that is gone would; `bring_back` starts it again."""
        self._guards[name].kill()
        await self.stop(name)

    async def bring_back(self, name: str) -> None:
        """Start a child that was taken out, or stopped; return when it is ready.

        Raises:
            ChildFailed: It ended or wasn't ready in time.
        """
        await self._guards[name].start()

    async def until_running(self, name: str) -> None:
        """Wait until the child does its work (again).

        Raises:
            ChildFailed: It was given up.
        """
        guard = self._guards[name]
        while guard.state is not ChildState.RUNNING:
            if guard.failure is not None:
                raise guard.failure
            await asyncio.sleep(POLL_SECONDS)

    async def first_failure(self) -> ChildFailed:
        """Wait until some child is given up, and say why: the end of a stack that its owner should hear of."""
        await self._trouble.wait()
        return next(guard.failure for guard in self._guards.values() if guard.failure is not None)

    def states(self) -> tuple[ChildStatus, ...]:
        """All children in the order of their start."""
        return tuple(self._status(guard) for guard in self._guards.values())

    def log_file(self, name: str) -> Path:
        """Where a child's output goes."""
        return self.var / "log" / f"{name}.log"

    def _make_directory(self) -> None:
        try:
            (self.var / "log").mkdir(parents=True, exist_ok=True)
            (self.var / "owner.lock").open("a").close()
        except OSError as error:
            raise SettingRefused(
                f"{self.var} can't be used: {error}; choose another directory (ACCORD_VAR)"
            ) from error

    def _new_guard(self, child: Child) -> Guard:
        known = self._guards.get(child.name)
        if known is not None and known.state is not ChildState.STOPPED:
            raise ValueError(f"{child.name} is {known.state}; stop it first")
        self._guards[child.name] = Guard(
            child,
            self.log_file(child.name),
            enlist=self._write_roster,
            on_given_up=self._trouble.set,
        )
        return self._guards[child.name]

    def _write_roster(self) -> None:
        self._roster.write(guard.owned for guard in self._guards.values() if guard.owned is not None)

    def _status(self, guard: Guard) -> ChildStatus:
        return ChildStatus(
            name=guard.child.name,
            state=guard.state,
            pid=guard.owned.pid if guard.owned is not None else None,
            restarts=guard.restarts,
            log_file=self.log_file(guard.child.name),
        )

    async def _dismiss_watchdog(self) -> None:
        if self._watchdog is None:
            return
        self._roster.write([])
        await asyncio.to_thread(self._watchdog.communicate)  # closes its pipe and waits for its end
        self._watchdog = None
