"""The end of a link, by an operator or by a deletion."""

from typing import Any

import pytest

from activities.messages import Ended
from domain.errors import RecordHidden, RecordRejected, StaleVersion, SystemUnavailable
from domain.outcome import Decision, Refusal
from domain.records import Evidence
from domain.sides import Pair, Side
from store import alerts, pairs, reviews
from tests.activities.conftest import Build
from tests.activities.world import OWNER, TITLE, World, declaration, once, raising

pytestmark = pytest.mark.stack


SILENT_B: Pair[dict[str, Any]] = Pair({}, {"tells_deletions": False})
"""B answers 404 for what was deleted."""


def rule(mode: str, **words: Any) -> str:
    return declaration(TITLE, OWNER, on_delete={"mode": mode, **words})


async def lost(world: World, *said: Decision) -> Ended:
    """A's record is deleted; the link's end as the workflow asks for it."""
    if not world.record(Side.A).deleted:
        world.systems.a.delete("1")
    found = await world.detect()
    assert found.outcome == "gone"
    return await world.end_link(gone=found.gone, decisions=said)


async def link(world: World) -> str:
    return (await world.work()).pair.link


async def test_unlinking_keeps_both_records_and_says_who_did_it(build: Build) -> None:
    world = await build()
    ended = await world.end_link(reason="unlinked", by="ines")
    assert (ended.outcome, ended.story) == ("detached", "unlinked by ines")
    assert await link(world) == "detached"
    assert world.versions() == (1, 1)


async def test_an_ended_link_keeps_its_first_reason(build: Build) -> None:
    world = await build()
    await world.end_link(reason="unlinked", by="ines")
    again = await world.end_link(reason="unlinked", by="tom")
    assert "by ines" in again.story


async def test_the_end_withdraws_reviews_clears_alerts_and_drops_the_plan(build: Build) -> None:
    world = await build()
    world.edit(Side.A, owner="tom")
    world.edit(Side.B, assignee="eva")
    await world.one_pass()
    world.edit(Side.A, priority="0")
    await world.one_pass()
    assert await world.alerts()
    await world.end_link(reason="unlinked", by="ines")
    async with world.database.begin() as tx:
        assert await reviews.open_reviews(tx, pair_id=world.pair.pair_id) == []
        assert await alerts.open_alerts(tx) == []
    assert (await world.work()).plan is None


async def test_detach_keeps_the_other_record_and_logs_one_line(build: Build) -> None:
    world = await build(rule("detach"))
    assert (await lost(world)).outcome == "detached"
    assert not world.record(Side.B).deleted
    assert [row.line.kind for row in await world.log()] == ["delete"]


async def test_propagate_deletes_the_other_record_once(build: Build) -> None:
    world = await build(rule("propagate"))
    assert (await lost(world)).outcome == "closed"
    assert world.record(Side.B).deleted
    assert await link(world) == "closed"


async def test_a_deletion_whose_answer_got_lost_ends_the_link_all_the_same(build: Build) -> None:
    world = await build(rule("propagate"))
    world.systems.a.delete("1")
    found = await world.detect()
    world.connectors.b.interfere = once("after", "delete", raising(StaleVersion("lost")))
    with pytest.raises(StaleVersion):
        await world.end_link(gone=found.gone)
    assert (await world.end_link(gone=found.gone)).outcome == "closed"
    assert len(await world.log()) == 1


async def test_archive_writes_the_closing_state_and_ends_the_link(build: Build) -> None:
    world = await build(rule("archive", archive={"b": {"status": "Closed"}}))
    assert (await lost(world)).outcome == "closed"
    assert world.shows(Side.B, "status") == "Closed"
    assert not world.record(Side.B).deleted


async def test_a_deleted_record_gets_no_further_request(build: Build) -> None:
    world = await build(rule("detach"))
    world.systems.a.delete("1")
    found = await world.detect()
    world.connectors.a.interfere = once("before", "read", raising(AssertionError("asked a tombstone")))
    assert (await world.end_link(gone=found.gone)).outcome == "detached"


async def test_both_gone_closes_without_a_line(build: Build) -> None:
    world = await build(rule("ask"))
    world.systems.b.delete("1")
    assert (await lost(world)).outcome == "closed"
    assert await world.log() == []


@pytest.mark.parametrize(
    ("versus_edit", "outcome", "survives"), [("keep", "detached", True), ("delete", "closed", False)]
)
async def test_an_edited_survivor_is_kept_or_deleted_as_declared(
    build: Build,
    versus_edit: str,
    outcome: str,
    survives: bool,  # noqa: FBT001 - a case
) -> None:
    world = await build(rule("propagate", versus_edit=versus_edit))
    world.edit(Side.B, summary="Printer on fire")
    assert (await lost(world)).outcome == outcome
    assert world.record(Side.B).deleted is not survives
    (row,) = await world.log()
    assert [edit.value for edit in row.line.overruled] == ([] if survives else ["Printer on fire"])


async def asked(world: World) -> str:
    """An edited survivor: a person is asked; the review's token."""
    world.edit(Side.B, summary="Printer on fire")
    ended = await lost(world)
    assert (ended.outcome, ended.standing.states) == ("waits", ("pending_review",))
    (token,) = ended.opened
    return token


async def test_a_deletion_against_an_edit_waits_for_a_person(build: Build) -> None:
    world = await build(rule("propagate"))
    token = await asked(world)
    again = await lost(world)
    assert again.opened == ()
    assert [review.token for review in again.standing.reviews] == [token]
    assert not world.record(Side.B).deleted


@pytest.mark.parametrize(("side", "survives"), [(Side.A, False), (Side.B, True)])
async def test_the_chosen_side_decides_a_deletion(
    build: Build,
    side: Side,
    survives: bool,  # noqa: FBT001 - a case
) -> None:
    world = await build(rule("ask"))
    token = await asked(world)
    ended = await lost(world, Decision(token=token, choice="side", side=side, by="ines"))
    assert [verdict.accepted for verdict in ended.decisions] == [True]
    assert world.record(Side.B).deleted is not survives
    assert (await world.log())[-1].line.by == "ines"


async def test_a_refused_answer_to_a_deletion_is_told_and_the_review_stays(build: Build) -> None:
    world = await build(rule("ask"))
    token = await asked(world)
    ended = await lost(world, Decision(token=token, choice="approve", by="ines"))
    assert [verdict.refusal for verdict in ended.decisions] == [Refusal.NO_PROPOSAL]
    assert [review.token for review in ended.standing.reviews] == [token]


async def test_reviews_of_fields_are_withdrawn_when_the_record_is_gone(build: Build) -> None:
    world = await build(rule("ask"))
    world.edit(Side.A, owner="tom")
    world.edit(Side.B, assignee="eva")
    await world.one_pass()
    ended = await lost(world)
    assert [review.unit for review in ended.standing.reviews] == ["__record__"]


async def test_an_archive_whose_answer_got_lost_ends_the_link_and_asks_nobody(build: Build) -> None:
    world = await build(rule("archive", archive={"b": {"assignee": "nobody", "status": "Closed"}}))
    world.systems.a.delete("1")
    found = await world.detect()
    # An automation of the system adds something of its own when a ticket is closed.
    world.connectors.b.interfere = once("after", "write", lambda: close_with_a_rule(world))
    with pytest.raises(SystemUnavailable):
        await world.end_link(gone=found.gone)
    assert (await world.end_link(gone=found.gone)).outcome == "closed"
    assert [row.line.policy for row in await world.log()] == ["archive"]
    assert world.record(Side.B).version == 3  # created, closed, the rule


def close_with_a_rule(world: World) -> None:
    world.edit(Side.B, summary="Printer (closed)")
    raise SystemUnavailable("the answer got lost")


async def test_an_archive_that_never_arrived_is_judged_anew(build: Build) -> None:
    world = await build(rule("archive", archive={"b": {"status": "Closed"}}))
    world.systems.a.delete("1")
    found = await world.detect()
    world.connectors.b.interfere = once("before", "write", raising(SystemUnavailable("out")))
    with pytest.raises(SystemUnavailable):
        await world.end_link(gone=found.gone)
    world.edit(Side.B, summary="Printer on fire")
    assert (await world.end_link(gone=found.gone)).outcome == "waits"
    assert world.record(Side.B).fields.get("status") is None


async def test_a_deletion_of_ours_that_arrived_is_known_where_the_system_tells_no_deletions(
    build: Build,
) -> None:
    world = await build(rule("propagate"), settings=SILENT_B)
    world.systems.a.delete("1")
    found = await world.detect()
    world.connectors.b.interfere = once("after", "delete", raising(SystemUnavailable("lost")))
    with pytest.raises(SystemUnavailable):
        await world.end_link(gone=found.gone)
    again = await world.detect()
    assert (again.outcome, again.gone[Side.B].evidence) == ("gone", Evidence.OWN_DELETE)
    assert (await world.end_link(gone=found.gone)).outcome == "closed"


async def test_a_survivor_that_cannot_be_seen_is_waited_for(build: Build) -> None:
    world = await build(rule("propagate"))
    world.systems.a.delete("1")
    found = await world.detect()
    world.connectors.b.interfere = once("before", "read", raising(RecordHidden("no such ticket")))
    hidden = await world.end_link(gone=found.gone)
    assert (hidden.outcome, await link(world)) == ("unreachable", "active")
    assert (await world.end_link(gone=found.gone)).outcome == "closed"


async def test_a_delete_that_is_answered_by_404_proves_nothing(build: Build) -> None:
    world = await build(rule("propagate"))
    world.systems.a.delete("1")
    found = await world.detect()
    world.connectors.b.interfere = once("before", "delete", raising(RecordHidden("no such ticket")))
    assert (await world.end_link(gone=found.gone)).outcome == "unreachable"
    world.connectors.b.interfere = once("before", "read", raising(RecordHidden("no such ticket")))
    assert (await world.end_link(gone=found.gone)).outcome == "unreachable"
    assert not world.record(Side.B).deleted


async def test_a_system_that_refuses_to_delete_quarantines_the_pair_with_its_reason(build: Build) -> None:
    world = await build(rule("propagate"))
    world.systems.a.delete("1")
    found = await world.detect()
    world.connectors.b.interfere = once(
        "before", "delete", raising(RecordRejected("tickets are never deleted"))
    )
    stopped = await world.end_link(gone=found.gone)
    assert (stopped.outcome, stopped.standing.states) == ("stopped", ("quarantined",))
    assert "never deleted" in ((await world.work()).pair.quarantine or "")
    await world.detect(retried_by="ines", gone=(Side.A,))
    assert (await world.end_link(gone=found.gone)).outcome == "closed"


async def test_records_of_an_ended_link_may_be_linked_anew(build: Build) -> None:
    world = await build(settings=Pair({}, {}))
    await world.end_link(reason="unlinked", by="ines")
    old = world.pair.pair_id
    await world.link()
    assert world.pair.pair_id != old
    async with world.database.begin() as tx:
        assert (await pairs.get(tx, old)).link == "detached"
