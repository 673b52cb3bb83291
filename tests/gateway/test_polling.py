"""From an edit that nobody tells of to the record on the other side: polling, with coarse stamps and a late index."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import pytest
import yaml
from pydantic import SecretStr
from sqlalchemy import select
from temporalio.api.enums.v1 import EventType

from activities.watching import watched
from domain.sides import SIDES, Pair, Side
from gateway.app import beside
from gateway.assembly import Accord, assembled, temporal_client
from gateway.ensuring import ensure_polls, poll_id
from gateway.operations import Operations
from gateway.relay import Relay
from integrations.settings import Settings
from lab.systems.process import LabSystem
from store import integrations, schema
from tests.gateway.house import eventually
from workflows.poll import PollState, PollWorkflow

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]

CHECKOUT = Path(__file__).parents[2]
COARSE = {"feed": "stamps", "feed_step": 3, "granularity": 1, "search_lag": 0.5}
"""Two edits seconds apart can't be told from each other by time, and the index shows both half a second late."""
EVERY = "300ms"


@dataclass(frozen=True, slots=True)
class Deployment:
    """Two systems that send no webhooks, and the gateway's part of Accord; workers are processes of their own."""

    accord: Accord
    systems: Pair[LabSystem]
    names: Pair[str]
    environment: dict[str, str]

    @property
    def operations(self) -> Operations:
        return Operations(self.accord)

    async def create(self, side: Side, **fields: str) -> str:
        return (await self.systems[side].control.create("ticket", dict(fields))).id

    async def edit(self, side: Side, record_id: str, **fields: str) -> None:
        await self.systems[side].control.edit("ticket", record_id, dict(fields))

    async def shows(self, side: Side, record_id: str, **fields: str) -> bool:
        found = (await self.systems[side].control.record("ticket", record_id)).record.fields
        return {name: found[name] for name in fields} == fields

    async def writes(self) -> Pair[int]:
        counts = [await system.control.counts() for system in self.systems]
        return Pair(*[sum(one.get("writes", 0) for one in count["records"].values()) for count in counts])

    async def link(self, a: str, b: str) -> str:
        keys = Pair(f"{self.names.a.upper()}-{a}", f"{self.names.b.upper()}-{b}")
        linked = await self.operations.links.link("tickets", keys, by="ines")
        return linked.pair.id

    async def polls(self) -> list[PollState]:
        handles = [
            self.accord.temporal.get_workflow_handle(poll_id(one))
            for one in await watched(self.accord.context)
        ]
        return [await handle.query(PollWorkflow.ask_state) for handle in handles]

    async def has_polled(self, rounds: int) -> bool:
        return all(state.rounds >= rounds for state in await self.polls())

    async def polled_again(self) -> None:
        """Twice more: whatever was visible before the first of them is heard of."""
        seen = max(state.rounds for state in await self.polls())
        await eventually(lambda: self.has_polled(seen + 3))

    async def told(self) -> list[tuple[str, str | None]]:
        """Record and version of every notice that was ever kept."""
        async with self.accord.database.begin() as tx:
            kept = list(await tx.scalars(select(schema.deliveries.c.notices)))
        return [(f"{n['ref']['connection']}/{n['ref']['id']}", n["version"]) for one in kept for n in one]

    async def signals(self, pair_id: str) -> int:
        handle = self.accord.temporal.get_workflow_handle(f"pair/tickets/{pair_id}")
        kind = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
        return sum(event.event_type == kind for event in (await handle.fetch_history()).events)

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[asyncio.subprocess.Process]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "worker"), cwd=CHECKOUT, env={**os.environ, **self.environment}
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


@pytest.fixture
async def deployment(database_url: str, temporal_address: str, tmp_path: Path) -> AsyncIterator[Deployment]:
    tag = uuid4().hex[:6]
    names = Pair(f"alpha{tag}", f"beta{tag}")
    async with (
        await LabSystem.start("plain", names.a, tmp_path, options=COARSE) as alpha,
        await LabSystem.start("plain", names.b, tmp_path, options=COARSE) as beta,
    ):
        systems = Pair(alpha, beta)
        settings = write_settings(tmp_path, systems, names, database_url, temporal_address)
        async with assembled(settings) as assembled_accord:
            client = await temporal_client(settings, lazy=False)
            accord = replace(assembled_accord, temporal=client)
            async with accord.database.begin() as tx:
                await integrations.apply(tx, "tickets", declared(names), "ines")
            yield Deployment(accord, systems, names, environment_of(settings))
            for one in await watched(accord.context):
                await accord.temporal.get_workflow_handle(poll_id(one)).terminate()


def declared(names: Pair[str]) -> str:
    ends = {side.value: {"connection": names[side], "record_type": "ticket"} for side in SIDES}
    fields = [{"name": "title", "a": "title", "b": "summary"}, {"name": "place", "a": "room", "b": "place"}]
    return yaml.safe_dump({"name": "tickets", **ends, "fields": fields})


def write_settings(
    folder: Path, systems: Pair[LabSystem], names: Pair[str], database_url: str, temporal_address: str
) -> Settings:
    entries = {
        names[side]: {
            "system": "plain",
            "url": systems[side].url,
            "token": "lab",
            "user": "sync",
            "changes": {"mode": "poll", "every": EVERY, "jitter": "50ms", "page": 7, "pause": "10ms"},
        }
        for side in SIDES
    }
    file = folder / "connections.yaml"
    file.write_text(yaml.safe_dump(entries))
    return Settings(
        database_url=SecretStr(database_url),
        temporal_address=temporal_address,
        connections_file=file,
        task_queue=f"test-{uuid4().hex[:8]}",
        sandbox=False,
    )


def environment_of(settings: Settings) -> dict[str, str]:
    return {
        "ACCORD_DATABASE_URL": settings.database_url.get_secret_value() if settings.database_url else "",
        "ACCORD_TEMPORAL_ADDRESS": settings.temporal_address or "",
        "ACCORD_TASK_QUEUE": settings.task_queue,
        "ACCORD_CONNECTIONS_FILE": str(settings.connections_file),
        "ACCORD_SANDBOX": "true",
    }


@asynccontextmanager
async def relaying(deployment: Deployment) -> AsyncIterator[None]:
    relay = Relay(deployment.accord, deployment.operations.signaller)
    async with beside(relay.run()):
        yield


async def test_without_any_webhook_both_sides_stay_in_step_and_our_own_writes_wake_nobody(
    deployment: Deployment,
) -> None:
    a = await deployment.create(Side.A, title="printer", room="1")
    b = await deployment.create(Side.B, summary="printer", place="1")
    async with deployment.worker(), relaying(deployment):
        await ensure_polls(deployment.accord)
        pair_id = await deployment.link(a, b)
        await eventually(lambda: deployment.has_polled(1))
        await deployment.edit(Side.A, a, title="printer on fire")
        await eventually(lambda: deployment.shows(Side.B, b, summary="printer on fire"))
        await deployment.edit(Side.B, b, place="2")
        await eventually(lambda: deployment.shows(Side.A, a, room="2"))
        await deployment.polled_again()
        before = await deployment.signals(pair_id)
        await deployment.polled_again()
        assert await deployment.signals(pair_id) == before
    assert await deployment.writes() == Pair(1, 1)
    told = await deployment.told()
    assert len(told) == len(set(told)), "a version was told twice"


async def test_a_worker_that_is_killed_while_it_polls_misses_no_edit_and_tells_none_twice(
    deployment: Deployment,
) -> None:
    ids = [await deployment.create(Side.A, title="t", room="1") for _ in range(30)]
    async with deployment.worker() as first:
        await ensure_polls(deployment.accord)
        await eventually(lambda: deployment.has_polled(1))
        for record_id in ids:
            await deployment.edit(Side.A, record_id, title="edited")
        await eventually(deployment.told)
        first.send_signal(signal.SIGKILL)
        await first.wait()
    for record_id in ids[:10]:
        await deployment.edit(Side.A, record_id, title="edited while no worker lived")
    wanted = {
        (f"{deployment.names.a}/{record_id}", "3" if n < 10 else "2") for n, record_id in enumerate(ids)
    }

    async def all_told() -> bool:
        return wanted <= set(await deployment.told())

    async with deployment.worker():
        await eventually(all_told)
        await deployment.polled_again()
    told = await deployment.told()
    assert len(told) == len(set(told)), "a version was told twice"
