"""Decisions: judged at the door, by the workflow, and by the engine; every refusal is on record."""

from datetime import timedelta
from typing import Any

import pytest

from domain.outcome import Refusal
from domain.sides import Pair, Side
from gateway.desks import reviews as review_desk
from gateway.finding import Unknown
from store import decisions
from store.database import Database
from tests.activities.world import NOTES, OWNER, PRIORITY, TITLE, declaration
from tests.gateway.house import House, a_house, eventually

pytestmark = pytest.mark.stack


async def refusals(house: House, pair_id: str) -> list[Refusal | None]:
    async with house.database.begin() as tx:
        return [
            row.verdict.refusal for row in await decisions.of_pair(tx, pair_id) if not row.verdict.accepted
        ]


async def test_a_decision_for_a_side_is_carried_out(house: House) -> None:
    pair = await house.in_review()
    answer = await house.operations.reviews.decide("ticket-1", "side", by="ines", side="Left")
    assert (answer.outcome, answer.unit) == ("accepted", "owner")

    async def arrived() -> bool:
        return house.world.shows(Side.B, "assignee") == "nora"

    await eventually(arrived)
    assert await house.operations.reviews.listed(named=pair.id) == []


async def test_the_proposal_is_taken_by_approving(house: House) -> None:
    await house.in_review()
    (review,) = await house.operations.reviews.listed()
    assert review.proposal.startswith("Right")
    assert (await house.operations.reviews.decide(review.token, "approve", by="ines")).outcome == "accepted"

    async def arrived() -> bool:
        return house.world.shows(Side.A, "owner") == "tess"

    await eventually(arrived)


async def test_a_value_of_ones_own_reaches_both_sides(house: House) -> None:
    await house.in_review()
    answer = await house.operations.reviews.decide(
        "TICKET-1", "value", by="ines", side="right", value="both of them"
    )
    assert answer.outcome == "accepted"

    async def arrived() -> bool:
        both = house.world.shows(Side.A, "owner"), house.world.shows(Side.B, "assignee")
        return both == ("both of them", "both of them")

    await eventually(arrived)


async def test_an_answer_to_a_question_that_moved_on_is_refused_with_the_new_one(house: House) -> None:
    pair = await house.in_review()
    (old,) = await house.operations.reviews.listed(named=pair.id)
    house.world.edit(Side.B, assignee="eve")
    await house.operations.controls.sync(pair.id, by="ines")

    async def moved() -> bool:
        return (await house.operations.reviews.listed(named=pair.id))[0].token != old.token

    await eventually(moved)
    answer = await house.operations.reviews.decide(old.token, "approve", by="ines")
    assert (answer.outcome, answer.refusal) == ("refused", Refusal.STALE)
    assert answer.review is not None
    assert "eve" in {value.value for value in answer.review.values}
    assert await refusals(house, pair.id) == [Refusal.STALE]


async def test_a_second_answer_is_refused_as_double(house: House) -> None:
    pair = await house.in_review()
    (review,) = await house.operations.reviews.listed(named=pair.id)
    await house.operations.reviews.decide(review.token, "side", by="ines", side="left")
    answer = await house.operations.reviews.decide(review.token, "side", by="tom", side="right")
    assert (answer.refusal, "ines" in answer.message) == (Refusal.DOUBLE, True)
    assert await refusals(house, pair.id) == [Refusal.DOUBLE]


async def test_a_value_that_the_live_system_does_not_take_is_refused_at_the_door(
    database: Database, temporal_address: str
) -> None:
    settings: Pair[dict[str, Any]] = Pair({}, {"allowed": {"assignee": ["ines", "nora", "tess"]}})
    async with a_house(database, temporal_address, settings=settings) as house:
        pair = await house.in_review()
        taken = await house.updates(pair)
        answer = await house.operations.reviews.decide(
            pair.id, "value", by="ines", side="left", value="nobody"
        )
        assert (answer.outcome, answer.refusal) == ("refused", Refusal.INVALID)
        assert await refusals(house, pair.id) == [Refusal.INVALID]
        assert await house.updates(pair) == taken
        assert len(await house.operations.reviews.listed(named=pair.id)) == 1


async def test_nobody_decides_without_a_name(house: House) -> None:
    pair = await house.in_review()
    answer = await house.operations.reviews.decide(pair.id, "side", by="  ", side="left")
    assert answer.refusal is Refusal.MALFORMED


async def test_which_side_and_which_field_must_be_told_apart(
    database: Database, temporal_address: str
) -> None:
    everything_asks = declaration(TITLE, PRIORITY, OWNER, NOTES, defaults={"policy": ["review"]})
    async with a_house(database, temporal_address, everything_asks) as house:
        pair = await house.linked_in_step()
        house.world.edit(Side.A, title="one", owner="ada")
        house.world.edit(Side.B, summary="two", assignee="tom")
        await house.operations.controls.sync(pair.id, by="ines")
        await eventually(lambda: house.operations.reviews.listed(named=pair.id))
        with pytest.raises(review_desk.Ambiguous, match=r"(owner, title|title, owner)"):
            await house.operations.reviews.decide(pair.id, "approve", by="ines")
        with pytest.raises(Unknown, match="Left or Right"):
            await house.operations.reviews.decide(pair.id, "side", by="ines", side="Middle", unit="title")
        answer = await house.operations.reviews.decide(pair.id, "side", by="ines", side="Left", unit="title")
        assert (answer.outcome, answer.unit) == ("accepted", "title")


async def test_a_pair_without_a_question_says_so(house: House) -> None:
    pair = await house.linked_in_step()
    with pytest.raises(Unknown, match="no review waits"):
        await house.operations.reviews.decide(pair.id, "approve", by="ines")


async def test_a_paused_pair_takes_the_decision_and_judges_it_later(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = await house.in_review()
    await house.operations.controls.tell(pair.id, "pause", by="ines")

    async def paused() -> bool:
        return "paused" in (await house.operations.pairs.find(pair.id)).state

    await eventually(paused)
    monkeypatch.setattr(review_desk, "VERDICT_WITHIN", timedelta(seconds=2))
    answer = await house.operations.reviews.decide(pair.id, "side", by="ines", side="left")
    assert answer.outcome == "queued"
    await house.operations.controls.tell(pair.id, "resume", by="ines")

    async def arrived() -> bool:
        return house.world.shows(Side.B, "assignee") == "nora"

    await eventually(arrived)
