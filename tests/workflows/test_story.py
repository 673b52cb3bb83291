"""What the Temporal UI shows of a pair."""

from datetime import UTC, datetime

from activities.messages import PairRef, Standing
from tests.workflows.stage import a_review, standing
from workflows.state import PairState
from workflows.story import changed_attributes, details, first_attributes

PAIR = PairRef(integration="tickets", pair_id="p1", systems=("ServiceNow", "Jira"), keys=("INC1", "OPS-7"))
REVIEW = a_review("t1", datetime(2026, 11, 3, 12, tzinfo=UTC)).model_copy(update={"asked_by": "review"})


def page(**words: object) -> str:
    return details(PairState(pair=PAIR).model_copy(update=words))


def changed(before: Standing, now: Standing) -> list[str]:
    return [update.key.name for update in changed_attributes(before, now)]


def test_a_pair_is_found_from_its_first_moment() -> None:
    found = {pair.key.name: pair.value for pair in first_attributes(PAIR)}
    assert found == {
        "AccordIntegration": "tickets",
        "AccordRecords": ["INC1", "OPS-7"],
        "AccordSystems": "ServiceNow Jira",
    }


def test_an_unchanged_standing_sends_nothing() -> None:
    assert changed(standing(REVIEW), standing(REVIEW)) == []


def test_only_what_changed_is_sent() -> None:
    assert changed(standing(), standing(REVIEW)) == ["AccordState", "AccordFields"]
    moved = standing(keys=("INC1", "OPS-8"))
    assert changed(standing(keys=("INC1", "OPS-7")), moved) == ["AccordRecords"]


def test_fields_that_are_settled_are_unset() -> None:
    (_, fields) = changed_attributes(standing(REVIEW), standing())
    assert fields.value is None


def test_the_page_says_what_the_pair_waits_for() -> None:
    assert "**In step.**" in page(standing=standing())
    assert "**Waits**: a decision on owner" in page(standing=standing(REVIEW))
    assert "**Paused** by ines." in page(paused_by="ines", standing=standing(REVIEW))
    assert "then send the signal `retry`" in page(stopped="refused whole")


def test_the_page_gives_the_answer_ready_to_paste_with_its_token() -> None:
    shown = page(standing=standing(REVIEW))
    assert '`approve` with `{"token": "t1", "by": "your name"}`' in shown
    assert '`override` with `{"token": "t1", "side": "ServiceNow", "by": "your name"}`' in shown
    assert "| Jira | `eva` |" in shown
