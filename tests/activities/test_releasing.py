"""A person's edit puts back into service what was stopped; a program's doesn't."""

import pytest

from activities.messages import SideNotice
from connectors.memory.system import Author
from domain.errors import StopRecord
from domain.outcome import Decision
from domain.records import Origin
from domain.sides import Side
from tests.activities.conftest import Build
from tests.activities.test_applying import unspecific
from tests.activities.world import TITLE, World, declaration, once, raising

pytestmark = pytest.mark.stack

HEARD = (SideNotice(side=Side.A),)
ROBOT = Author("robot", Origin.AUTOMATION)


async def a_poisoned(build: Build) -> World:
    """B refuses whatever it gets, and blames no field."""
    world = await build(declaration(TITLE))
    unspecific(world, "summary")
    world.edit(Side.A, title="Printer on fire")
    done = await world.one_pass()
    assert done.applied is not None
    assert done.applied.outcome == "stopped"
    return world


async def test_a_quarantined_pair_stays_so_whatever_is_heard(build: Build) -> None:
    world = await a_poisoned(build)
    versions = world.versions()
    for _ in range(3):
        assert (await world.detect(notices=HEARD)).outcome == "stopped"
    assert world.versions() == versions


async def test_a_persons_edit_lifts_a_quarantine_for_one_more_try(build: Build) -> None:
    world = await a_poisoned(build)
    world.edit(Side.A, title="Printer")
    assert (await world.one_pass(notices=HEARD)).found.outcome == "in_step"
    assert (await world.work()).pair.quarantine is None


async def test_each_edit_of_a_poisoned_record_costs_one_more_try_and_no_other(build: Build) -> None:
    world = await a_poisoned(build)
    world.edit(Side.A, title="Printer in flames")
    again = await world.one_pass(notices=HEARD)
    assert again.applied is not None
    assert again.applied.outcome == "stopped"
    assert (await world.one_pass(notices=HEARD)).applied is None


async def test_an_automations_edit_lifts_nothing(build: Build) -> None:
    world = await a_poisoned(build)
    world.systems.a.edit("1", {"title": "Printer (escalated)"}, ROBOT)
    assert (await world.detect(notices=HEARD)).outcome == "stopped"


async def test_a_deletion_is_followed_though_the_pair_is_quarantined(build: Build) -> None:
    world = await a_poisoned(build)
    world.systems.a.delete("1")
    assert (await world.detect(notices=HEARD)).outcome == "gone"


async def a_flapping(build: Build) -> World:
    world = await build(declaration(TITLE, limits={"flap": "3 in 1h"}))
    for n in range(12):
        world.clock.advance(minutes=1)
        world.systems.a.edit("1", {"title": f"title {n % 2}"}, ROBOT)
        await world.one_pass()
    assert list((await world.work()).parked) == ["title"]
    return world


async def test_a_persons_edit_unparks_a_flapping_field(build: Build) -> None:
    world = await a_flapping(build)
    world.edit(Side.A, title="decided")
    await world.one_pass()
    assert world.shows(Side.B, "summary") == "decided"
    assert await world.alerts() == []


async def test_another_edit_of_the_automation_does_not(build: Build) -> None:
    world = await a_flapping(build)
    world.systems.a.edit("1", {"title": "title 7"}, ROBOT)
    await world.one_pass()
    assert list((await world.work()).parked) == ["title"]


async def test_an_alert_of_a_stale_decision_is_cleared_by_the_next_pass_though_the_pair_was_in_step(
    build: Build,
) -> None:
    world = await build(declaration(TITLE))
    await world.one_pass(Decision(token="old", choice="approve", by="ines"))
    assert [alert.kind for alert in await world.alerts()] == ["stale_decision"]
    assert (await world.work()).pair.state == ["in_sync"]
    await world.one_pass()
    assert await world.alerts() == []


async def test_a_record_that_cannot_be_read_for_a_reason_of_its_own_is_quarantined_with_one_alert(
    build: Build,
) -> None:
    world = await build(declaration(TITLE))
    broken = raising(StopRecord("Right GET /tickets/1 answered 400: this ticket is broken"))
    for _ in range(3):
        world.connectors.b.interfere = once("before", "read", broken)
        stopped = await world.detect(notices=HEARD)
        assert (stopped.outcome, stopped.standing.states) == ("stopped", ("quarantined",))
    assert "this ticket is broken" in ((await world.work()).pair.quarantine or "")
    assert [alert.kind for alert in await world.alerts()] == ["quarantined"]
    assert (await world.one_pass(retried_by="ines")).standing.states == ("in_sync",)
    assert await world.alerts() == []
