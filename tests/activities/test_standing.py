"""Where a pair stands: states to filter by, one sentence to read."""

from datetime import timedelta
from typing import Any

from activities.messages import PairRef, Standing
from activities.rulebook import Rules
from activities.standing import make_standing, parked_too
from domain.outcome import ReviewRequest
from store.reviews import ReviewRow
from tests.domain.builders import NOW, a_field, an_integration

PAIR = PairRef(integration="test", pair_id="p1", systems=("ServiceNow", "Jira"), keys=("INC1", "OPS-7"))
ASKED = ReviewRow(
    "token", "p1", "title", "open", NOW,
    ReviewRequest(unit="title", conflict_id="token", asked_by="review", reason="both changed it"),
)  # fmt: skip


def standing(
    reviews: list[ReviewRow] | None = None, words: dict[str, Any] | None = None, **parts: Any
) -> Standing:
    rules = Rules(3, an_integration(a_field(), **(words or {})))
    return make_standing(PAIR, rules, reviews or [], **{"held": {}, "parked": {}, **parts})


def test_nothing_that_waits_is_in_step() -> None:
    assert (standing().states, standing().waits_for) == (("in_sync",), "")


def test_everything_that_waits_is_named_in_one_sentence() -> None:
    found = standing([ASKED], held={"priority": "no map"}, parked={"notes": "too long"})
    assert found.states == ("pending_review", "held", "parked", "partial")
    assert (
        found.waits_for
        == "a decision on title; a counterpart for priority (no map); notes is parked: too long"
    )
    assert found.fields == ("title", "priority", "notes")


def test_a_quarantine_leads() -> None:
    found = standing([ASKED], quarantine="refused whole")
    assert (found.states[0], found.waits_for) == ("quarantined", "help: refused whole")


def test_a_sentence_is_bounded() -> None:
    assert len(standing(held={f"field {n}": "x" * 100 for n in range(50)}).waits_for) == 500


def test_deadlines_count_from_the_first_opening() -> None:
    reviews = {
        "remind_after": "30m",
        "escalate_after": "2h",
        "fallback_after": "1d",
        "fallback": [{"source_priority": "a"}],
    }
    (review,) = standing([ASKED], {"reviews": reviews}).reviews
    spans = [at and at - NOW for at in (review.remind_at, review.escalate_at, review.fallback_at)]
    assert spans == [timedelta(minutes=30), timedelta(hours=2), timedelta(days=1)]


def test_nobody_decides_for_an_absent_person_unless_told_to() -> None:
    (review,) = standing([ASKED], {"reviews": {"fallback_after": "1d"}}).reviews
    assert review.fallback_at is None


def test_what_apply_parks_is_added_to_what_waits() -> None:
    parked = parked_too(standing([ASKED]), {"notes": "too long"})
    assert parked.states == ("pending_review", "parked", "partial")
    assert parked.fields == ("title", "notes")
    assert parked.waits_for == "a decision on title; notes is parked: too long"


def test_a_pair_in_step_that_apply_parks_is_no_longer_in_step() -> None:
    assert parked_too(standing(), {"notes": "too long"}).states == ("parked", "partial")
