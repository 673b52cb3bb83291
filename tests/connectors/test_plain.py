from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import pytest_asyncio

from connectors.base import Connector
from connectors.plain.connector import build
from domain.records import Origin
from tests.connectors.conformance import HttpConformance, drain
from tests.connectors.harness import NEXT_SECRET, SECRET, LabHarness

pytestmark = pytest.mark.stack


class PlainHarness(LabHarness):
    kind = "plain"
    record_type, text, other = "ticket", "title", "room"
    choice, choices = "priority", ("P1", "P2", "P3")

    def open(self, **settings: Any) -> Connector:
        known = {"url": self.lab.url, "token": "lab", "webhook_secrets": [SECRET, NEXT_SECRET]}
        return build("plain", known | settings)


class PoorPlainHarness(PlainHarness):
    def open(self, **settings: Any) -> Connector:
        return super().open(tells_deletions=False, **settings)


VALID = {"priority": ["P1", "P2", "P3"]}


class TestPlain(HttpConformance):
    running = partial(PlainHarness.running, valid=VALID, field_stamps=True)


class TestPlainThatReturnsNothing(HttpConformance):
    running = partial(PlainHarness.running, valid=VALID, returns_record=False, cas=False)


class TestPoorPlain(HttpConformance):
    running = partial(
        PoorPlainHarness.running, valid=VALID, cas=False, history=False, version_exact=False, gone_status=404
    )


@pytest_asyncio.fixture(scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PlainHarness]:
    async with PlainHarness.running(tmp_path_factory.mktemp("desk"), returns_record=False) as running:
        yield running


@pytest_asyncio.fixture
async def plain(desk: PlainHarness) -> PlainHarness:
    await desk.control.reset(settings=True)
    return desk


async def test_a_write_without_an_answer_is_looked_up_by_its_marker(plain: PlainHarness) -> None:
    seen = await plain.connector.read(await plain.a_record())
    result = await plain.connector.update(seen, {"title": "ours"}, marker="w")
    assert result.fields == {"title": "ours", "room": "room 1"}
    assert result.sequence == 2


async def test_what_followed_our_write_is_not_claimed_as_its_result(plain: PlainHarness) -> None:
    rule = {"when": {"title": "ours"}, "set": {"room": "by rule"}}
    await plain.control.change_settings(automation=[rule])
    seen = await plain.connector.read(await plain.a_record())
    result = await plain.connector.update(seen, {"title": "ours"}, marker="w")
    assert result.fields is None
    assert result.version == "2"  # our own save, although the record stands at 3


async def test_without_history_nothing_is_claimed(plain: PlainHarness) -> None:
    await plain.control.change_settings(history=False)
    connector = plain.open()
    seen = await connector.read(await plain.a_record())
    result = await connector.update(seen, {"title": "ours"}, marker="w")
    assert result.fields is None
    assert result.version == seen.version
    assert not connector.capabilities.version_exact
    await connector.aclose()


async def test_an_automation_inside_our_save_is_not_us(plain: PlainHarness) -> None:
    rule = {"when": {"title": "ours"}, "set": {"room": "by rule"}, "same_save": True}
    await plain.control.change_settings(automation=[rule])
    seen = await plain.connector.read(await plain.a_record())
    await plain.connector.update(seen, {"title": "ours"}, marker="w")
    origins = {entry.field: entry.origin for entry in await plain.connector.history(seen.ref, seen)}
    assert origins == {"title": Origin.ACCORD, "room": Origin.AUTOMATION}


async def test_a_declared_capability_overrules_the_systems_word(plain: PlainHarness) -> None:
    connector = plain.open(capabilities={"cas": False, "search_lag": "3s"})
    await connector.probe()
    assert not connector.capabilities.compare_and_set
    assert connector.capabilities.index_lag == timedelta(seconds=3)
    assert connector.capabilities.change_history
    await connector.aclose()


async def test_the_same_marker_creates_once(plain: PlainHarness) -> None:
    first = await plain.connector.create("ticket", {"title": "new"}, marker="link-1")
    second = await plain.connector.create("ticket", {"title": "new"}, marker="link-1")
    assert first.ref == second.ref
    assert first.marker == "link-1"


async def test_a_scope_bounds_the_feed_but_tells_of_deletions(plain: PlainHarness) -> None:
    inside = await plain.a_record(team="OPS")
    await plain.a_record(team="EMEA")
    gone = await plain.a_record(team="OPS")
    await plain.person_deletes(gone)
    told, _ = await drain(plain.connector, "ticket", None, scope="team=OPS")
    assert [(notice.ref, notice.kind) for notice in told] == [(inside, "changed"), (gone, "deleted")]


async def test_an_event_that_nobody_knows_tells_nothing(plain: PlainHarness) -> None:
    body = b'{"delivery_id": "d", "event": "sneezed", "type": "ticket", "id": "1"}'
    assert plain.connector.parse_webhook({}, body, now=datetime.now(UTC)) == []
