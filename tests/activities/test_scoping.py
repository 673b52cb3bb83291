"""A record that leaves its integration's scope, or that its system merges into another, is not deleted."""

from typing import Any

import pytest

from domain.sides import SIDES, Side
from store import audit, pairs
from tests.activities.conftest import Build
from tests.activities.world import FIRST, NAMES, OWNER, TITLE, World, declaration

pytestmark = pytest.mark.stack


async def a_world(build: Build, scope_left: str = "keep", **ends: Any) -> World:
    """Left's tickets of the team OPS only."""
    scoped = {"connection": NAMES.a, "record_type": "ticket", "scope": "team=OPS"}
    world = await build(declaration(TITLE, OWNER, a=scoped, scope_left=scope_left), linked=False)
    world.systems.a.edit("1", {"team": "OPS"})
    await world.link()
    await world.settle()
    return world


async def acts(world: World) -> list[str]:
    async with world.database.begin() as tx:
        return [act.what for act in await audit.of_pair(tx, world.pair.pair_id)]


def leave(world: World, **also: Any) -> None:
    world.edit(Side.A, team="WEB", **also)


async def test_a_kept_pair_goes_on_and_the_leave_is_noted_once(build: Build) -> None:
    world = await a_world(build)
    leave(world, title="Scanner")
    await world.settle()
    await world.one_pass()
    assert world.shows(Side.B, "summary") == "Scanner"
    assert await acts(world) == ["scope_left"]
    world.edit(Side.A, team="OPS")
    await world.settle()
    assert await acts(world) == ["scope_left", "scope_entered"]


async def test_a_paused_pair_rests_until_the_record_is_back_and_then_catches_up(build: Build) -> None:
    world = await a_world(build, "pause")
    leave(world, title="Scanner")
    found = await world.detect()
    assert (found.outcome, found.standing.states) == ("outside", ("paused",))
    assert "until it is back" in found.standing.waits_for
    assert (await world.detect()).outcome == "outside"
    assert world.shows(Side.B, "summary") == "Printer"
    world.edit(Side.A, team="OPS")
    assert (await world.settle())[-1].standing.states == ("in_sync",)
    assert world.shows(Side.B, "summary") == "Scanner"
    assert await acts(world) == ["scope_left", "scope_entered"]


async def test_a_detached_pair_ends_and_both_records_stay(build: Build) -> None:
    world = await a_world(build, "detach")
    leave(world, title="Scanner")
    found = await world.detect()
    assert (found.outcome, found.merged) == ("leaves", {})
    ended = await world.end_link(reason=found.story, by="scope_left: detach")
    assert ended.outcome == "detached"
    assert (await world.work()).pair.link_reason == "Left TICKET-1 left the scope by scope_left: detach"
    assert world.shows(Side.B, "summary") == "Printer"


async def test_a_record_that_was_never_in_scope_has_not_left_it(build: Build) -> None:
    scoped = {"connection": NAMES.a, "record_type": "ticket", "scope": "team=OPS"}
    world = await build(declaration(TITLE, OWNER, a=scoped, scope_left="detach"))
    assert (await world.detect()).outcome == "in_step"


async def test_a_deletion_is_a_deletion_also_out_of_scope(build: Build) -> None:
    world = await a_world(build, "pause")
    leave(world)
    await world.detect()
    world.systems.a.delete("1")
    assert (await world.detect()).outcome == "gone"


async def test_the_link_of_a_merged_record_ends_with_one_line_and_nothing_is_written(build: Build) -> None:
    world = await build(declaration(TITLE, OWNER))
    for side in SIDES:
        world.systems[side].create("ticket", FIRST[side])
    survivor = world.pair
    loser = await world.link("2", "2")
    await world.settle()
    world.systems.a.merge("2", into="1")
    world.systems.a.edit("2", {"title": "see TICKET-1"})
    found = await world.detect()
    assert (found.outcome, found.merged) == ("leaves", {Side.A: "1"})
    ended = await world.end_link(reason=found.story, by="Left", merged=found.merged)
    again = await world.end_link(reason=found.story, by="Left", merged=found.merged)
    assert (ended.outcome, again.outcome) == ("detached", "detached")
    (row,) = await world.log()
    assert (row.line.kind, row.line.policy) == ("merged", "merged")
    assert world.record(Side.B, "2").version == 1
    async with world.database.begin() as tx:
        linked = await pairs.listing(tx, integration=loser.integration)
    assert [pair.id for pair in linked] == [survivor.pair_id]
