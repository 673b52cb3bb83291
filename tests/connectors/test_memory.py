from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Self

import pytest
from pydantic import JsonValue

from connectors.memory.connector import MemoryConnector, Moment, Operation, build
from connectors.memory.system import Author
from connectors.signatures import sign
from domain.errors import ConfigError, SystemUnavailable
from domain.records import RecordRef
from tests.connectors.conformance import Conformance
from tests.connectors.harness import NEXT_SECRET, SECRET, Harness, Headers


class MemoryHarness(Harness):
    record_type, text, other = "ticket", "title", "room"
    connector: MemoryConnector
    choice, choices = "priority", ("P1", "P2", "P3")

    def __init__(self, **settings: Any) -> None:
        allowed = {"priority": list(self.choices)}
        self.connector = build(
            "memory", {"allowed": allowed, "webhook_secrets": [SECRET, NEXT_SECRET]} | settings
        )
        self.state = self.connector.state

    @classmethod
    @asynccontextmanager
    async def running(cls, _state_dir: Path, **settings: Any) -> AsyncIterator[Self]:
        yield cls(**settings)

    async def person_creates(self, fields: Mapping[str, JsonValue]) -> RecordRef:
        record = self.state.create(self.record_type, fields)
        return RecordRef(connection="memory", record_type=self.record_type, id=record.id)

    async def person_edits(self, ref: RecordRef, fields: Mapping[str, JsonValue], *, by: str = "ada") -> None:
        self.state.edit(ref.id, fields, Author(by))

    async def person_deletes(self, ref: RecordRef) -> None:
        self.state.delete(ref.id)

    async def gets_in_between(self, ref: RecordRef, fields: Mapping[str, JsonValue]) -> None:
        async def once(moment: Moment, operation: Operation, record_id: str | None) -> None:
            if (moment, operation, record_id) == ("before", "write", ref.id):
                self.connector.interfere = leave
                self.state.edit(ref.id, fields)

        leave, self.connector.interfere = self.connector.interfere, once

    async def set_skew(self, skew: timedelta) -> None:
        self.state.skew = skew

    async def delivery(self, ref: RecordRef, *, secret: str = SECRET) -> tuple[Headers, bytes]:
        body = json.dumps({"ref": ref.model_dump(), "source": "webhook", "delivery_id": "d1"}).encode()
        timestamp = str(datetime.now(UTC).timestamp())
        signature = sign(secret, timestamp.encode() + b"." + body)
        return {"x-memory-timestamp": timestamp, "x-memory-signature": f"sha256={signature}"}, body


class TestMemory(Conformance):
    running = partial(MemoryHarness.running, field_stamps=True)


class TestMemoryWithoutCompareAndSet(Conformance):
    running = partial(MemoryHarness.running, compare_and_set=False, tells_deletions=False)


class TestPoorMemory(Conformance):
    running = partial(
        MemoryHarness.running,
        compare_and_set=False,
        change_history=False,
        returns_record=False,
        write_marker=False,
    )


async def test_a_fault_after_the_write_stands_for_a_lost_answer() -> None:
    harness = MemoryHarness()
    seen = await harness.connector.read(await harness.a_record())

    async def lose(moment: Moment, operation: Operation, record_id: str | None) -> None:
        if (moment, operation) == ("after", "write"):
            raise SystemUnavailable("the answer was lost")

    harness.connector.interfere = lose
    with pytest.raises(SystemUnavailable):
        await harness.connector.update(seen, {"title": "arrived"}, marker="w")
    assert (await harness.connector.read(seen.ref)).value("title") == "arrived"


async def test_a_search_misses_what_is_younger_than_the_index_lag() -> None:
    harness = MemoryHarness(index_lag="5s")
    moment = datetime(2026, 1, 6, tzinfo=UTC)
    harness.state.now = lambda: moment
    ref = await harness.a_record()
    assert await harness.connector.find("ticket", {"room": "room 1"}) == []
    moment += timedelta(seconds=5)
    assert [hit.ref for hit in await harness.connector.find("ticket", {"room": "room 1"})] == [ref]


def test_a_setting_that_nobody_knows_is_named() -> None:
    with pytest.raises(ConfigError, match="connection m: comparee"):
        build("m", {"comparee": True})
