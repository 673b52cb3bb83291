from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.engine import decide
from domain.integration import FieldMap, Integration
from domain.mapping import agree
from domain.outcome import UnitState, Verdict
from domain.sides import Pair
from domain.view import PairView
from integrations.loader import load_integration, parse_integration
from integrations.mistakes import DeclarationError
from integrations.rehearsal import Departure, Rehearsed, departures, read_expectations, recorded, rehearse
from integrations.samples import in_step

EXAMPLE = Path(__file__).parents[2] / "integrations/examples/servicenow_jira_incident.yaml"
HEAD = "name: t\na: {connection: snow, record_type: incident}\nb: {connection: jira, record_type: Bug}\n"


def declared(field: str) -> Integration:
    return parse_integration(f"{HEAD}fields: [{{name: x, a: p, b: q, {field}}}]\n")


def outcomes(rules: Integration, **more: Any) -> dict[str, str]:
    return {row.situation: row.outcome for row in rehearse(rules, **more)}


@pytest.fixture(scope="module")
def example() -> list[Rehearsed]:
    return rehearse(load_integration(EXAMPLE), names=Pair("ServiceNow", "Jira"))


def outcome(rows: list[Rehearsed], unit: str, situation: str) -> str:
    (found,) = [row.outcome for row in rows if (row.unit, row.situation) == (unit, situation)]
    return found


# ------------------------------------------------------------------------------------------------------ rehearsing
def test_every_unit_of_the_example_is_tried_and_meets_a_conflict(example: list[Rehearsed]) -> None:
    against = {row.unit for row in example if " against " in row.situation}
    assert against == {"summary", "owner_note", "state", "labels", "severity"}


def test_the_example_ends_as_its_declaration_says(example: list[Rehearsed]) -> None:
    assert outcome(example, "owner_note", "edited in Jira") == "it stays there, nothing flows"
    assert outcome(example, "state", "'2' against 'Done', ServiceNow last") == "a person decides"
    assert outcome(example, "labels", "cleared in Jira") == "ServiceNow gets u_labels=[]"
    assert outcome(example, "severity", "impact: a value without counterpart in Jira") == "the field waits"
    assert (
        outcome(example, "severity", "priority: a value without counterpart in ServiceNow")
        == "Jira gets priority='Medium'"
    )
    assert (
        outcome(example, "severity", "'3', '2', '2' against 'Low', 'Low', 'Medium', Jira last")
        == "ServiceNow wins; Jira gets customfield_101='Medium', customfield_102='Medium', priority='High'"
    )


def test_the_later_edit_wins_and_edits_at_once_are_asked_about() -> None:
    told = outcomes(declared("type: value"))
    assert told["'second' against 'third', snow last"] == "snow wins; jira gets q='second'"
    assert told["'second' against 'third', jira last"] == "jira wins; snow gets p='third'"
    assert told["'second' against 'third', at the same time"] == "a person decides"


def test_text_is_tried_apart_and_on_the_same_line() -> None:
    told = outcomes(declared("policy: [merge, review]"))
    assert [what.split("\\n")[0] for what in told if "at the same time" in what] == ["'TOP", "'TOP"]
    ends = [outcome for what, outcome in told.items() if "at the same time" in what]
    assert (ends[0][:6], ends[1]) == ("merged", "a person decides")


def test_where_rules_look_at_values_every_value_of_the_map_meets_another() -> None:
    rules = "{rules: [{when: \"'D' in [a.as_b, b.value]\", decide: review}]}, {source_priority: snow}"
    told = outcomes(declared(f"values: {{a: A, b: B, c: C, d: D}}, policy: [{rules}]"))
    at_once = {what: outcome for what, outcome in told.items() if "at the same time" in what}
    assert len(at_once) == 4
    assert at_once["'d' against None, at the same time"] == "a person decides"
    assert at_once["'b' against 'C', at the same time"] == "snow wins; jira gets q='B'"


def test_a_map_with_too_few_values_for_a_conflict_is_still_tried_one_sided() -> None:
    told = outcomes(declared("values: {a: A}"))
    assert told["edited in snow"] == "jira gets q=None"
    assert not any(" against " in what for what in told)


def test_on_link_decides_what_never_stood_in_step() -> None:
    told = outcomes(declared("policy: {source_priority: snow}, on_link: jira"))
    assert told["different when they are linked"] == "jira wins; snow gets p='second'"
    assert told["'second' against 'third', jira last"] == "snow wins; jira gets q='second'"


def test_stop_pair_is_told() -> None:
    told = outcomes(declared("values: {a: A, b: B}, unmapped: stop_pair"))
    assert told["x: a value without counterpart in snow"] == "the pair stops"


def test_a_custom_policy_is_asked_if_it_is_given() -> None:
    rules = declared("policy: {custom: ours}")
    with_it = outcomes(rules, custom={"ours": lambda *_: "b"})
    assert with_it["'second' against 'third', at the same time"] == "jira wins; snow gets p='third'"
    assert outcomes(rules)["'second' against 'third', at the same time"] == "a person decides"


def test_two_sides_of_one_name_are_told_apart() -> None:
    rules = parse_integration(f"{HEAD.replace('snow', 'jira')}fields: [{{name: x, a: p, b: q}}]\n")
    assert {"edited in jira (a)", "edited in jira (b)"} <= set(outcomes(rules))


def test_the_given_function_decides() -> None:
    seen: list[PairView] = []

    def run(rules: Integration, view: PairView) -> Verdict:
        seen.append(view)
        return decide(rules, view)

    assert len(rehearse(declared("type: value"), run)) == len(seen) == 8


def test_only_the_unit_itself_is_out_of_step(example: list[Rehearsed]) -> None:
    assert {row.state for row in example} == {
        UnitState.CARRIED,
        UnitState.DECIDED,
        UnitState.PENDING,
        UnitState.HELD,
        UnitState.BLOCKED,
    }


# -------------------------------------------------------------------------------------------------------- samples
@pytest.mark.parametrize(
    "words",
    [
        {},
        {"type": "text"},
        {"type": "set"},
        {"values": {"1": "High", "2": "High", "3": "Low"}},
        {"values": {"1": "High", "2": "Low"}, "type": "set"},
        {"values": {"a_to_b": {"1": "High"}, "b_to_a": {"Low": "3"}}},
        {"normalise": ["number"]},
        {"normalise": ["date"]},
    ],
)
def test_samples_agree_within_a_pair_and_differ_between_pairs(words: Any) -> None:
    field = FieldMap.model_validate({"name": "x", "a": "p", "b": "q", **words})
    samples = in_step(field)
    assert len(samples) >= 2
    for one in samples:
        for other in samples:
            assert agree(field, one.a, other.b) == (one is other)


# ---------------------------------------------------------------------------------------------------- expectations
def test_what_was_recorded_reads_back_without_a_departure(example: list[Rehearsed]) -> None:
    assert departures(example, read_expectations(recorded(example))) == []


def test_a_changed_declaration_departs_from_what_was_recorded() -> None:
    before = read_expectations(recorded(rehearse(declared("policy: {source_priority: snow}"))))
    after = rehearse(declared("policy: {source_priority: jira}"))
    found = departures(after, before)
    assert (
        Departure(
            "x",
            "'second' against 'third', jira last",
            expected="snow wins; jira gets q='second'",
            found="jira wins; snow gets p='third'",
        )
        in found
    )
    assert all("edited in" not in departure.situation for departure in found)


def test_new_and_vanished_situations_are_departures() -> None:
    rows = rehearse(declared("type: value"))
    renamed = [replace(row, unit="other") if row is rows[0] else row for row in rows]
    found = departures(renamed, read_expectations(recorded(rows)))
    assert [(d.unit, d.expected is None, d.found is None) for d in found] == [
        ("other", True, False),
        ("x", False, True),
    ]


@pytest.mark.parametrize("text", ["- x\n", "x: 5\n", ""])
def test_a_file_that_holds_no_expectations_is_refused(text: str) -> None:
    with pytest.raises(DeclarationError):
        read_expectations(text, "t.rehearsal.yaml")
