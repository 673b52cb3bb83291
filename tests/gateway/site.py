"""Two plain systems over HTTP, a worker, and the command line as an operator uses it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from gateway import cli
from integrations.settings import read_settings
from lab.systems.process import LabSystem
from worker import run as work


@dataclass(frozen=True, slots=True)
class Site:
    """Two systems, a worker, and the command line."""

    left: LabSystem
    right: LabSystem
    capture: pytest.CaptureFixture[str]

    async def accord(self, *words: str) -> tuple[int, str]:
        self.capture.readouterr()
        code = await asyncio.to_thread(cli.run, words)
        told = self.capture.readouterr()
        return code, told.out + told.err

    async def twins(self, number: str, summary: str = "Printer") -> None:
        await self.left.control.create("ticket", {"number": number, "title": "Printer", "priority": "2"})
        await self.right.control.create("issue", {"ref": number, "summary": summary})

    async def summaries(self) -> list[Any]:
        return [issue.fields["summary"] for issue in await self.right.control.records("issue")]


@asynccontextmanager
async def a_site(
    declaration: str, environment: dict[str, str], folder: Path, capture: pytest.CaptureFixture[str]
) -> AsyncIterator[Site]:
    """Two plain systems; the declaration is applied and a worker runs. `environment` names database and Temporal."""
    async with (
        await LabSystem.start("plain", "left", folder) as left,
        await LabSystem.start("plain", "right", folder) as right,
    ):
        connections = (
            f"left: {{system: plain, url: '{left.url}', token: lab}}\n"
            f"right: {{system: plain, url: '{right.url}', token: lab}}\n"
        )
        async with at_work(Site(left, right, capture), declaration, connections, environment, folder) as made:
            yield made


@asynccontextmanager
async def at_work(
    site: Site, declaration: str, connections: str, environment: dict[str, str], folder: Path
) -> AsyncIterator[Site]:
    """The declaration is applied in this folder, and a worker runs."""
    (folder / "tickets.yaml").write_text(declaration)
    (folder / "connections.yaml").write_text(connections)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, value in {**environment, "ACCORD_TASK_QUEUE": uuid4().hex}.items():
            patch.setenv(name, value)
        stop = asyncio.Event()
        working = asyncio.create_task(work(read_settings(), stop))
        code, told = await site.accord("apply", "tickets.yaml")
        assert code == 0, told
        yield site
        stop.set()
        await working
