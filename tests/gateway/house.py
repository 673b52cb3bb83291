"""A whole deployment in one process: two in-process systems, a real store, a real Temporal server, a worker, a gateway."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import httpx
import uvicorn
from pydantic import SecretStr
from temporalio.api.enums.v1 import EventType

from connectors.memory.connector import MemoryConnector
from connectors.registry import Connections
from connectors.signatures import sign
from domain.capture import Changes
from domain.records import ChangeNotice
from domain.sides import SIDES, Pair, Side
from gateway.app import build_app
from gateway.assembly import Accord, temporal_client
from gateway.operations import Operations
from gateway.patience import PatientProtocol
from integrations.connections import ConnectionConfig
from integrations.settings import Settings
from store.database import Database
from store.pairs import PairRow
from tests.activities.world import NAME, NAMES, World, declaration, make_world
from worker import build_worker

SECRET = "s3cret"
BY_WEBHOOK = Changes(mode="webhook")
"""So that nothing else tells of a change."""
NOWHERE = "127.0.0.1:1"
"""Nothing listens there."""


async def eventually(claim: Callable[[], Awaitable[object]], seconds: float = 60) -> None:
    """Wait for a claim to come true, with a deadline instead of a fixed sleep."""
    deadline = time.monotonic() + seconds
    while not await claim():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        await asyncio.sleep(0.05)


@dataclass(frozen=True, slots=True)
class House:
    """One deployment."""

    world: World
    accord: Accord
    operations: Operations

    @property
    def database(self) -> Database:
        return self.accord.database

    async def link(self, a: str = "1", b: str = "1") -> PairRow:
        """Link two records by hand, with their workflow started."""
        keys = Pair(self.world.record(Side.A, a).key, self.world.record(Side.B, b).key)
        linked = await self.operations.links.link(NAME, keys, by="ines")
        return await self.operations.pairs.find(linked.pair.id)

    async def linked_in_step(self) -> PairRow:
        """A pair after its first pass."""
        pair = await self.link()
        await eventually(lambda: self.has_passed(pair.id))
        return await self.operations.pairs.find(pair.id)

    async def has_passed(self, pair_id: str) -> bool:
        return (await self.operations.pairs.find(pair_id)).last_pass_at is not None

    async def in_review(self) -> PairRow:
        """A pair of which both sides changed the owner: a person must decide."""
        pair = await self.linked_in_step()
        self.world.edit(Side.A, owner="nora")
        self.world.edit(Side.B, assignee="tess")
        await self.operations.controls.sync(pair.id, by="ines")
        await eventually(lambda: self.operations.reviews.listed(named=pair.id))
        return pair

    def notice(self, side: Side, *, record_id: str = "1", **said: Any) -> ChangeNotice:
        """What a system says of its record as it stands."""
        record = self.world.record(side, record_id)
        given = {"source": "webhook", "version": str(record.version), "delivery_id": uuid4().hex}
        return ChangeNotice(ref=self.world.ref(side, record_id), **{**given, **said})

    async def signals(self, pair: PairRow) -> int:
        """How often the pair's workflow was told of something."""
        return await self._events(pair, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED)

    async def updates(self, pair: PairRow) -> int:
        """How many decisions and wishes the pair's workflow has taken."""
        return await self._events(pair, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED)

    async def _events(self, pair: PairRow, kind: EventType.ValueType) -> int:
        handle = self.accord.temporal.get_workflow_handle(pair.workflow_id)
        return sum(event.event_type == kind for event in (await handle.fetch_history()).events)

    def without_temporal(self, client: Any) -> Accord:
        return replace(self.accord, temporal=client)


@asynccontextmanager
async def a_house(
    database: Database,
    temporal: str,
    source: str | None = None,
    *,
    settings: Pair[dict[str, Any]] | None = None,
    changes: Changes = BY_WEBHOOK,
) -> AsyncIterator[House]:
    """A deployment with one declaration applied and a worker at work; no pair yet."""
    given = settings or Pair({}, {})
    world = make_world(database, given.map(lambda words: {"webhook_secrets": [SECRET], **words}))
    await world.declare(source or declaration())
    async with _accord(world, temporal, changes) as accord, build_worker(accord):
        yield House(world, accord, Operations(accord))


@asynccontextmanager
async def _accord(world: World, temporal: str, changes: Changes) -> AsyncIterator[Accord]:
    opened: dict[str, MemoryConnector] = {NAMES[side]: world.connectors[side] for side in SIDES}
    configs = {
        name: ConnectionConfig(name=name, system="memory", webhook=True, changes=changes) for name in NAMES
    }
    connections = Connections(configs, open=lambda config: opened[config.name])
    settings = Settings(
        database_url=SecretStr("postgresql://in-the-context"),
        temporal_address=temporal,
        temporal_ui_url="http://ui",
        task_queue=f"test-{uuid4().hex[:8]}",
        sandbox=False,
    )
    client = await temporal_client(settings, lazy=False)
    yield Accord(settings, replace(world.context, connections=connections, decide_by_signal=True), client)


# ------------------------------------------------------------------------------------------------------- over HTTP
@asynccontextmanager
async def served(accord: Accord) -> AsyncIterator[httpx.AsyncClient]:
    """The gateway on a port of its own."""

    @asynccontextmanager
    async def given() -> AsyncIterator[Accord]:
        yield accord

    config = uvicorn.Config(build_app(given), port=0, log_config=None, lifespan="on", http=PatientProtocol)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        assert not serving.done(), "the gateway didn't start"
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30
        ) as client:
            yield client
    finally:
        server.should_exit = True
        await serving


def signed(body: bytes, secret: str = SECRET, at: float | None = None) -> dict[str, str]:
    """Headers of the in-process system's webhooks."""
    timestamp = str(int(at or time.time()))
    digits = sign(secret, timestamp.encode() + b"." + body)
    return {
        "content-type": "application/json",
        "x-memory-timestamp": timestamp,
        "x-memory-signature": f"sha256={digits}",
    }


async def deliver(client: httpx.AsyncClient, notice: ChangeNotice, **headers: str) -> httpx.Response:
    """Send a notice as the system would."""
    body = notice.model_dump_json().encode()
    connection = notice.ref.connection
    return await client.post(f"/webhooks/{connection}", content=body, headers=signed(body) | headers)


def outcome(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, json.loads(response.content).get("outcome", "")
