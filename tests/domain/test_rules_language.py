from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.records import Origin
from domain.rules_language import CREATE_VARIABLES, ConditionError, RuleFailed, compile_condition
from domain.values import MISSING

NOW = datetime(2026, 3, 2, 14, 3, 15, tzinfo=UTC)


def variables(**changed: Any) -> dict[str, Any]:
    side = {
        "value": "P1",
        "as_a": "P1",
        "as_b": "High",
        "at": NOW,
        "by": None,
        "origin": Origin.PERSON,
        "changed": True,
    }
    other = {**side, "value": 3, "at": NOW - timedelta(hours=2), "by": "ann"}
    everything = {
        "a": side,
        "b": other,
        "base": {"a": None, "b": "P2"},
        "newer": "a",
        "unit": "priority",
        "now": NOW,
        "system": {"a": "ServiceNow", "b": "Jira"},
    }
    return everything | changed


@pytest.mark.parametrize(
    "text",
    [
        "'P1' in [a.value, b.value]",
        "b.value == 3 && b.value > 2",
        "b.value > 2.5",
        "a.value != b.value",
        "a.by == null && b.by == 'ann'",
        "base.a == null",
        "a.at > b.at",
        "now - b.at > duration('1h')",
        "now.getHours('Europe/Berlin') == 15",
        "now.getDayOfWeek() == 1",
        "a.origin == 'person'",
        "!has(a.nothing)",
        "newer == 'a' ? a.changed : false",
        "system.b == 'Jira' && unit == 'priority'",
        "a.value.lowerAscii() == 'p1'",
        "a.value.matches('^P[0-9]$')",
    ],
)
def test_what_owners_write_means_what_they_expect(text: str) -> None:
    assert compile_condition(text).holds(variables())
    assert not compile_condition(f"!({text})").holds(variables())


def test_a_group_is_seen_as_a_map_by_field() -> None:
    group = {"value": {"impact": "1", "urgency": None}, "labels": ("net", "db")}
    assert compile_condition("a.value.impact == '1' && 'db' in a.labels").holds(variables(a=group))


def test_a_field_that_the_system_does_not_have_is_absent_and_an_empty_one_is_null() -> None:
    record = {"gone": MISSING, "empty": None}
    assert compile_condition("!has(a.gone) && a.empty == null", CREATE_VARIABLES).holds(
        {"a": record, "b": {}}
    )


@pytest.mark.parametrize("text", ["a.nothing == 1", "a.value > 3", "a.value", "b.as_a.deeper == 1"])
def test_a_condition_without_an_answer_fails_instead_of_being_false(text: str) -> None:
    with pytest.raises(RuleFailed, match="gives no answer"):
        compile_condition(text).holds(variables())


def test_a_failing_half_does_not_matter_where_the_other_decides() -> None:
    assert compile_condition("a.nothing == 1 || newer == 'a'").holds(variables())


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("a.value ==", (1, 11), "Syntax error"),
        ("a.value == 1\n  && foo", (2, 6), "undeclared reference to 'foo'; known here: a, b, base"),
        ("1 + 1", (0, 0), "gives int, not true or false"),
        ("a.value == '" + "x" * 3000 + "'", (0, 0), "at most 2000 characters"),
        ("(" * 300 + "a" + ")" * 300, (0, 0), "recursion limit"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, place: tuple[int, int], says: str) -> None:
    with pytest.raises(ConditionError) as caught:
        compile_condition(text)
    assert says in str(caught.value)
    assert (caught.value.line, caught.value.column) == place


def test_a_condition_that_would_run_for_ever_is_cut_short() -> None:
    condition = "true"
    for level in range(7):
        condition = f"[1,2,3,4,5,6,7,8,9,10].all(v{level}, {condition})"
    with pytest.raises(RuleFailed, match="budget"):
        compile_condition(condition).holds(variables())


def test_the_same_text_is_compiled_once() -> None:
    assert compile_condition("a.changed") is compile_condition("a.changed")
