"""What a pair remembers, without a server."""

from datetime import UTC, datetime, timedelta

import pytest

from activities.messages import PairRef, SideNotice
from domain.outcome import Decision, DecisionVerdict
from domain.sides import SIDES, Side
from tests.workflows.stage import a_review, standing
from workflows.state import REMEMBERED, ApproveSignal, OperatorSignal, OverrideSignal, PairState

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def a_state() -> PairState:
    return PairState(pair=PairRef(integration="tickets", pair_id="p1", systems=("ServiceNow", "Jira")))


def verdict(token: str, *, accepted: bool) -> DecisionVerdict:
    return DecisionVerdict(token=token, accepted=accepted, message="")


def test_one_notice_per_side_is_kept_the_newest() -> None:
    state = a_state()
    for version in ("1", "2"):
        state.notice(SideNotice(side=Side.A, version=version))
    assert {side: notice.version for side, notice in state.dirty.items()} == {Side.A: "2"}


def test_looking_everywhere_overwrites_no_notice() -> None:
    state = a_state()
    state.notice(SideNotice(side=Side.A, version="1"))
    state.look_everywhere("resumed by ines")
    assert state.dirty[Side.A].version == "1"
    assert set(state.dirty) == set(SIDES)


def test_a_deletion_stays_told_when_a_later_notice_of_that_side_comes() -> None:
    state = a_state()
    state.notice(SideNotice(side=Side.A, kind="deleted"))
    state.notice(SideNotice(side=Side.A))
    assert state.gone == {Side.A}


def test_what_an_interrupted_pass_had_taken_comes_back_under_what_came_meanwhile() -> None:
    state = a_state()
    state.notice(SideNotice(side=Side.A, version="1"))
    state.notice(SideNotice(side=Side.B, kind="deleted"))
    state.queue(Decision(token="first"))
    taken = state.take()
    assert not state.has_work
    state.notice(SideNotice(side=Side.A, version="2"))
    state.queue(Decision(token="second"))
    state.put_back(taken)
    assert state.dirty[Side.A].version == "2"
    assert state.gone == {Side.B}
    assert [said.token for said in state.decisions] == ["first", "second"]


@pytest.mark.parametrize(
    "waits", [{"paused_by": "ines"}, {"stopped": "refused"}, {"retry_at": NOON}, {"unlink_by": "ines"}]
)
def test_no_pass_is_wanted_while_the_pair_waits_or_ends(waits: dict[str, object]) -> None:
    state = a_state().model_copy(update=waits)
    state.look_everywhere("x")
    assert not state.wants_pass
    assert state.has_work


def test_a_decision_ends_a_back_off() -> None:
    state = a_state().model_copy(update={"retry_at": NOON})
    state.queue(Decision(token="t1"))
    assert state.wants_pass


def test_a_refused_token_may_be_answered_again_but_not_one_that_was_accepted_too() -> None:
    state = a_state()
    for token in ("t1", "t2", "t2"):
        state.queue(Decision(token=token))
    state.judge([verdict("t1", accepted=False), verdict("t2", accepted=True), verdict("t2", accepted=False)])
    assert "t1" not in state.decided
    assert "t2" in state.decided


def test_only_what_was_not_judged_is_heard_again() -> None:
    state = a_state()
    state.hear_again([Decision(token="t1"), Decision(token="t2")], [verdict("t1", accepted=True)])
    assert [said.token for said in state.decisions] == ["t2"]


def test_the_memory_of_decided_tokens_is_bounded() -> None:
    state = a_state()
    for n in range(REMEMBERED + 10):
        state.queue(Decision(token=str(n)))
    assert len(state.decided) == REMEMBERED


def test_deadlines_are_ordered_and_skip_what_was_sent_or_answered() -> None:
    state = a_state()
    first = a_review("t1", NOON, "owner", remind=HOUR, escalate=3 * HOUR)
    second = a_review("t2", NOON, "team", remind=2 * HOUR)
    state.stand(standing(first, second))
    assert [one.mark for one in state.deadlines()] == ["owner/reminded", "team/reminded", "owner/escalated"]
    state.sent.append("owner/reminded")
    state.queue(Decision(token="t2"))
    assert [one.mark for one in state.deadlines()] == ["owner/escalated"]


def test_reminders_of_a_closed_review_are_forgotten_of_an_open_one_kept() -> None:
    state = a_state().model_copy(update={"sent": ["team/shift/reminded", "owner/reminded"]})
    state.stand(standing(a_review("t2", NOON, "team/shift")))
    assert state.sent == ["team/shift/reminded"]


@pytest.mark.parametrize(
    ("written", "side"), [("a", Side.A), (" Jira ", Side.B), ("servicenow", Side.A), ("pagerduty", None)]
)
def test_a_signal_names_a_side_by_letter_or_system(written: str, side: Side | None) -> None:
    said = OverrideSignal(token="t1", side=written).decision(("ServiceNow", "Jira"))
    assert (said.choice, said.side, said.channel) == ("side", side, "signal")


def test_a_signal_with_a_value_or_an_empty_one_gives_a_value() -> None:
    systems = ("ServiceNow", "Jira")
    assert OverrideSignal(side="a", value="eva").decision(systems).choice == "value"
    emptied = OverrideSignal(side="a", empty=True).decision(systems)
    assert (emptied.choice, emptied.value) == ("value", None)


def test_signals_bear_that_everything_is_missing() -> None:
    assert ApproveSignal.model_validate({}).decision().choice == "approve"
    assert OperatorSignal.model_validate({}).who == "an operator"


def test_a_state_of_an_older_version_is_read() -> None:
    assert (
        PairState.model_validate({"pair": {"integration": "tickets", "pair_id": "p1"}, "unknown": 1}).runs
        == 1
    )
