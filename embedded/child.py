"""A child to run, and how it is brought to life so that it can't escape."""

import contextlib
import signal
import subprocess
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from embedded.unix_user import UnixUser, run_as

Probe = Callable[[], Awaitable[bool]]
"""Answers whether the child does its work by now. Asked again and again, so it's quick; an OSError counts as no."""

GATE = 'read -r go && exec "$@" </dev/null'
"""The child's first program: waits for a line, then becomes the child, under the same pid."""


async def at_once() -> bool:
    """The probe of a child that needs none."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """What to run, when it is ready, and how to stop it.

    Attributes:
        argv: Program and arguments.
        is_ready: Probe; `ready_within` bounds how long it may take to say yes.
        env: The whole environment; None hands on ours.
        user: None runs it as ourselves; only root can name another.
        stop_signal: Asks for a clean end; SIGKILL follows after `grace`.
    """

    name: str
    argv: tuple[str, ...]
    is_ready: Probe = at_once
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    user: UnixUser | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    grace: timedelta = field(default=timedelta(seconds=10))
    ready_within: timedelta = field(default=timedelta(seconds=30))


def fork(child: Child, log_file: Path) -> subprocess.Popen[bytes]:
    """Make the process, but let it wait at the gate: it must be on the roster before it may run.

    If we are killed before `let_go`, the gate reads end-of-file and the process ends by itself; afterwards the
    watchdog knows it. So there is no instant at which a child could be left behind.
    """
    with log_file.open("ab") as log:
        return subprocess.Popen(  # noqa: S603  the caller's own program
            ["/bin/sh", "-c", GATE, child.name, *child.argv],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env=child.env,
            cwd=child.cwd,
            start_new_session=True,  # Ctrl-C reaches us only, and we stop the children in order
            **run_as(child.user),
        )


def let_go(process: subprocess.Popen[bytes]) -> None:
    """Open the gate: the process becomes the child."""
    assert process.stdin is not None
    with (
        contextlib.suppress(BrokenPipeError),
        process.stdin as gate,
    ):  # it died at the gate: the caller will see
        gate.write(b"go\n")
