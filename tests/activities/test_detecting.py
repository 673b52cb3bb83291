"""detect, and the clean way through a pass."""

import pytest

from connectors.memory.connector import MemoryConnector
from domain.errors import RecordHidden, StopRecord, SystemUnavailable
from domain.sides import SIDES, Pair, Side
from store import brakes, pairs
from tests.activities.conftest import Build
from tests.activities.world import OWNER, PRIORITY, TITLE, declaration, once, raising

pytestmark = pytest.mark.stack


async def test_records_that_agree_when_linked_are_adopted_without_a_write(build: Build) -> None:
    world = await build()
    assert world.versions() == (1, 1)
    assert await world.base("priority") == ("2", "Medium")
    assert (await world.work()).pair.state == ["in_sync"]


async def test_a_change_is_carried_by_one_write_and_moves_the_baseline_whole(build: Build) -> None:
    world = await build()
    world.edit(Side.A, priority="1", title="Printer on fire")
    done = await world.one_pass()
    assert done.found.outcome == "plan"
    assert done.found.writes == ("title, priority → Right TICKET-1",)
    assert world.versions() == (2, 2)
    assert (world.shows(Side.B, "urgency"), world.shows(Side.B, "summary")) == ("High", "Printer on fire")
    assert await world.base("priority") == ("1", "High")


async def test_the_echo_of_our_own_write_writes_nothing(build: Build) -> None:
    world = await build()
    world.edit(Side.B, urgency="Low")
    await world.one_pass()
    again = await world.one_pass()
    assert (again.found.outcome, again.found.story) == ("in_step", "both sides are in step")
    assert again.applied is None
    assert world.versions() == (2, 2)


async def test_detect_run_twice_leaves_one_plan(build: Build) -> None:
    world = await build()
    world.edit(Side.A, title="Printer on fire")
    first, second = await world.detect(), await world.detect()
    assert first.plan_id == second.plan_id
    assert second.outcome == "plan"


async def test_the_same_edit_on_both_sides_is_agreement(build: Build) -> None:
    world = await build()
    world.edit(Side.A, priority="1")
    world.edit(Side.B, urgency="High")
    done = await world.one_pass()
    assert done.found.outcome == "in_step"
    assert world.versions() == (2, 2)
    assert await world.base("priority") == ("1", "High")
    assert await world.log() == []


async def test_an_open_plan_that_was_overtaken_is_never_sent(build: Build) -> None:
    world = await build()
    world.edit(Side.A, title="Printer on fire")
    planned = await world.detect()
    world.edit(Side.B, summary="Printer smokes")
    world.edit(Side.A, title="Printer")
    done = await world.one_pass()
    assert done.found.plan_id != planned.plan_id
    assert world.shows(Side.A, "title") == "Printer smokes"
    assert world.shows(Side.B, "summary") == "Printer smokes"


async def test_what_changed_beside_an_open_plan_is_looked_at_after_it(build: Build) -> None:
    world = await build()
    world.edit(Side.A, title="Printer on fire")
    await world.detect()
    world.edit(Side.A, priority="1")
    first = await world.one_pass()
    assert first.found.look_again
    await world.one_pass()
    assert world.shows(Side.B, "summary") == "Printer on fire"
    assert world.shows(Side.B, "urgency") == "High"


async def test_a_value_without_counterpart_holds_its_field_and_raises_one_alert(build: Build) -> None:
    world = await build()
    world.edit(Side.A, priority="0", title="Printer on fire")
    done = await world.one_pass()
    again = await world.one_pass()
    assert world.shows(Side.B, "summary") == "Printer on fire"
    assert world.shows(Side.B, "urgency") == "Medium"
    assert done.standing.states == again.standing.states == ("held",)
    assert [alert.kind for alert in await world.alerts()] == ["unmapped"]


async def test_a_mended_value_map_lets_the_held_value_flow_and_clears_the_alert(build: Build) -> None:
    world = await build()
    world.edit(Side.A, priority="0")
    await world.one_pass()
    values = {**PRIORITY["values"], "0": "Highest"}
    await world.declare(declaration(TITLE, {**PRIORITY, "values": values}, OWNER))
    done = await world.one_pass()
    assert world.shows(Side.B, "urgency") == "Highest"
    assert done.standing.version == 2
    assert await world.alerts() == []


async def test_a_record_that_cannot_be_seen_is_unreachable_not_gone(build: Build) -> None:
    world = await build(settings=Pair({"tells_deletions": False}, {}))
    world.systems.a.delete("1")
    found = await world.detect()
    assert found.outcome == "unreachable"
    assert found.retry_in is not None
    assert "that we may see" in found.standing.waits_for


async def test_an_event_proves_a_deletion_that_a_read_cannot(build: Build) -> None:
    world = await build(settings=Pair({"tells_deletions": False}, {}))
    world.systems.a.delete("1")
    found = await world.detect(gone=(Side.A,))
    assert found.outcome == "gone"
    assert list(found.gone) == [Side.A]


async def test_a_record_that_is_still_there_refutes_the_event_of_its_deletion(build: Build) -> None:
    world = await build()
    assert (await world.detect(gone=(Side.A,))).outcome == "in_step"


async def test_a_quarantined_pair_reads_nothing_until_an_operator_lifts_it(build: Build) -> None:
    world = await build()
    async with world.database.begin() as tx:
        await pairs.quarantine(tx, world.pair.pair_id, "refused whole")
    world.connectors.a.interfere = once("before", "read", raising(AssertionError("read while stopped")))
    stopped = await world.detect()
    assert (stopped.outcome, stopped.standing.states) == ("stopped", ("quarantined",))
    world.connectors.a.interfere = once("before", "read", lambda: None)
    assert (await world.detect(retried_by="ines")).outcome == "in_step"
    assert (await world.work()).pair.quarantine is None


async def test_a_braked_integration_stops_its_pairs(build: Build) -> None:
    world = await build()
    async with world.database.begin() as tx:
        await brakes.pull(tx, "tickets", "40 records vanished at once", "accord")
    stopped = await world.detect()
    assert (stopped.outcome, stopped.story) == ("stopped", "40 records vanished at once")
    assert stopped.standing.states == ("braked",)


async def test_a_link_that_has_ended_is_told(build: Build) -> None:
    world = await build()
    async with world.database.begin() as tx:
        await pairs.unlink(tx, world.pair.pair_id, "detached", "unlinked by ines")
    found = await world.detect()
    assert found.outcome == "ended"
    assert found.standing.states == ("detached",)
    assert "unlinked by ines" in found.story


async def test_a_pair_that_the_store_does_not_know_stops(build: Build) -> None:
    world = await build()
    world.pair = world.pair.model_copy(update={"pair_id": "nowhere"})
    with pytest.raises(StopRecord, match="was the database exchanged"):
        await world.detect()


async def test_a_system_that_is_out_leaves_everything_as_it_was(build: Build) -> None:
    world = await build()
    world.edit(Side.A, title="Printer on fire")
    world.connectors.b.interfere = once("before", "read", raising(SystemUnavailable("no answer")))
    with pytest.raises(SystemUnavailable):
        await world.detect()
    assert (await world.work()).plan is None
    await world.one_pass()
    assert world.shows(Side.B, "summary") == "Printer on fire"


@pytest.mark.parametrize("side", SIDES)
async def test_the_reason_of_an_unreachable_record_is_the_systems_own(build: Build, side: Side) -> None:
    world = await build()
    connector: MemoryConnector = world.connectors[side]
    connector.interfere = once("before", "read", raising(RecordHidden("403 for this one")))
    assert (await world.detect()).story.startswith("403 for this one; ")
