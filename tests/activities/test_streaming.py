from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from temporalio.testing import ActivityEnvironment

from activities.streaming import CURSOR, StreamActivities, Streamed, StreamInput
from connectors.base import StreamBatch
from domain.errors import ConfigError, LookAgain, SystemUnavailable
from domain.records import ChangeNotice
from domain.sides import Pair, Side
from store import connections, cursors, deliveries
from tests.activities.conftest import Build
from tests.activities.world import NAMES, World, declaration, run

pytestmark = pytest.mark.stack

NOTHING = timedelta(0)
LONG = timedelta(hours=1)


@dataclass
class Script:
    """A system's stream: gives its batches from the position on, then ends as told."""

    world: World
    batches: list[StreamBatch] = field(default_factory=list)
    end: Callable[[], object] = lambda: None
    asked: list[tuple[tuple[str, ...], str | None]] = field(default_factory=list)
    confirmed: list[str] = field(default_factory=list)
    """Positions whose next batch was asked for."""

    def __post_init__(self) -> None:
        connector = self.world.connectors.a
        connector.capabilities = connector.capabilities.model_copy(update={"change_stream": True})
        connector.stream_changes = self.stream  # type: ignore[method-assign]

    def tell(self, *positions: int) -> Script:
        self.batches += [StreamBatch([self.notice(n)], f"{n:03}") for n in positions]
        return self

    def notice(self, number: int) -> ChangeNotice:
        return ChangeNotice(ref=self.world.ref(Side.A), source="stream", version=str(number))

    async def stream(self, types: Sequence[str], position: str | None) -> AsyncGenerator[StreamBatch, None]:
        self.asked.append((tuple(types), position))
        for batch in self.batches:
            if batch.position > (position or ""):
                yield batch
                self.confirmed.append(batch.position)
        self.end()

    async def read(self, leg: timedelta = LONG) -> Streamed:
        activities = StreamActivities(self.world.context, leg)
        return await run(activities.read_stream, StreamInput(connection=NAMES.a))

    async def versions(self) -> list[str | None]:
        """Of the notices that wait to be signalled."""
        async with self.world.database.begin() as tx:
            waiting = await deliveries.unsignalled(tx)
        return [notice.version for delivery in waiting for notice in delivery.notices]

    async def place(self) -> str | None:
        async with self.world.database.begin() as tx:
            return await cursors.get(tx, NAMES.a, *CURSOR)


def out() -> None:
    raise SystemUnavailable("the line is dead")


async def test_what_a_stream_tells_waits_to_be_signalled_and_the_next_leg_goes_on_behind(
    build: Build,
) -> None:
    script = Script(await build(linked=False)).tell(1, 2)
    first = await script.read()
    script.tell(3)
    second = await script.read()
    assert (first.told, first.position, second.told) == (2, "002", 1)
    assert await script.versions() == ["1", "2", "3"]
    assert script.asked == [(("ticket",), None), (("ticket",), "002")]


async def test_an_outage_keeps_what_was_told_before(build: Build) -> None:
    script = Script(await build(linked=False), end=out).tell(1)
    with pytest.raises(SystemUnavailable):
        await script.read()
    assert (await script.versions(), await script.place()) == (["1"], "001")


async def test_a_leg_ends_by_itself(build: Build) -> None:
    script = Script(await build(linked=False)).tell(1, 2)
    assert (await script.read(NOTHING)).told == 1
    assert script.confirmed == []


async def test_a_batch_is_confirmed_only_once_it_is_kept(build: Build) -> None:
    script = Script(await build(linked=False)).tell(1, 2)
    seen: list[list[str]] = []
    keep = deliveries.keep

    async def watching(*given: object, **words: object) -> int | None:
        seen.append(list(script.confirmed))
        return await keep(*given, **words)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deliveries, "keep", watching)
        await script.read()
    assert seen == [[], ["001"]]


async def test_quiet_batches_cost_nothing(build: Build) -> None:
    script = Script(await build(linked=False)).tell(1)
    script.batches += [StreamBatch([], "001")] * 3
    assert (await script.read()).told == 1
    assert await script.versions() == ["1"]


async def test_of_two_readers_at_once_one_is_refused_and_nothing_is_kept_twice(build: Build) -> None:
    world = await build(linked=False)
    script = Script(world).tell(1, 2, 3)
    outcomes = await asyncio.gather(script.read(), script.read(), return_exceptions=True)
    while any(isinstance(outcome, LookAgain) for outcome in outcomes):
        outcomes = [await script.read()]
    assert await script.versions() == ["1", "2", "3"]


async def test_a_reader_that_was_overtaken_keeps_nothing(build: Build) -> None:
    script = Script(await build(linked=False)).tell(1)

    async def other() -> None:
        async with script.world.database.begin() as tx:
            await cursors.move(tx, NAMES.a, *CURSOR, "009")

    script.batches.insert(0, StreamBatch([], "000"))
    stream = script.stream

    async def overtaken(types: Sequence[str], position: str | None) -> AsyncGenerator[StreamBatch, None]:
        async for batch in stream(types, position):
            if batch.position == "001":
                await other()
            yield batch

    script.world.connectors.a.stream_changes = overtaken  # type: ignore[method-assign]
    with pytest.raises(LookAgain):
        await script.read()
    assert (await script.versions(), await script.place()) == ([], "009")


async def test_a_gap_has_every_record_looked_at_before_the_stream_goes_on(build: Build) -> None:
    world = await build(linked=False)
    world.systems.a.create("ticket", {"title": "second"})
    script = Script(world, [StreamBatch([], "005", gap="the slot was lost")]).tell(6)
    await script.read()
    async with world.database.begin() as tx:
        waiting = await deliveries.unsignalled(tx)
    told = [(n.source, n.ref.id) for delivery in waiting for n in delivery.notices]
    assert told == [("poll", "1"), ("poll", "2"), ("stream", "1")]
    assert await world.alerts() == []


async def test_a_gap_stays_known_until_all_is_looked_at(build: Build) -> None:
    world = await build(linked=False)
    script = Script(world, [StreamBatch([], "005", gap="the slot was lost")])

    async def dead(*_: object) -> None:
        out()

    world.connectors.a.interfere = dead
    with pytest.raises(SystemUnavailable):
        await script.read()
    assert [alert.kind for alert in await world.alerts()] == ["stream_gap"]
    assert await script.place() is None


async def test_a_paused_connection_is_left_alone(build: Build) -> None:
    script = Script(await build(linked=False)).tell(1)
    async with script.world.database.begin() as tx:
        await connections.pause(tx, NAMES.a, "ines")
    assert (await script.read()).outcome == "paused"
    assert (await script.versions(), script.confirmed) == ([], [])


async def test_there_is_nothing_to_read_where_nothing_is_declared_or_offered(build: Build) -> None:
    world = await build(declaration(a={"connection": NAMES.b, "record_type": "other"}), linked=False)
    assert (await Script(world).read()).outcome == "ended"
    connector = world.connectors.a
    connector.capabilities = connector.capabilities.model_copy(update={"change_stream": False})
    assert (
        await run(StreamActivities(world.context).read_stream, StreamInput(connection=NAMES.a))
    ).outcome == "ended"


async def test_how_far_it_is_shows_in_the_heartbeat(build: Build) -> None:
    script = Script(await build(linked=False)).tell(1, 2)
    environment, beats = ActivityEnvironment(), list[tuple[object, ...]]()
    environment.on_heartbeat = lambda *details: beats.append(details)
    await environment.run(StreamActivities(script.world.context).read_stream, StreamInput(connection=NAMES.a))
    assert beats == [("001", 1), ("002", 2)]


async def test_a_worker_that_stops_ends_its_leg(build: Build) -> None:
    script = Script(await build(linked=False)).tell(1, 2)
    environment = ActivityEnvironment()
    environment.worker_shutdown()
    told = await environment.run(
        StreamActivities(script.world.context).read_stream, StreamInput(connection=NAMES.a)
    )
    assert told.told == 1


async def test_a_system_without_a_stream_says_so(build: Build) -> None:
    world = await build(linked=False, settings=Pair({}, {}))
    with pytest.raises(ConfigError, match="Left offers no stream"):
        await anext(world.connectors.a.stream_changes(["ticket"], None))
