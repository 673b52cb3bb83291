"""A pass as its users would notice it: what is written, who is asked, what is logged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.engine import assess, decide
from domain.outcome import LogKind, LogStage, UnitState, Winner
from domain.records import FieldVersion
from domain.sides import Pair, Side
from domain.values import MISSING
from domain.view import Overwritten, SideFacts
from tests.domain.builders import (
    IMPACT,
    a_field,
    a_view,
    an_integration,
    at,
    decided,
    edited,
    line,
    unit,
    written,
)

TITLE = {"title": ("t", "t")}
OWNED_BY_A = [{"kind": "source_priority", "owner": "a"}]
OWNED_BY_B = [{"kind": "source_priority", "owner": "b"}]


# ---------------------------------------------------------------------------------------------- one side changed


def test_a_field_that_a_system_lacks_is_left_alone() -> None:
    rules = an_integration(a_field())
    verdict = decide(rules, a_view({"title": "u"}, {}, TITLE))
    assert unit(verdict).state is UnitState.IN_STEP
    assert written(verdict) == {}


def test_clearing_travels() -> None:
    verdict = decide(an_integration(a_field()), a_view({"title": None}, {"title": "t"}, TITLE))
    assert written(verdict) == {(Side.B, "title"): None}


def test_an_edit_against_the_flow_stays_where_it_is_without_a_word() -> None:
    rules = an_integration(a_field(flow="a_to_b"))
    verdict, then = decided(rules, a_view({"title": "t"}, {"title": "v"}, TITLE))
    assert unit(verdict).state is UnitState.BLOCKED
    assert (written(verdict), verdict.log, verdict.adopted) == ({}, (), ())
    assert unit(decide(rules, edited(then, Side.A, title="u"))).conflict_id


@pytest.mark.parametrize(("chain", "expected"), [(OWNED_BY_A, {(Side.B, "title"): "u"}), (OWNED_BY_B, {})])
def test_a_conflict_never_writes_against_the_flow(chain: Any, expected: Any) -> None:
    rules = an_integration(a_field(flow="a_to_b", policy=chain))
    verdict, then = decided(rules, a_view({"title": "u"}, {"title": "v"}, TITLE))
    assert written(verdict) == expected
    assert len(line(verdict).overruled) == 1
    assert unit(decide(rules, then)).state is UnitState.IN_STEP


def test_the_loser_that_stays_on_its_own_side_is_named() -> None:
    rules = an_integration(a_field(flow="a_to_b", policy=OWNED_BY_B))
    verdict = decide(rules, a_view({"title": "u"}, {"title": "v"}, TITLE))
    assert unit(verdict).state is UnitState.BLOCKED
    assert [(o.side, o.value) for o in line(verdict).overruled] == [(Side.A, "u")]
    assert "does not flow" in line(verdict).reason


# ---------------------------------------------------------------------------------------------- the first link


@pytest.mark.parametrize(
    ("on_link", "expected"),
    [("a", {(Side.B, "title"): "u"}), ("b", {(Side.A, "title"): "v"}), ("policy", {(Side.A, "title"): "v"})],
)
def test_a_difference_without_baseline_is_decided_as_declared_and_logged(on_link: Any, expected: Any) -> None:
    rules = an_integration(a_field(on_link=on_link, policy=OWNED_BY_B))
    verdict = decide(rules, a_view({"title": "u"}, {"title": "v"}))
    assert written(verdict) == expected
    assert len(line(verdict).overruled) == 1


def test_a_difference_without_baseline_can_wait_for_a_person() -> None:
    rules = an_integration(a_field(on_link="review", policy=OWNED_BY_B))
    verdict = decide(rules, a_view({"title": "u"}, {"title": "v"}))
    assert unit(verdict).state is UnitState.PENDING
    assert verdict.reviews[0].asked_by == "on_link: review"


def test_equal_values_without_baseline_are_adopted_in_silence() -> None:
    verdict = decide(an_integration(a_field()), a_view({"title": "t"}, {"title": "t"}))
    assert unit(verdict).state is UnitState.ADOPTED
    assert [half.halves for half in verdict.adopted] == [("t", "t")]
    assert verdict.log == ()


# ---------------------------------------------------------------------------------------------- values without counterpart


def impact_of(unmapped: dict[str, Any]) -> Any:
    return an_integration(a_field("impact", values=IMPACT, unmapped=unmapped, policy=OWNED_BY_A))


def test_a_held_value_waits_with_one_line_and_one_alert() -> None:
    view = a_view({"impact": 5}, {"impact": "Medium"}, {"impact": (3, "Medium")})
    verdict = decide(impact_of({"mode": "hold"}), view)
    assert unit(verdict, "impact").state is UnitState.HELD
    assert (line(verdict, "impact").kind, line(verdict, "impact").stage) == (
        LogKind.UNMAPPED,
        LogStage.OPENED,
    )
    assert [(alert.kind, alert.unit) for alert in verdict.alerts] == [("unmapped", "impact")]
    assert "no counterpart in Jira" in verdict.alerts[0].message


def test_an_alert_never_shows_a_sensitive_value() -> None:
    field = a_field("impact", values=IMPACT, sensitive=True)
    view = a_view({"impact": 555}, {"impact": "Medium"}, {"impact": (3, "Medium")})
    assert "555" not in decide(an_integration(field), view).alerts[0].message


@pytest.mark.parametrize(
    ("unmapped", "there"),
    [({"mode": "blank"}, None), ({"mode": "default", "defaults": (("b", "Low"),)}, "Low")],
)
def test_a_substitute_never_echoes_over_the_finer_value(unmapped: Any, there: Any) -> None:
    rules = impact_of(unmapped)
    verdict, then = decided(rules, a_view({"impact": 5}, {"impact": "Medium"}, {"impact": (3, "Medium")}))
    assert written(verdict) == {(Side.B, "impact"): there}
    assert (line(verdict, "impact").policy, line(verdict, "impact").winner) == (unmapped["mode"], Winner.A)
    assert unit(decide(rules, then), "impact").state is UnitState.IN_STEP
    changed = decide(rules, edited(then, Side.B, impact="High"))
    assert written(changed) == {(Side.A, "impact"): 1}


def test_a_default_that_the_system_does_not_allow_is_held() -> None:
    view = a_view({"impact": 5}, {"impact": "Medium"}, {"impact": (3, "Medium")})
    view = replace(view, valid=Pair({}, {"impact": ("High", "Medium")}))
    verdict = decide(impact_of({"mode": "default", "defaults": (("b", "Low"),)}), view)
    assert unit(verdict, "impact").state is UnitState.HELD


def test_a_conflict_won_by_a_substitute_logs_both_the_loser_and_the_substitute() -> None:
    view = a_view({"impact": 5}, {"impact": "High"}, {"impact": (3, "Medium")})
    verdict = decide(impact_of({"mode": "default", "defaults": (("b", "Low"),)}), view)
    assert [one.kind for one in verdict.log] == [LogKind.CONFLICT, LogKind.UNMAPPED]
    assert len({one.conflict_id for one in verdict.log}) == 2


def test_stop_pair_stops_everything_else() -> None:
    rules = an_integration(a_field("impact", values=IMPACT, unmapped={"mode": "stop_pair"}), a_field())
    base = {"impact": (3, "Medium"), **TITLE}
    verdict = decide(rules, a_view({"impact": 5, "title": "u"}, {"impact": "Medium", "title": "t"}, base))
    assert verdict.stop_pair
    assert (verdict.plan, verdict.adopted) == (None, ())
    assert unit(verdict).state is UnitState.BLOCKED


# ---------------------------------------------------------------------------------------------- sets


LABELS = {"type": "set", "values": IMPACT}


def test_a_set_keeps_the_finer_elements_that_stand_for_what_stays() -> None:
    rules = an_integration(a_field("labels", **LABELS))
    view = a_view(
        {"labels": [2, 3]}, {"labels": ["High", "Medium", "Low"]}, {"labels": ([2, 3], ["High", "Medium"])}
    )
    assert written(decide(rules, view)) == {(Side.A, "labels"): [2, 3, 4]}


def test_an_element_without_counterpart_is_left_blank_and_stays_at_home() -> None:
    rules = an_integration(a_field("labels", **LABELS, unmapped={"mode": "blank"}, policy=["merge"]))
    first, then = decided(
        rules, a_view({"labels": [3, 5]}, {"labels": ["Medium"]}, {"labels": ([3], ["Medium"])})
    )
    assert (written(first), line(first, "labels").policy) == ({}, "blank")
    carried, then = decided(rules, edited(then, Side.B, labels=["Medium", "Low"]))
    assert written(carried) == {(Side.A, "labels"): [3, 4, 5]}
    both = edited(edited(then, Side.A, labels=[3, 4, 5, 1]), Side.B, labels=["Low"])
    assert written(decide(rules, both)) == {
        (Side.A, "labels"): [1, 4, 5],
        (Side.B, "labels"): ["High", "Low"],
    }


def test_a_set_merge_waits_for_an_element_without_counterpart() -> None:
    rules = an_integration(a_field("labels", **LABELS, policy=["merge"]))
    view = a_view({"labels": [3, 5]}, {"labels": ["Medium", "Low"]}, {"labels": ([3], ["Medium"])})
    assert unit(decide(rules, view), "labels").state is UnitState.PENDING


# ---------------------------------------------------------------------------------------------- groups


def severity(*policy: Any, **impact: Any) -> Any:
    return an_integration(
        a_field("impact", **impact),
        a_field("urgency", type="set"),
        groups=({"name": "severity", "fields": ("impact", "urgency"), "policy": policy},),
    )


BASE = {"impact": ("i", "i"), "urgency": (["u"], ["u"])}


def test_changes_of_different_members_are_one_conflict_and_one_side_wins_whole() -> None:
    rules = severity(OWNED_BY_A[0])
    view = a_view({"impact": "j", "urgency": ["u"]}, {"impact": "i", "urgency": ["w"]}, BASE)
    verdict = decide(rules, view)
    assert list(assess(rules, view).conflicts) == ["severity"]
    assert written(verdict) == {(Side.B, "impact"): "j", (Side.B, "urgency"): ["u"]}
    assert [(o.field, o.value) for o in line(verdict, "severity").overruled] == [("urgency", ["w"])]


def test_a_group_is_not_merged_where_one_member_can_not_be() -> None:
    view = a_view({"impact": "j", "urgency": ["u", "a"]}, {"impact": "k", "urgency": ["u", "b"]}, BASE)
    verdict = decide(severity("merge"), view)
    assert unit(verdict, "severity").state is UnitState.PENDING
    assert written(verdict) == {}


def test_a_member_that_says_the_same_is_not_written() -> None:
    rules = an_integration(
        a_field("impact", values=IMPACT),
        a_field("urgency"),
        groups=({"name": "severity", "fields": ("impact", "urgency"), "policy": OWNED_BY_B},),
    )
    base = {"impact": (3, "Medium"), "urgency": ("u", "u")}
    view = a_view({"impact": 2, "urgency": "v"}, {"impact": "High", "urgency": "w"}, base)
    verdict = decide(rules, view)
    assert written(verdict) == {(Side.A, "urgency"): "w"}
    assert {half.field for half in verdict.plan.settles if verdict.plan} == {"impact", "urgency"}


def test_one_member_without_counterpart_holds_the_group() -> None:
    rules = severity(OWNED_BY_A[0], values=IMPACT)
    base = {"impact": (3, "Medium"), "urgency": (["u"], ["u"])}
    verdict = decide(
        rules, a_view({"impact": 5, "urgency": ["v"]}, {"impact": "Medium", "urgency": ["u"]}, base)
    )
    assert unit(verdict, "severity").state is UnitState.HELD
    assert written(verdict) == {}


# ---------------------------------------------------------------------------------------------- waiting


def test_other_fields_flow_while_one_waits() -> None:
    rules = an_integration(a_field("state", policy=["review"]), a_field())
    base = {"state": ("o", "o"), **TITLE}
    verdict = decide(rules, a_view({"state": "x", "title": "u"}, {"state": "y", "title": "t"}, base))
    assert written(verdict) == {(Side.B, "title"): "u"}


def test_the_whole_pair_waits_where_the_declaration_says_so() -> None:
    rules = an_integration(a_field("state", policy=["review"]), a_field(), reviews={"hold": "record"})
    base = {"state": ("o", "o"), **TITLE}
    verdict = decide(rules, a_view({"state": "x", "title": "u"}, {"state": "y", "title": "t"}, base))
    assert (written(verdict), verdict.adopted) == ({}, ())
    assert unit(verdict).state is UnitState.BLOCKED
    assert "state" in unit(verdict).reason


def test_a_parked_unit_is_untouched() -> None:
    view = replace(a_view({"title": "u"}, {"title": "v"}, TITLE), parked={"title": "flapping"})
    verdict = decide(an_integration(a_field()), view)
    assert (unit(verdict).state, unit(verdict).reason) == (UnitState.PARKED, "flapping")
    assert (written(verdict), verdict.log, verdict.adopted) == ({}, (), ())


# ---------------------------------------------------------------------------------------------- races


def a_race(**words: Any) -> Any:
    """Our write of A's `u` hit a person's `h` on B."""
    hit = Overwritten(FieldVersion(field="title", value="h", at=at(50), by="hana"), ours="u")
    facts = Pair(SideFacts(), SideFacts(overwritten={"title": hit}))
    return a_view({"title": "u"}, {"title": "u"}, facts=facts, **words)


@pytest.mark.parametrize("base", [("t", "t"), ("u", "u")])
def test_an_edit_that_our_write_hit_can_still_win(base: Any) -> None:
    rules = an_integration(a_field(policy=OWNED_BY_B))
    verdict, then = decided(rules, a_race(base={"title": base}))
    assert written(verdict) == {(Side.A, "title"): "h", (Side.B, "title"): "h"}
    assert (line(verdict).kind, line(verdict).winner) == (LogKind.RACE, Winner.B)
    assert unit(decide(rules, then)).state is UnitState.IN_STEP


def test_an_edit_that_our_write_hit_and_that_loses_is_named_with_its_author() -> None:
    verdict = decide(an_integration(a_field(policy=OWNED_BY_A)), a_race(base=TITLE))
    assert written(verdict) == {}
    assert [half.halves for half in verdict.adopted] == [("u", "u")]
    assert [(o.value, o.by, o.at) for o in line(verdict).overruled] == [("h", "hana", at(50))]


def test_an_edit_that_our_write_hit_isnt_decided_on_once_something_else_stands_there() -> None:
    view = edited(a_race(base=TITLE), Side.B, title="later")
    verdict = decide(an_integration(a_field(policy=OWNED_BY_B)), view)
    assert line(verdict).kind is LogKind.CONFLICT
    assert written(verdict) == {(Side.A, "title"): "later"}


# ---------------------------------------------------------------------------------------------- what is said


def test_a_line_names_base_values_authors_history_and_what_beat_what() -> None:
    history = (
        FieldVersion(field="title", value="draft", at=at(5), by="ann"),
        FieldVersion(field="title", value="u", at=at(10), by="ann"),
    )
    facts = Pair(SideFacts(history=history), SideFacts())
    view = a_view({"title": "u"}, {"title": "v"}, TITLE, ({}, {"title": 30}), facts=facts)
    said = line(decide(an_integration(a_field()), view))
    assert said.base == {"title": ("t", "t")}
    assert [(v.side, v.value, v.by, v.at) for v in said.values] == [
        (Side.A, "u", "ann", at(10)),
        (Side.B, "v", "person b", at(30)),
    ]
    assert [(side, version.value) for side, version in said.history] == [(Side.A, "draft"), (Side.A, "u")]
    loser = said.overruled[0]
    assert (loser.value, loser.by, loser.beaten_by, loser.rule) == ("u", "ann", "v", "last_write_wins")
    assert loser.why == "Jira was edited later than ServiceNow"
    assert said.outcome == {"title": ("v", "v")}


def test_the_policy_is_the_head_of_the_chain_and_the_rule_the_one_that_decided() -> None:
    rules = an_integration(a_field(policy=["last_write_wins", OWNED_BY_B[0]]))
    said = line(decide(rules, a_view({"title": "u"}, {"title": "v"}, TITLE)))
    assert (said.policy, said.rule) == ("last_write_wins", "source_priority: Jira")


def test_contested_fields_are_named_so_that_their_histories_can_be_asked_for() -> None:
    rules = an_integration(a_field("title", a="short_description", b="summary"))
    view = a_view({"short_description": "u"}, {"summary": "v"}, TITLE)
    assert assess(rules, view).contested_natives == Pair(("short_description",), ("summary",))


def test_a_missing_value_is_not_an_empty_one() -> None:
    view = a_view({}, {"title": "t"}, TITLE)
    assert view.snapshots.a.value("title") is MISSING
    assert written(decide(an_integration(a_field()), view)) == {}
