"""`accord demo`, as a person runs it: its own process tree, its own folder, real servers."""

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]

ACCORD = Path(sys.executable).with_name("accord")
SCENARIOS = 6


@pytest.fixture
def var() -> Iterator[Path]:
    """A folder that the unprivileged user of PostgreSQL can enter."""
    folder = Path(tempfile.mkdtemp(prefix="accord-demo-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


async def start(var: Path, *arguments: str) -> asyncio.subprocess.Process:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ACCORD_")},
        "ACCORD_VAR": str(var),
        "ACCORD_GATEWAY_PORT": "0",
        "ACCORD_TEMPORAL_PORT": "0",
        "ACCORD_TEMPORAL_UI_PORT": "0",
    }
    return await asyncio.create_subprocess_exec(
        ACCORD,
        "demo",
        *arguments,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def play(var: Path, *arguments: str) -> tuple[int | None, str]:
    demo = await start(var, *arguments)
    printed, _ = await demo.communicate()
    return demo.returncode, printed.decode()


def left_behind(var: Path) -> list[str]:
    """Command lines of processes that still use this demo's folder."""
    found = (" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"]))
    return [line for line in found if str(var) in line]


async def until_none_is_left(var: Path) -> None:
    async with asyncio.timeout(60):
        while left_behind(var):
            await asyncio.sleep(0.2)


@pytest.mark.parametrize("victim", ["worker", "gateway", "postgres", "temporal"])
async def test_killing_any_part_in_the_middle_of_each_conflict_ends_in_the_same_table(
    var: Path, victim: str
) -> None:
    code, printed = await play(var, "--once", "--kill", victim)

    assert printed.count("✔") == SCENARIOS, printed
    assert code == 0, printed
    await until_none_is_left(var)


async def test_a_killed_demo_goes_on_where_it_was_and_repeats_nothing(var: Path) -> None:
    demo = await start(var, "--once")
    assert demo.stdout is not None
    async with asyncio.timeout(120):
        while "Status divergence" not in (await demo.stdout.readline()).decode():
            continue
    demo.send_signal(signal.SIGKILL)
    await demo.wait()
    await until_none_is_left(var)

    code, printed = await play(var, "--once")

    assert code == 0, printed
    assert printed.count("✔") == SCENARIOS, printed
    assert "INC0010006" in printed, printed  # six incidents for six scenarios, none made twice
    assert "INC0010007" not in printed, printed


async def test_a_person_decides_and_sees_what_came_of_it(var: Path) -> None:
    demo = await start(var)
    assert demo.stdout is not None
    lines = []
    async with asyncio.timeout(180):
        while (
            not (line := (await demo.stdout.readline()).decode())
            .strip()
            .endswith("--side Jira --by YOUR-NAME")
        ):
            lines.append(line)
        override = line.split()[1:-1]
        decision = await asyncio.create_subprocess_exec(
            ACCORD,
            *override,
            "ann",
            env={**os.environ, "ACCORD_VAR": str(var)},
            stdout=asyncio.subprocess.PIPE,
        )
        await decision.communicate()
        while "Nothing waits any more" not in line:
            line = (await demo.stdout.readline()).decode()
            lines.append(line)
    demo.send_signal(signal.SIGINT)
    await demo.communicate()

    told = "".join(lines)
    assert decision.returncode == 0
    assert "Temporal UI" in told
    assert "Jira stands (7 / Done), says a person" in told
    assert demo.returncode == 0
    await until_none_is_left(var)
