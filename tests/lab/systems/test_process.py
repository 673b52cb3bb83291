"""A simulated system as a process: what it keeps and when it ends."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from time import monotonic

import httpx
import pytest

from lab.systems.faults import Fault
from lab.systems.outbox import Subscription
from lab.systems.process import CHECKOUT, LabSystem
from lab.systems.receiver import Receiver

pytestmark = pytest.mark.stack

IDLE = 7
"""Seconds: longer than httpx keeps an idle connection."""

PARENT = """
import asyncio, sys
from pathlib import Path
from lab.systems.process import LabSystem

async def main():
    system = await LabSystem.start("plain", "orphan", Path(sys.argv[1]))
    print(system.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_state_settings_and_queue_survive_sigkill_at_the_same_address(
    state_dir: Path, receiver: Receiver
) -> None:
    async with await LabSystem.start("plain", "beta", state_dir) as system:
        await system.control.subscribe(Subscription(id="hook", url=receiver.url))
        await system.control.change_settings(skew=30, webhook_hold=True)
        record = await system.control.create("ticket", {"title": "t"})
        url = system.url
        await system.kill()
        await system.restart()
        assert system.url == url
        assert (await system.control.record("ticket", record.id)).record == record
        assert (await system.control.settings())["skew"] == 30
        await system.control.release()
        assert (await receiver.wait_for(1))[0].payload["id"] == record.id


async def test_numbers_go_on_after_a_reset(state_dir: Path) -> None:
    async with await LabSystem.start("plain", "beta", state_dir, {"skew": 5}) as system:
        first = await system.control.create("ticket", {"title": "t"})
        await system.control.arm(Fault(effect="outage"))
        await system.control.change_settings(skew=60)
        await system.control.reset(settings=True)
        second = await system.control.create("ticket", {"title": "t"})
        assert [record.id for record in await system.control.records("ticket")] == [second.id]
        assert second.id != first.id
        assert (await system.control.settings())["skew"] == 5
        assert await system.control.faults() == []


async def test_it_stops_on_request(state_dir: Path) -> None:
    system = await LabSystem.start("plain", "beta", state_dir)
    async with httpx.AsyncClient() as client:
        await client.get(f"{system.url}/capabilities")  # an open connection must not keep it
        await system.stop()
    assert not is_running(system.pid)


async def test_a_connection_that_was_idle_longer_than_clients_keep_it_still_answers(state_dir: Path) -> None:
    async with await LabSystem.start("plain", "beta", state_dir) as system:
        address = httpx.URL(system.url)
        reader, writer = await asyncio.open_connection(address.host, address.port)
        for pause in (0, IDLE):
            await asyncio.sleep(pause)
            writer.write(b"GET /_lab/settings HTTP/1.1\r\nHost: lab\r\n\r\n")
            assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200")
            headers = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(headers.lower().partition(b"content-length:")[2].split()[0]))
        writer.close()


async def test_it_dies_with_a_parent_that_is_killed(state_dir: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(state_dir), cwd=CHECKOUT, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    child = int(await parent.stdout.readline())
    assert is_running(child)
    os.kill(parent.pid, signal.SIGKILL)
    await parent.wait()
    deadline = monotonic() + 20
    while is_running(child):
        assert monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_a_system_that_cannot_start_says_why(state_dir: Path) -> None:
    with pytest.raises(RuntimeError, match="granularity"):
        await LabSystem.start("plain", "beta", state_dir, {"granularity": -1})


def is_running(pid: int) -> bool:
    """Also false for a zombie that nobody has waited for."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"
