"""`on_delete: recreate`: a new record in the lost one's place, exactly once, whatever dies on the way."""

from typing import Any

import pytest

from activities.messages import Ended
from connectors.memory.connector import Interfere
from connectors.memory.system import keep
from domain.errors import RecordRejected, SystemUnavailable
from domain.sides import Pair, Side
from store import alerts, pairs
from tests.activities.conftest import Build
from tests.activities.world import NAME, OWNER, PRIORITY, TITLE, World, declaration, once, raising

pytestmark = pytest.mark.stack


async def a_world(build: Build, *fields: Any) -> World:
    source = declaration(*(fields or (TITLE, PRIORITY, OWNER)), on_delete={"mode": "recreate"})
    return await build(source)


async def lost(world: World) -> Ended:
    world.systems.a.delete("1")
    found = await world.detect()
    return await world.end_link(gone=found.gone)


def living(world: World, side: Side = Side.A) -> list[str]:
    return [record.id for record in world.systems[side].records.values() if not record.deleted]


async def test_a_new_record_takes_the_lost_ones_place(build: Build) -> None:
    world = await a_world(build)
    world.edit(Side.B, summary="Printer on fire")
    ended = await lost(world)
    assert (ended.outcome, ended.standing.keys[0]) == ("relinked", "TICKET-2")
    assert living(world) == ["2"]
    assert world.record(Side.A, "2").fields == {"title": "Printer on fire", "priority": "2", "owner": "ines"}
    work = await world.work()
    assert (work.pair.link, work.pair.ends.a.ref.id) == ("active", "2")
    (line,) = await world.log()
    assert (line.line.policy, line.line.winner) == ("recreate", "b")


async def test_the_pair_goes_on_with_the_new_record_in_both_directions(build: Build) -> None:
    world = await a_world(build)
    await lost(world)
    versions = (world.record(Side.A, "2").version, world.record(Side.B).version)
    assert (await world.settle())[-1].standing.states == ("in_sync",)
    assert (world.record(Side.A, "2").version, world.record(Side.B).version) == versions
    world.systems.a.edit("2", {"title": "Scanner"})
    world.systems.b.edit("1", {"assignee": "tom"})
    await world.settle()
    assert world.shows(Side.B, "summary") == "Scanner"
    assert world.record(Side.A, "2").fields["owner"] == "tom"


async def test_what_the_system_itself_puts_into_the_new_record_never_travels_back(build: Build) -> None:
    world = await a_world(build)
    world.systems.a.store = lambda field, value: "3" if field == "priority" else value
    await lost(world)
    world.systems.a.store = keep
    await world.settle()
    assert (world.shows(Side.B, "urgency"), world.record(Side.A, "2").fields["priority"]) == ("Medium", "2")


async def test_what_flows_one_way_is_neither_created_nor_cleared(build: Build) -> None:
    world = await a_world(build, TITLE, {**OWNER, "flow": "a_to_b"})
    await lost(world)
    await world.settle()
    assert "owner" not in world.record(Side.A, "2").fields
    assert world.shows(Side.B, "assignee") == "ines"


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_create_whose_answer_got_lost_is_not_made_twice(build: Build, moment: str) -> None:
    world = await a_world(build)
    world.systems.a.delete("1")
    found = await world.detect()
    world.connectors.a.interfere = once(moment, "create", raising(SystemUnavailable("lost")))
    with pytest.raises(SystemUnavailable):
        await world.end_link(gone=found.gone)
    world.clock.advance(minutes=2)  # no earlier attempt can still arrive
    assert (await world.end_link(gone=found.gone)).outcome == "relinked"
    assert living(world) == ["2"]
    assert len(await world.log()) == 1


async def test_an_attempt_whose_own_answer_got_lost_finds_the_new_record_in_place(build: Build) -> None:
    world = await a_world(build)
    world.systems.a.delete("1")
    found = await world.detect()
    await world.end_link(gone=found.gone)
    assert (await world.end_link(gone=found.gone)).outcome == "relinked"
    assert living(world) == ["2"]


async def test_the_new_records_own_event_creates_nothing_and_alarms_nobody(build: Build) -> None:
    world = await a_world(build)
    matched: list[str] = []

    async def hears_of_it(moment: str, operation: str, record_id: str | None) -> None:
        if (moment, operation) == ("after", "create") and not matched:
            matched.append(record_id or "")
            world.connectors.a.interfere = quiet
            assert (await world.match(Side.A, record_id or "")).outcome == "nothing"

    world.connectors.a.interfere = hears_of_it
    assert (await lost(world)).outcome == "relinked"
    assert matched == ["2"]
    assert (await world.match(Side.A, "2")).outcome == "linked"
    async with world.database.begin() as tx:
        assert await alerts.open_alerts(tx) == []
        assert len(await pairs.listing(tx, integration=NAME, link=None)) == 1


quiet: Interfere = once("before", "probe", lambda: None)


async def test_a_record_that_is_deleted_again_is_created_again_with_a_line_of_its_own(build: Build) -> None:
    world = await a_world(build)
    await lost(world)
    await world.settle()
    world.systems.a.delete("2")
    found = await world.detect()
    assert (await world.end_link(gone=found.gone)).outcome == "relinked"
    assert living(world) == ["3"]
    assert len(await world.log()) == 2


async def test_a_refused_create_quarantines_the_pair_and_a_retry_carries_it_on(build: Build) -> None:
    world = await a_world(build)
    world.connectors.a.interfere = once(
        "before", "create", raising(RecordRejected("assignment group is mandatory"))
    )
    stopped = await lost(world)
    assert (stopped.outcome, stopped.standing.states) == ("stopped", ("quarantined",))
    found = await world.detect(retried_by="ines")
    assert (await world.end_link(gone=found.gone)).outcome == "relinked"


async def test_a_counterpart_that_we_had_created_is_created_anew(build: Build) -> None:
    source = declaration(
        TITLE,
        on_delete={"mode": "recreate"},
        match=["correlation_id"],
        create={"when": "b.summary != ''", "direction": "b_to_a"},
    )
    world = await build(source, settings=Pair({}, {}), linked=False)
    world.systems.a.delete("1")
    matched = await world.match(Side.B)
    assert (matched.outcome, living(world)) == ("created", ["2"])
    assert matched.pair is not None
    world.pair = matched.pair
    await world.settle()
    world.systems.a.delete("2")
    found = await world.detect()
    assert (await world.end_link(gone=found.gone)).outcome == "relinked"
    assert living(world) == ["3"]
