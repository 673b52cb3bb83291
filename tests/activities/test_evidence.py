"""When a record that can't be read counts as deleted: never by a bare 404."""

from typing import Any

import pytest

from activities.messages import Assessed
from connectors.memory.connector import Interfere
from domain.errors import ConfigError, RecordHidden
from domain.records import Evidence
from domain.sides import SIDES, Pair, Side
from tests.activities.conftest import Build
from tests.activities.world import FIRST, OWNER, TITLE, World, declaration

pytestmark = pytest.mark.stack

SILENT: Pair[dict[str, Any]] = Pair({"tells_deletions": False}, {})
"""A answers 404 for what was deleted, as most systems do."""


async def a_world(build: Build, *, neighbours: int = 1, **on_delete: Any) -> World:
    """One pair to look at, and others beside it."""
    source = declaration(TITLE, OWNER, on_delete={"mode": "detach", **on_delete})
    world = await build(source, settings=SILENT, linked=False)
    for number in range(2, neighbours + 2):
        for side in SIDES:
            world.systems[side].create("ticket", FIRST[side])
        await world.link(str(number), str(number))
        await world.settle()
    await world.link()
    await world.settle()
    return world


async def look(world: World, before: Assessed | None = None) -> Assessed:
    """One look, as the workflow asks for it: what the last one said is handed on."""
    return await world.detect(missing=before.missing if before else {})


def hiding(*record_ids: str) -> Interfere:
    """The permission to see these records is lost."""

    async def interfere(moment: str, operation: str, record_id: str | None) -> None:
        if (moment, operation) == ("before", "read") and record_id in record_ids:
            raise RecordHidden("no such ticket, or you may not see it")

    return interfere


async def test_a_missing_record_is_unreachable_until_the_grace_period_is_over(build: Build) -> None:
    world = await a_world(build, grace="10m")
    world.systems.a.delete("1")
    first = await look(world)
    assert (first.outcome, "counts as deleted in" in first.story) == ("unreachable", True)
    world.clock.advance(minutes=9)
    almost = await look(world, first)
    assert (almost.outcome, almost.missing) == ("unreachable", first.missing)
    world.clock.advance(minutes=1)
    found = await look(world, almost)
    assert (found.outcome, found.gone[Side.A].evidence) == ("gone", Evidence.CANARY)


async def test_a_record_that_comes_back_within_the_grace_period_is_a_record_like_any_other(
    build: Build,
) -> None:
    world = await a_world(build, grace="10m")
    world.connectors.a.interfere = hiding("1")
    first = await look(world)
    world.connectors.a.interfere = hiding()
    back = await look(world, first)
    assert (back.outcome, back.missing) == ("in_step", {})


async def test_without_a_canary_nothing_is_ever_taken_for_deleted(build: Build) -> None:
    world = await a_world(build, neighbours=0, grace="0s")
    world.systems.a.delete("1")
    found = await look(world)
    assert (found.outcome, found.missing) == ("unreachable", {})
    assert "lost permission" in found.story


async def test_a_lost_permission_hides_the_canary_too(build: Build) -> None:
    world = await a_world(build, neighbours=2, grace="0s")
    for number in ("1", "2", "3"):
        world.systems.a.delete(number)  # which this system shows just as it shows a lost permission
    found = await look(world)
    assert (found.outcome, found.missing) == ("unreachable", {})


async def test_a_canary_that_is_lost_meanwhile_starts_the_grace_period_anew(build: Build) -> None:
    world = await a_world(build, grace="10m")
    world.systems.a.delete("1")
    first = await look(world)
    world.systems.a.records["2"].deleted = True
    world.clock.advance(minutes=11)
    blind = await look(world, first)
    assert (blind.outcome, blind.missing) == ("unreachable", {})
    world.systems.a.records["2"].deleted = False
    assert (await look(world, blind)).outcome == "unreachable"


async def test_a_refusal_says_that_the_record_is_there(build: Build) -> None:
    world = await a_world(build, grace="0s")

    async def forbidding(moment: str, operation: str, record_id: str | None) -> None:
        if (moment, operation, record_id) == ("before", "read", "1"):
            raise RecordHidden("this ticket is confidential", status=403)

    world.connectors.a.interfere = forbidding
    found = await look(world)
    assert (found.outcome, found.missing) == ("unreachable", {})


async def test_a_system_that_refuses_the_question_itself_shows_no_canary(build: Build) -> None:
    world = await a_world(build, grace="0s")

    async def refusing(moment: str, operation: str, record_id: str | None) -> None:
        if (moment, operation) == ("before", "read") and record_id is None:
            raise ConfigError("Left POST /tickets/read answered 404")
        if (moment, operation, record_id) == ("before", "read", "1"):
            raise RecordHidden("no such ticket")

    world.connectors.a.interfere = refusing
    found = await look(world)
    assert (found.outcome, found.missing) == ("unreachable", {})
