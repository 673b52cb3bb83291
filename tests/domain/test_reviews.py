"""What a reviewer is shown, and which answers count."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.engine import assess, decide
from domain.outcome import Decision, LogStage, Refusal, UnitState, Verdict, Winner
from domain.reviews import judge
from domain.sides import Pair, Side
from tests.domain.builders import IMPACT, a_field, a_view, after, an_integration, edited, line, unit, written

RULES = an_integration(a_field("state", policy=["review"]))
VIEW = a_view({"state": "x"}, {"state": "y"}, {"state": ("o", "o")}, ({"state": 10}, {"state": 100}))
TOKEN = assess(RULES, VIEW).conflicts["state"]
UNDATED = replace(VIEW, snapshots=a_view({"state": "x"}, {"state": "y"}).snapshots)


def said(*decisions: Decision, rules: Any = RULES, view: Any = VIEW) -> Verdict:
    return decide(rules, replace(view, decisions=decisions))


def choose(side: Side, **words: Any) -> Decision:
    return Decision(token=TOKEN, choice="side", side=side, by="ann", **words)


def give(value: Any, **words: Any) -> Decision:
    return Decision.model_validate(
        {"token": TOKEN, "choice": "value", "side": "a", "value": value, "by": "ann", **words}
    )


def refusal(verdict: Verdict) -> Refusal | None:
    return verdict.decisions[0].refusal


def test_a_review_shows_base_both_values_how_they_read_over_there_and_the_proposal() -> None:
    rules = an_integration(a_field("state", values=IMPACT, policy=["review"]))
    view = a_view({"state": 5}, {"state": "High"}, {"state": (3, "Medium")}, ({"state": 10}, {"state": 100}))
    review = decide(rules, view).reviews[0]
    assert review.base == {"state": (3, "Medium")}
    assert [(v.side, v.value) for v in review.values] == [(Side.A, 5), (Side.B, "High")]
    assert review.mapped == {"state": (1, None)}
    assert review.proposal is not None
    assert (review.proposal.winner, review.proposal.outcome) == (Winner.B, {"state": (1, "High")})


def test_the_proposal_is_the_later_stamp_else_the_last_policy_that_decides_else_none() -> None:
    owned = an_integration(a_field("state", policy=["review", {"kind": "source_priority", "owner": "a"}]))
    proposals = [decide(rules, view).reviews[0].proposal for rules, view in ((owned, VIEW), (owned, UNDATED))]
    assert [p and p.winner for p in proposals] == [Winner.B, Winner.A]
    assert decide(RULES, UNDATED).reviews[0].proposal is None


def test_a_side_is_chosen() -> None:
    verdict = said(choose(Side.A, note="agreed by phone"))
    assert written(verdict) == {(Side.B, "state"): "x"}
    resolved = line(verdict, "state")
    assert (resolved.stage, resolved.winner, resolved.by, resolved.note) == (
        LogStage.RESOLVED,
        Winner.A,
        "ann",
        "agreed by phone",
    )
    assert [(o.side, o.value) for o in resolved.overruled] == [(Side.B, "y")]
    assert verdict.reviews == ()


def test_approve_takes_the_proposal() -> None:
    verdict = said(Decision(token=TOKEN, choice="approve", by="ann"))
    assert written(verdict) == {(Side.A, "state"): "y"}
    assert line(verdict, "state").rule == "review: approved last_write_wins"


def test_approve_without_a_proposal_is_refused() -> None:
    verdict = said(Decision(token=TOKEN, choice="approve", by="ann"), view=UNDATED)
    assert refusal(verdict) is Refusal.NO_PROPOSAL
    assert unit(verdict, "state").state is UnitState.PENDING


def test_a_third_value_goes_to_both_sides_and_overrules_both() -> None:
    verdict = said(give("z"))
    assert written(verdict) == {(Side.A, "state"): "z", (Side.B, "state"): "z"}
    assert len(line(verdict, "state").overruled) == 2


def test_a_given_value_is_mapped_and_keeps_a_finer_one_that_says_the_same() -> None:
    rules = an_integration(a_field("state", values=IMPACT, policy=["review"]))
    view = a_view({"state": 2}, {"state": "Low"}, {"state": (3, "Medium")})
    token = assess(rules, view).conflicts["state"]
    for value, expected in (("High", {(Side.B, "state"): "High"}), ("Medium", 2)):
        verdict = said(give(value, token=token, side="b"), rules=rules, view=view)
        assert written(verdict) == expected or len(written(verdict)) == expected


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        (Decision(token="old", choice="side", side=Side.A, unit="state"), Refusal.STALE),
        (Decision(token=TOKEN), Refusal.MALFORMED),
        (Decision(token=TOKEN, choice="side"), Refusal.MALFORMED),
        (Decision(token=TOKEN, choice="value", value="z"), Refusal.MALFORMED),
        (give("P9<script>"), Refusal.INVALID),
    ],
)
def test_what_does_not_count_is_refused_and_the_review_stays_open(
    decision: Decision, expected: Refusal
) -> None:
    view = replace(VIEW, valid=Pair({"state": ("o", "x", "y", "z")}, {"state": ("o", "x", "y", "z")}))
    verdict = said(decision, view=view)
    assert refusal(verdict) is expected
    assert (unit(verdict, "state").state, written(verdict)) == (UnitState.PENDING, {})
    alerts = [(alert.kind, alert.unit) for alert in verdict.alerts]
    assert alerts == ([(expected.value, "state")] if expected in {Refusal.STALE, Refusal.INVALID} else [])


def test_the_first_decision_counts_and_the_second_is_told() -> None:
    verdict = said(choose(Side.A), choose(Side.B))
    assert [one.refusal for one in verdict.decisions] == [None, Refusal.DOUBLE]
    assert written(verdict) == {(Side.B, "state"): "x"}
    assert len(verdict.log) == 1


def test_a_decision_can_not_be_made_twice() -> None:
    first = said(choose(Side.A))
    again = said(choose(Side.A), view=after(RULES, VIEW, first))
    assert refusal(again) is Refusal.STALE


def test_a_side_whose_value_has_no_counterpart_can_not_be_chosen() -> None:
    rules = an_integration(a_field("state", values=IMPACT, policy=["review"]))
    view = a_view({"state": 5}, {"state": "High"}, {"state": (3, "Medium")})
    token = assess(rules, view).conflicts["state"]
    verdict = said(choose(Side.A).model_copy(update={"token": token}), rules=rules, view=view)
    assert refusal(verdict) is Refusal.INVALID


def test_a_person_decides_also_where_the_rest_of_the_pair_waits() -> None:
    rules = an_integration(
        a_field("state", policy=["review"]), a_field("other", policy=["review"]), reviews={"hold": "record"}
    )
    view = a_view(
        {"state": "x", "other": 1}, {"state": "y", "other": 2}, {"state": ("o", "o"), "other": (0, 0)}
    )
    token = assess(rules, view).conflicts["state"]
    verdict = said(choose(Side.A).model_copy(update={"token": token}), rules=rules, view=view)
    assert written(verdict) == {(Side.B, "state"): "x"}


def test_a_groups_value_is_a_map_of_all_its_members() -> None:
    group = {"name": "g", "fields": ("x", "y"), "policy": ["review"]}
    rules = an_integration(a_field("x"), a_field("y"), groups=(group,))
    view = a_view({"x": 1, "y": 1}, {"x": 2, "y": 2}, {"x": (0, 0), "y": (0, 0)})
    token = assess(rules, view).conflicts["g"]
    assert refusal(said(give({"x": 3}, token=token), rules=rules, view=view)) is Refusal.MALFORMED
    assert refusal(said(give(3, token=token), rules=rules, view=view)) is Refusal.MALFORMED
    verdict = said(give({"x": 3, "y": 4}, token=token), rules=rules, view=view)
    assert written(verdict)[Side.B, "y"] == 4


def test_a_value_for_a_field_that_flows_one_way_is_refused() -> None:
    rules = an_integration(a_field("state", policy=["review"], flow="a_to_b"))
    token = assess(rules, VIEW).conflicts["state"]
    verdict = said(give("z", token=token), rules=rules)
    assert refusal(verdict) is Refusal.INVALID


def test_the_fallback_decides_by_the_declared_chain_and_not_as_a_person() -> None:
    owner = [{"kind": "source_priority", "owner": "a"}]
    rules = an_integration(a_field("state", policy=["review"]), reviews={"fallback": owner})
    verdict = said(Decision(token=TOKEN, channel="fallback"), rules=rules)
    assert written(verdict) == {(Side.B, "state"): "x"}
    assert (line(verdict, "state").stage, line(verdict, "state").by) == (LogStage.DECIDED, None)
    assert line(verdict, "state").rule == "fallback: source_priority: ServiceNow"
    assert refusal(said(Decision(token=TOKEN, channel="fallback"))) is Refusal.NO_PROPOSAL


def test_the_door_judges_as_the_engine_does() -> None:
    review, declared = decide(RULES, VIEW).reviews[0], RULES.units[0]
    assert judge(choose(Side.A), review, declared) is None
    stale = judge(choose(Side.A).model_copy(update={"token": "old"}), review, declared)
    assert stale is not None
    assert stale.refusal is Refusal.STALE
    invalid = judge(give("no"), review, declared, Pair({"state": ("x",)}, {}))
    assert invalid is not None
    assert invalid.refusal is Refusal.INVALID


def test_a_review_closes_itself_when_the_sides_become_equal() -> None:
    verdict = decide(RULES, edited(VIEW, Side.B, state="x"))
    assert (verdict.reviews, verdict.log, written(verdict)) == ((), (), {})
    assert unit(verdict, "state").state is UnitState.ADOPTED


def test_a_side_that_returns_to_the_baseline_lets_the_other_flow() -> None:
    verdict = decide(RULES, edited(VIEW, Side.B, state="o"))
    assert verdict.reviews == ()
    assert written(verdict) == {(Side.B, "state"): "x"}


def test_another_fields_commit_leaves_the_token_alone() -> None:
    rules = an_integration(a_field("state", policy=["review"]), a_field())
    view = a_view(
        {"state": "x", "title": "u"}, {"state": "y", "title": "t"}, {"state": ("o", "o"), "title": ("t", "t")}
    )
    first = decide(rules, view)
    assert decide(rules, after(rules, view, first)).reviews[0].conflict_id == first.reviews[0].conflict_id
