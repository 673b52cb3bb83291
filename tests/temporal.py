"""A real Temporal server for tests: one per run. Tests keep apart by the ids of their pairs and by task queues."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from embedded.ports import choose_port
from embedded.supervisor import Supervisor
from embedded.temporal import TemporalServer, find_temporal


@asynccontextmanager
async def running_temporal() -> AsyncIterator[TemporalServer]:
    """A throw-away server with our search attributes and no UI."""
    var = Path(tempfile.mkdtemp(prefix="accord-temporal-"))
    port = choose_port(0, "the test's port")
    server = TemporalServer(find_temporal(None), var / "temporal.db", port, ui_port=None)
    async with Supervisor(var) as supervisor:
        await supervisor.start(server.child())
        await server.prepare()
        yield server
    shutil.rmtree(var)
