"""`accord up` as people start it: a process of its own."""

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from gateway.stack_file import read_stack
from tests.gateway.house import eventually

pytestmark = pytest.mark.stack

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def var() -> Iterator[Path]:
    """A short path that every user may enter, unlike pytest's own: PostgreSQL runs as another one."""
    folder = Path(tempfile.mkdtemp(prefix="accord-up-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


async def start(var: Path, **variables: str) -> asyncio.subprocess.Process:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ACCORD_")}
    ports = {"ACCORD_TEMPORAL_PORT": "0", "ACCORD_TEMPORAL_UI_PORT": "none", "ACCORD_GATEWAY_PORT": "0"}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "gateway.cli", "up"),
        cwd=CHECKOUT,
        env={**kept, **ports, "ACCORD_VAR": str(var), **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def ended(process: asyncio.subprocess.Process) -> tuple[int, str]:
    told, _ = await asyncio.wait_for(process.communicate(), 90)
    assert process.returncode is not None
    return process.returncode, told.decode()


async def test_one_command_runs_everything_and_leaves_nothing(var: Path) -> None:
    up = await start(var)
    try:

        async def is_up() -> bool:
            assert up.returncode is None, (await ended(up))[1]
            return read_stack(var) is not None

        await eventually(is_up, seconds=100)
        stack = read_stack(var)
        assert stack is not None
        assert stack.gateway_url is not None
        async with httpx.AsyncClient(base_url=stack.gateway_url, trust_env=False) as client:
            assert (await client.get("/ready")).status_code == 200

        code, text = await ended(await start(var))
        assert (code, f"in use by process {up.pid}" in text, "Traceback" in text) == (1, True, False)
        family = psutil.Process(up.pid).children(recursive=True)
    finally:
        up.send_signal(signal.SIGTERM)
        code, text = await ended(up)
    assert (code, "Accord runs" in text) == (0, True)
    assert not [process for process in family if process.is_running()]
    assert read_stack(var) is None


async def test_a_gateways_port_in_use_is_one_message(var: Path) -> None:
    taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    code, text = await ended(await start(var, ACCORD_GATEWAY_PORT=str(port)))
    taken.close()
    assert (code, f"port {port}" in text, "ACCORD_GATEWAY_PORT" in text) == (1, True, True)
    assert "Traceback" not in text


async def test_a_missing_secret_is_told_before_anything_starts(var: Path, tmp_path: Path) -> None:
    connections = tmp_path / "connections.yaml"
    connections.write_text("left: {system: memory, user: '${env:NO_SUCH_SECRET}'}\n")
    code, text = await ended(await start(var, ACCORD_CONNECTIONS_FILE=str(connections)))
    assert (code, "NO_SUCH_SECRET" in text) == (1, True)
    assert not (var / "owner.lock").exists()
