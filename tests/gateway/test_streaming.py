"""From a row that somebody changes to the record on the other side, by way of the database's log."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from pydantic import SecretStr
from sqlalchemy import select
from temporalio.api.enums.v1 import EventType

from activities.context import Context
from connectors.base import Connector
from connectors.memory.connector import MemoryConnector
from connectors.memory.connector import build as build_memory
from connectors.registry import Connections
from domain.records import RecordRef
from domain.sides import Pair
from gateway.assembly import Accord, temporal_client
from gateway.ensuring import ensure_streams
from gateway.operations import Operations
from integrations.connections import ConnectionConfig
from integrations.settings import Settings
from store import deliveries, integrations, schema
from store.database import Database
from tests.connectors.sql.house import SqlHarness
from tests.gateway.house import eventually, served
from tests.postgres import TestDatabases
from worker import build_worker

pytestmark = pytest.mark.stack

CHECKOUT = Path(__file__).parents[2]
FIELDS = [{"name": "title", "a": "title", "b": "summary"}, {"name": "place", "a": "room", "b": "place"}]
DECLARED = yaml.safe_dump(
    {
        "name": "desk_board",
        "a": {"connection": "desk", "record_type": "ticket"},
        "b": {"connection": "board", "record_type": "card"},
        "fields": FIELDS,
    }
)


@pytest.fixture
async def desk(databases: TestDatabases) -> AsyncIterator[SqlHarness]:
    async with SqlHarness.on(databases) as running:
        yield running


@pytest.fixture
def board() -> MemoryConnector:
    return build_memory("board", {})


@pytest.fixture
async def accord(
    database: Database, desk: SqlHarness, board: MemoryConnector, temporal_address: str
) -> Accord:
    """A gateway's view of a deployment in which the integration is declared."""
    async with database.begin() as tx:
        await integrations.apply(tx, "desk_board", DECLARED, "ines")
    opened: dict[str, Connector] = {"desk": desk.connector, "board": board}
    configs = {name: ConnectionConfig(name=name, system=one.system) for name, one in opened.items()}
    connections = Connections(configs, open=lambda config: opened[config.name])
    settings = Settings(
        database_url=SecretStr("postgresql://in-the-context"),
        temporal_address=temporal_address,
        task_queue=f"test-{uuid4().hex[:8]}",
        sandbox=False,
    )
    context = Context(database=database, connections=connections)
    return Accord(settings, context, await temporal_client(settings, lazy=False))


@asynccontextmanager
async def streaming(accord: Accord) -> AsyncIterator[None]:
    """Have the stream read, and end that afterwards: its id is one for all tests."""
    await ensure_streams(accord)
    try:
        yield
    finally:
        await accord.temporal.get_workflow_handle("stream/desk").terminate()


async def test_edits_flow_both_ways_and_our_own_write_wakes_nobody(
    accord: Accord, desk: SqlHarness, board: MemoryConnector
) -> None:
    ref = await desk.a_record()
    card = board.state.create("card", {"summary": "printer on fire", "place": "room 1"})
    ends = Pair(await desk.connector.read(ref), await board.read(card_ref(card.id)))
    async with build_worker(accord), streaming(accord), served(accord):
        await eventually(lambda: slot_is_there(desk))
        operations = Operations(accord)
        linked = await operations.links.link("desk_board", ends.map(lambda end: end.key), by="ines")
        await eventually(lambda: has_passed(operations, linked.pair.id))
        await desk.person_edits(ref, {"title": "printer saved", "room": "room 2"})
        await eventually(lambda: shows(card, {"summary": "printer saved", "place": "room 2"}))
        assert card.version == 2

        before = await signals(accord, linked.pair.id)
        board.state.edit(card.id, {"place": "room 3"})
        await operations.controls.sync(linked.pair.id, by="ines")
        await eventually(lambda: row_shows(desk, ref, room="room 3"))
        marker = await desk.a_record()  # what came before it in the log is told by the time that it is
        await eventually(lambda: is_signalled(accord.database, marker))
        assert await signals(accord, linked.pair.id) == before


async def test_a_killed_worker_loses_nothing_of_the_log(
    accord: Accord, desk: SqlHarness, database: Database, database_url: str, tmp_path: Path
) -> None:
    accord = replace(accord, settings=replace_queue(accord.settings))
    files = write_files(tmp_path, desk)
    async with streaming(accord):
        async with a_worker(accord, database_url, files) as first:
            await eventually(lambda: slot_is_there(desk))
            refs = [await desk.a_record() for _ in range(20)]
            await eventually(lambda: heard(database))
            first.send_signal(signal.SIGKILL)
            await first.wait()
        refs += [await desk.a_record() for _ in range(20)]
        async with a_worker(accord, database_url, files):
            await eventually(lambda: all_heard(database, refs))
    told = await heard(database)
    assert sorted(told) == sorted(str(ref) for ref in refs)


# ------------------------------------------------------------------------------------------------------- claims
async def slot_is_there(desk: SqlHarness) -> bool:
    """From here on nothing can be missed."""
    found = await desk.run("SELECT 1 FROM pg_replication_slots WHERE database = current_database()")
    return bool(found)


async def has_passed(operations: Operations, pair_id: str) -> bool:
    return (await operations.pairs.find(pair_id)).last_pass_at is not None


async def shows(card: Any, fields: dict[str, str]) -> bool:
    return {name: card.fields[name] for name in fields} == fields


async def row_shows(desk: SqlHarness, ref: RecordRef, **fields: str) -> bool:
    row = await desk.connector.read(ref)
    return {name: row.fields[name] for name in fields} == fields


async def signals(accord: Accord, pair_id: str) -> int:
    """How often the pair's workflow was told of something."""
    handle = accord.temporal.get_workflow_handle(f"pair/desk_board/{pair_id}")
    kind = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
    return sum(event.event_type == kind for event in (await handle.fetch_history()).events)


async def is_signalled(database: Database, ref: RecordRef) -> bool:
    """It was heard of, and nothing waits any more."""
    async with database.begin() as tx:
        kept = list(await tx.scalars(select(schema.deliveries.c.notices)))
    told = {notice["ref"]["id"] for notices in kept for notice in notices}
    return ref.id in told and not await heard(database)


async def heard(database: Database) -> list[str]:
    """Every record that was told of, each time that it was."""
    async with database.begin() as tx:
        waiting = await deliveries.unsignalled(tx, 1000)
    return [str(notice.ref) for delivery in waiting for notice in delivery.notices]


async def all_heard(database: Database, refs: list[RecordRef]) -> bool:
    return set(await heard(database)) >= {str(ref) for ref in refs}


def card_ref(record_id: str) -> RecordRef:
    return RecordRef(connection="board", record_type="card", id=record_id)


# ------------------------------------------------------------------------------------------------------ processes
def replace_queue(settings: Settings) -> Settings:
    return settings.model_copy(update={"task_queue": f"test-{uuid4().hex[:8]}"})


def write_files(folder: Path, desk: SqlHarness) -> dict[str, str]:
    """What a worker process is configured by."""
    connections = folder / "connections.yaml"
    tables = {name: dict(roles) for name, roles in desk.tables.items()}
    known = {"system": "sql", "url": desk.url, "tables": tables, "stream": desk.stream}
    connections.write_text(yaml.safe_dump({"desk": known, "board": {"system": "memory"}}))
    return {"ACCORD_CONNECTIONS_FILE": str(connections)}


@asynccontextmanager
async def a_worker(
    accord: Accord, database_url: str, files: dict[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    known = {
        "ACCORD_DATABASE_URL": database_url,
        "ACCORD_TEMPORAL_ADDRESS": accord.settings.temporal_address or "",
        "ACCORD_TASK_QUEUE": accord.settings.task_queue,
        "ACCORD_SANDBOX": "false",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "worker"), cwd=CHECKOUT, env={**os.environ, **known, **files}
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
