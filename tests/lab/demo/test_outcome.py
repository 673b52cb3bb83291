from dataclasses import replace

from lab.demo.outcome import Row
from lab.demo.script import DIVERGENCE, PRIORITY, Ending, Scenario

KEYS = {"servicenow": "INC1", "jira": "OPS-1", "pagerduty": "1", "round": "1"}


def a_row(ending: Ending, scenario: Scenario = PRIORITY, decided_for: str = "") -> Row:
    return Row(scenario, KEYS, (), ending, decided_for)


RIGHT = a_row(PRIORITY.ending).expected
"""The script's ending as it is read: with the records' keys."""


def test_a_row_that_stands_as_the_script_says_differs_in_nothing() -> None:
    assert a_row(RIGHT).differences() == []


def test_a_difference_names_the_part_what_was_expected_and_what_was_found() -> None:
    wrong = replace(RIGHT, written=())
    assert a_row(wrong).differences() == ["written: expected ServiceNow INC1 priority: 3 → 1; found nothing"]


def test_a_row_is_not_as_expected_before_everybody_has_acted() -> None:
    assert not a_row(RIGHT).is_as_expected


def test_after_a_decision_the_chosen_systems_ending_is_expected_whatever_way_it_was_chosen() -> None:
    stale = Ending(decided=("state: waits for a person",), rules=("review: approved",), stands=())
    expected = a_row(stale, DIVERGENCE, "ServiceNow").expected
    assert expected.written == ("Jira OPS-1 state: Done → In Progress",)
    assert expected.rules == ("review: approved",)


def test_a_decision_that_the_script_does_not_foresee_is_taken_as_it_is() -> None:
    chosen = Ending(decided=("state: a third value stands (1 / To Do), says a person",), stands=())
    assert a_row(chosen, DIVERGENCE, "a third value").differences() == []
