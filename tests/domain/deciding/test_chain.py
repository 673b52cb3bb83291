from __future__ import annotations

from typing import Any

import pytest

from domain.engine import decide
from domain.outcome import UnitState, Verdict, Winner
from domain.sides import Pair, Side
from tests.domain.builders import IMPACT, a_field, a_view, an_integration, line, unit, written

BASE = {"title": ("t", "t")}


def clash(*policy: Any, stamps: Any = ({}, {}), valid: Any = None, **words: Any) -> Verdict:
    view = a_view({"title": "u"}, {"title": "v"}, BASE, stamps, valid=valid or Pair({}, {}), **words)
    return decide(an_integration(a_field(policy=policy)), view)


def a_rule(when: str, decide: Any) -> dict[str, Any]:
    return {"kind": "rules", "rules": [{"when": when, "decide": decide}]}


def test_the_next_policy_is_asked_where_one_passes() -> None:
    assert unit(clash("last_write_wins", {"kind": "source_priority", "owner": "b"})).winner is Winner.B


def test_the_end_of_every_chain_is_a_person() -> None:
    for chain in ((), ("last_write_wins",), ("merge", "last_write_wins")):
        assert unit(clash(*chain)).state is UnitState.PENDING


def test_the_reviewer_learns_why_each_policy_passed() -> None:
    rules = an_integration(a_field(type="value", policy=["merge", "last_write_wins"]))
    reason = unit(decide(rules, a_view({"title": "u"}, {"title": "v"}, BASE))).reason
    assert "nothing to merge" in reason
    assert "no stamp" in reason


@pytest.mark.parametrize(
    ("when", "decision", "winner"),
    [
        ("a.value == 'u'", "a", Winner.A),
        ("b.value == 'v' && base.a == 't'", "b", Winner.B),
        ("newer == 'b'", "b", Winner.B),
        ("b.by == 'person b' && a.at < b.at", "b", Winner.B),
        ("'ServiceNow' == system.a && unit == 'title'", "a", Winner.A),
        ("now > timestamp('2026-01-01T00:00:00Z')", "a", Winner.A),
        ("true", {"value": "w", "side": "b"}, Winner.VALUE),
        ("true", {"value": "v", "side": "b"}, Winner.B),
    ],
)
def test_a_rule_decides_over_values_recency_source_and_actor(
    when: str, decision: Any, winner: Winner
) -> None:
    verdict = clash(a_rule(when, decision), stamps=({"title": 10}, {"title": 100}))
    assert unit(verdict).winner is winner
    assert line(verdict).rule == f"rules: {when}"


def test_a_rule_may_ask_for_a_person_or_hand_on() -> None:
    owner = {"kind": "source_priority", "owner": "a"}
    assert unit(clash(a_rule("true", "review"), owner)).state is UnitState.PENDING
    assert unit(clash(a_rule("true", "next"), owner)).winner is Winner.A
    assert unit(clash(a_rule("false", "review"), owner)).winner is Winner.A


def test_a_rule_that_fails_holds_the_field_for_a_person() -> None:
    verdict = clash(a_rule("a.nonsense == 1", "a"), {"kind": "source_priority", "owner": "a"})
    assert unit(verdict).state is UnitState.PENDING


def test_a_rules_value_must_fit_both_systems() -> None:
    rule = a_rule("true", {"value": "w", "side": "a"})
    verdict = clash(rule, valid=Pair({}, {"title": ("u", "v")}))
    assert (unit(verdict).state, written(verdict)) == (UnitState.PENDING, {})


def test_a_rules_value_is_mapped_to_the_other_side() -> None:
    field = a_field(values=IMPACT, policy=[a_rule("a.as_b == 'Low'", {"value": 3, "side": "a"})])
    verdict = decide(an_integration(field), a_view({"title": 4}, {"title": "High"}, {"title": (3, "Medium")}))
    assert written(verdict) == {(Side.A, "title"): 3, (Side.B, "title"): "Medium"}


@pytest.mark.parametrize(
    ("said", "winner"),
    [("a", Winner.A), ("b", Winner.B), ({"value": "w", "side": "a"}, Winner.VALUE)],
)
def test_a_custom_policy_decides(said: Any, winner: Winner) -> None:
    verdict = clash({"kind": "custom", "name": "ours", "params": {"x": 1}}, custom={"ours": lambda *_: said})
    assert unit(verdict).winner is winner
    assert line(verdict).rule == "custom: ours"


def test_a_custom_policy_gets_its_parameters_and_the_facts() -> None:
    seen: list[Any] = []

    def ours(params: Any, facts: Any) -> str:
        seen.append((params, facts["a"]["value"], facts["b"]["value"], facts["newer"]))
        return "next"

    verdict = clash(
        {"kind": "custom", "name": "ours", "params": {"x": 1}},
        {"kind": "source_priority", "owner": "a"},
        custom={"ours": ours},
    )
    assert seen[0] == ({"x": 1}, "u", "v", "none")
    assert unit(verdict).winner is Winner.A


def test_a_custom_policy_may_merge_or_ask() -> None:
    field = a_field(type="set", policy=[{"kind": "custom", "name": "ours"}])
    view = a_view(
        {"title": ["x", "a"]},
        {"title": ["x", "b"]},
        {"title": (["x"], ["x"])},
        custom={"ours": lambda *_: "merged"},
    )
    assert unit(decide(an_integration(field), view)).winner is Winner.MERGED
    verdict = clash({"kind": "custom", "name": "ours"}, custom={"ours": lambda *_: "review"})
    assert unit(verdict).state is UnitState.PENDING


@pytest.mark.parametrize(
    "fails", [lambda _, facts: int(facts["a"]["value"]), lambda _, facts: {"leaks": facts["a"]["value"]}]
)
def test_a_failing_custom_policy_quotes_no_sensitive_value(fails: Any) -> None:
    field = a_field(sensitive=True, policy=[{"kind": "custom", "name": "ours"}])
    view = a_view({"title": "s3cret"}, {"title": "v"}, BASE, custom={"ours": fails})
    reason = unit(decide(an_integration(field), view)).reason
    assert "custom policy" in reason
    assert "s3cret" not in reason


def test_a_custom_policy_that_is_not_installed_holds_the_field() -> None:
    verdict = clash({"kind": "custom", "name": "gone"})
    assert "gone" in unit(verdict).reason
    assert unit(verdict).state is UnitState.PENDING
