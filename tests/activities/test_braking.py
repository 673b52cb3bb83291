"""Many deletions at once stop before they are followed."""

from typing import Any

import pytest

from activities.braking import release
from activities.messages import Ended, PairRef
from domain.errors import RecordHidden
from domain.sides import SIDES, Pair, Side
from store import alerts, brakes
from tests.activities.conftest import Build
from tests.activities.world import FIRST, NAME, OWNER, TITLE, World, declaration

pytestmark = pytest.mark.stack


async def many(
    build: Build, number: int, mode: str = "propagate", *, silent: bool = False
) -> tuple[World, list[PairRef]]:
    """So many pairs in step."""
    settings: Pair[dict[str, Any]] = Pair({"tells_deletions": not silent}, {})
    on_delete = {"mode": mode, "grace": "0s"}
    world = await build(declaration(TITLE, OWNER, on_delete=on_delete), settings=settings, linked=False)
    linked = []
    for n in range(1, number + 1):
        if n > 1:
            for side in SIDES:
                world.systems[side].create("ticket", FIRST[side])
        linked.append(await world.link(str(n), str(n)))
        await world.settle()
    return world, linked


async def follow(world: World, pair: PairRef) -> Ended:
    world.pair = pair
    found = await world.detect()
    assert found.outcome == "gone", found.story
    return await world.end_link(gone=found.gone)


def living(world: World, side: Side = Side.B) -> int:
    return sum(not record.deleted for record in world.systems[side].records.values())


async def open_alerts(world: World) -> list[str]:
    async with world.database.begin() as tx:
        return [alert.key for alert in await alerts.open_alerts(tx)]


async def test_a_mass_deletion_is_not_followed_and_raises_one_alert(build: Build) -> None:
    world, linked = await many(build, 30)
    for n in range(1, 13):
        world.systems.a.delete(str(n))
    stopped = [await follow(world, pair) for pair in linked[:12]]
    assert {(one.outcome, one.standing.states) for one in stopped} == {("stopped", ("braked",))}
    assert "12 of 30 records vanished" in stopped[0].story
    assert living(world) == 30
    assert await open_alerts(world) == [f"brake/{NAME}/deletions"]


async def test_the_brake_stops_deletions_only(build: Build) -> None:
    world, linked = await many(build, 30)
    for n in range(1, 13):
        world.systems.a.delete(str(n))
    await follow(world, linked[0])
    world.pair = linked[20]
    world.systems.a.edit("21", {"title": "Scanner"})
    await world.settle()
    assert world.record(Side.B, "21").fields["summary"] == "Scanner"


async def test_once_somebody_has_looked_they_are_followed(build: Build) -> None:
    world, linked = await many(build, 30)
    for n in range(1, 13):
        world.systems.a.delete(str(n))
    for pair in linked[:12]:
        await follow(world, pair)
    async with world.database.begin() as tx:
        await release(tx, NAME, "ines")
        assert await brakes.get_all(tx, "deletions") == {}
    assert [(await follow(world, pair)).outcome for pair in linked[:12]] == ["closed"] * 12
    assert living(world) == 18
    assert await open_alerts(world) == []


async def test_what_vanishes_after_the_release_counts_anew(build: Build) -> None:
    world, linked = await many(build, 40)
    for n in range(1, 13):
        world.systems.a.delete(str(n))
    for pair in linked[:12]:
        await follow(world, pair)
    async with world.database.begin() as tx:
        await release(tx, NAME, "ines")
    for n in range(13, 26):
        world.systems.a.delete(str(n))
    assert (await follow(world, linked[12])).outcome == "stopped"
    assert (await follow(world, linked[0])).outcome == "closed"
    assert living(world) == 39


async def test_ten_deletions_are_followed_however_few_records_there_are(build: Build) -> None:
    world, linked = await many(build, 12)
    for n in range(1, 11):
        world.systems.a.delete(str(n))
    assert [(await follow(world, pair)).outcome for pair in linked[:10]] == ["closed"] * 10


async def test_deletions_that_trickle_in_add_up(build: Build) -> None:
    world, linked = await many(build, 20)
    outcomes = []
    for n in range(1, 13):
        world.systems.a.delete(str(n))
        outcomes.append((await follow(world, linked[n - 1])).outcome)
    assert outcomes == ["closed"] * 10 + ["stopped"] * 2


async def test_links_that_end_by_the_systems_own_word_write_nothing_and_are_not_braked(build: Build) -> None:
    world, linked = await many(build, 20, "detach")
    for n in range(1, 13):
        world.systems.a.delete(str(n))
    assert [(await follow(world, pair)).outcome for pair in linked[:12]] == ["detached"] * 12


async def test_many_that_merely_cannot_be_seen_end_no_link(build: Build) -> None:
    world, linked = await many(build, 20, "detach", silent=True)
    hidden = {str(n) for n in range(1, 13)}

    async def hide(moment: str, operation: str, record_id: str | None) -> None:
        if (moment, operation) == ("before", "read") and record_id in hidden:
            raise RecordHidden("no such ticket, or you may not see it")

    for record_id in hidden:
        world.systems.a.records[record_id].deleted = True  # so that a read of many leaves them out
    world.connectors.a.interfere = hide
    assert {(await follow(world, pair)).outcome for pair in linked[:12]} == {"stopped"}
    for record_id in hidden:
        world.systems.a.records[record_id].deleted = False
    hidden.clear()
    async with world.database.begin() as tx:
        await release(tx, NAME, "ines")
    world.pair = linked[0]
    assert (await world.detect()).outcome == "in_step"
