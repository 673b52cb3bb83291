"""The process that outlives a killed owner just long enough to end its children.

It holds the read end of a pipe. Whatever ends the owner, SIGKILL included, closes the write end; then the watchdog
ends everything on the roster, in reverse order. It also holds the owner's lock meanwhile, so that a new start waits
for it instead of meeting half-stopped servers.
"""

import signal
import subprocess
import sys
from pathlib import Path

from embedded.owned_process import end_all
from embedded.roster import Roster

IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C and a stopping service manager reach the whole group; only the end of the owner may end the watchdog."""


def start_watchdog(roster: Path, lock: int, log_file: Path) -> subprocess.Popen[bytes]:
    """Start one for this process; closing the result's `stdin` tells it that the owner is gone.

    Args:
        roster: The file that lists what to end.
        lock: File descriptor of the owner's lock, which the watchdog shares.
        log_file: Where a failure of the watchdog itself is written.
    """
    with log_file.open("ab") as log:
        return subprocess.Popen(  # noqa: S603  our own module, by this interpreter
            [sys.executable, "-m", "embedded.watchdog", str(roster)],
            cwd=Path(__file__).parents[1],  # where `embedded` is found, installed or not
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=(lock,),
        )


def watch(roster: Roster) -> None:
    """Wait for the owner's end, then end what it left."""
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    end_all(roster.read())
    roster.write([])


if __name__ == "__main__":
    watch(Roster(Path(sys.argv[1])))
