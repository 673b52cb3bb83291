from __future__ import annotations

import json
from pathlib import Path

import pytest

from connectors.jira.transitions import Chart, Transition, TransitionList, fill_screen, pick
from domain.errors import RecordRejected

SAMPLES = Path(__file__).parents[1] / "samples" / "jira"
DONE = {"Done", "Closed"}


def step(to: str, *, identity: str = "", screen: dict[str, bool] | None = None) -> Transition:
    """A transition to this status; `screen` says which of its fields are required."""
    category = {"key": "done" if to in DONE else "indeterminate"}
    status = {"id": identity or f"id of {to}", "name": to, "statusCategory": category}
    fields = {name: {"required": required} for name, required in (screen or {}).items()}
    return Transition.model_validate({"id": f"to {to}", "name": f"go {to}", "to": status, "fields": fields})


def chart(**steps: str) -> Chart:
    """A chart from `status="next next"`; underscores are spaces."""
    drawn = Chart()
    for status, ahead in steps.items():
        drawn.draw(status.replace("_", " "), [step(to.replace("_", " ")) for to in ahead.split()])
    return drawn


def test_the_shortest_way_is_found() -> None:
    known = chart(To_Do="In_Progress Blocked", In_Progress="Review Done", Review="Done", Blocked="To_Do")
    assert known.route("To Do", "Done") == ["In Progress", "Done"]


def test_no_way_leads_through_done() -> None:
    known = chart(Open="Closed", Closed="Reopened", Reopened="Review")
    assert known.route("Open", "Closed") == ["Closed"]
    assert known.route("Open", "Review") is None


def test_a_done_issue_can_be_led_back() -> None:
    assert chart(Done="Open").route("Done", "Open") == ["Open"]


def test_a_way_longer_than_four_hops_is_none() -> None:
    known = chart(A="B", B="C", C="D", D="E", E="F")
    assert known.route("A", "E") == ["B", "C", "D", "E"]
    assert known.route("A", "F") is None


def test_blanks_are_the_statuses_worth_asking_about() -> None:
    known = chart(A="B Done", B="C")
    assert known.blanks("A") == ["C"]


def test_a_newer_list_replaces_what_was_drawn() -> None:
    known = chart(A="B")
    known.draw("A", [step("C")])
    assert known.route("A", "B") is None


def test_two_statuses_of_one_name_are_not_guessed_between() -> None:
    with pytest.raises(RecordRejected) as refused:
        pick([step("Done", identity="1"), step("Done", identity="2")], "Done", {})
    assert "status" in refused.value.fields


def test_a_transition_that_can_be_filled_goes_before_one_that_cannot() -> None:
    bare, demanding = step("Done"), step("Done", screen={"resolution": True})
    assert pick([demanding, bare], "Done", {}) is bare
    assert pick([demanding, bare], "Done", {"resolution": "Fixed"}) is demanding


def test_a_required_field_is_filled_from_the_defaults_and_an_optional_one_is_left() -> None:
    transition = step("Done", screen={"resolution": True, "assignee": False})
    assert fill_screen(transition, {}, {"resolution": "Fixed", "assignee": "ada"}) == {"resolution": "Fixed"}


def test_a_given_value_goes_before_a_default() -> None:
    transition = step("Done", screen={"resolution": True})
    assert fill_screen(transition, {"resolution": "Won't do"}, {"resolution": "Fixed"}) == {
        "resolution": "Won't do"
    }


def test_what_nobody_fills_is_named() -> None:
    with pytest.raises(RecordRejected, match="transition_fields") as refused:
        fill_screen(step("Done", screen={"resolution": True}), {}, {})
    assert set(refused.value.fields) == {"resolution"}


def test_what_the_screen_lacks_is_named() -> None:
    with pytest.raises(RecordRejected) as refused:
        fill_screen(step("Done"), {"resolution": "Fixed"}, {})
    assert set(refused.value.fields) == {"resolution"}


def test_a_field_to_clear_that_the_screen_lacks_is_left_to_the_workflow() -> None:
    assert fill_screen(step("Open"), {"resolution": None}, {}) == {}


@pytest.mark.parametrize(
    ("sample", "statuses"),
    [
        ("transitions.json", {"In Progress", "Closed"}),
        ("swagger_transitions_v3.json", {"In Progress", "Closed"}),
    ],
)
def test_recorded_lists_are_understood(sample: str, statuses: set[str]) -> None:
    listed = TransitionList.model_validate(json.loads((SAMPLES / sample).read_text()))
    assert {transition.to.name for transition in listed.transitions} == statuses
