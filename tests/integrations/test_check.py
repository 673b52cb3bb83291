from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.integration import Integration
from domain.sides import Pair
from integrations.check import check
from integrations.findings import Finding, Level, SystemFacts
from integrations.loader import parse_integration

HEAD = """
name: tickets
a: {connection: snow, record_type: incident}
b: {connection: jira, record_type: Bug}
defaults: {policy: [last_write_wins, review]}
"""


def declared(fields: str, head: str = HEAD) -> Integration:
    return parse_integration(f"{head}\nfields:\n  - {{name: prio, a: priority, b: prio, {fields}}}\n")


def told(
    rules: Integration, a: SystemFacts | None = None, b: SystemFacts | None = None, **more: Any
) -> list[str]:
    found = check(rules, Pair(a or SystemFacts(), b or SystemFacts()), **more)
    return [f"{finding.level} {finding.path}: {finding.message}" for finding in found]


def test_a_declaration_without_surprises_has_no_findings() -> None:
    rules = declared('values: {"1": High, "2": Low}, policy: {source_priority: snow}')
    facts = SystemFacts(
        fields=["priority", "prio"],
        compare_and_set=True,
        field_stamps=True,
        clock_uncertainty=timedelta(seconds=1),
    )
    assert check(rules, Pair(facts, facts), queues=[]) == []


def test_values_that_share_a_counterpart_are_noted_with_what_comes_back() -> None:
    assert told(declared('values: {"1": High, "2": High, "3": Low}')) == [
        "note fields[0].values: snow's '1', '2' are all 'High' in jira, which becomes '1' where jira changes to it"
    ]


def test_a_value_without_a_way_back_is_warned_of() -> None:
    (found,) = told(declared('values: {a_to_b: {"1": High, "2": Low}, b_to_a: {High: "1"}}'))
    assert found.startswith("warning fields[0].values: jira's 'Low' has no way back to snow")


def test_a_value_that_comes_back_as_another_is_warned_of() -> None:
    found = told(declared('values: {a_to_b: {"1": High, "2": Low}, b_to_a: {High: "2", Low: "2"}}'))
    assert found == [
        "warning fields[0].values: snow's '1' becomes 'High' in jira, which comes back as another value, '2'",
        "note fields[0].values: jira's 'High', 'Low' are all '2' in snow, which becomes 'Low' where snow changes to it",
    ]


def test_a_one_way_field_needs_no_way_back() -> None:
    assert told(declared('flow: a_to_b, values: {"1": High, "2": High}')) == []
    assert told(declared('flow: a_to_b, values: {a_to_b: {"1": High}}')) == []


def test_values_that_a_system_does_not_take_are_errors() -> None:
    found = told(
        declared('values: {"1": High, "2": Lowe}, unmapped: {default: {jira: None at all}}'),
        b=SystemFacts(allowed={"prio": ["High", "Low"]}),
    )
    assert found[:2] == [
        "error fields[0].values: jira's 'prio' doesn't take 'Lowe'; it takes 'High', 'Low'",
        "error fields[0].unmapped: jira's 'prio' doesn't take 'None at all'; it takes 'High', 'Low'",
    ]
    assert found[2].startswith("warning fields[0].values: snow has no counterpart for jira's 'Low'")


def test_values_on_the_side_that_is_never_written_are_not_checked() -> None:
    assert told(declared('flow: a_to_b, values: {"1": High}'), a=SystemFacts(allowed={"priority": []})) == []


@pytest.mark.parametrize(
    ("unmapped", "says"),
    [
        ("hold", "the field waits until the map is mended"),
        ("blank", "jira's value is emptied"),
        ("stop_pair", "the whole pair stops"),
        ("{default: High}", "jira gets 'High'"),
        ('{default: "1"}', "the field waits until the map is mended"),
    ],
)
def test_a_value_without_counterpart_is_told_with_its_consequence(unmapped: str, says: str) -> None:
    facts = SystemFacts(allowed={"priority": ["1", "9"]})
    assert told(declared(f'values: {{"1": High}}, unmapped: {unmapped}'), a=facts) == [
        f"warning fields[0].values: jira has no counterpart for snow's '9': {says}"
    ]


def test_without_a_map_the_choices_of_both_sides_are_compared() -> None:
    facts = Pair(SystemFacts(allowed={"priority": ["P1", "P2"]}), SystemFacts(allowed={"prio": ["p1"]}))
    found = told(declared("normalise: lower"), facts.a, facts.b)
    assert found == [
        "warning fields[0].values: jira has no counterpart for snow's 'P2': the field waits until the map is mended"
    ]


def test_fields_that_a_system_does_not_have_are_errors_wherever_they_are_named() -> None:
    rules = declared(
        "type: value",
        HEAD
        + "create: {when: 'true', direction: a_to_b, with: {jira: {labls: [x]}}}\n"
        + "on_delete: {mode: archive, archive: {jira: {status: Done}, snow: {priority: '5'}}}\n",
    )
    found = told(rules, SystemFacts(fields=["priority"]), SystemFacts(fields=["prioo", "labels"]))
    assert [line.split(";")[0] for line in found] == [
        "error fields[0].b: jira's Bug has no field 'prio'",
        "error create.with.b.labls: jira's Bug has no field 'labls'",
        "error on_delete.archive.b.status: jira's Bug has no field 'status'",
    ]
    assert "did you mean `labels`?" in found[1]


def test_a_field_that_nobody_owns_is_warned_of() -> None:
    (found,) = told(declared("type: value", HEAD.replace("defaults", "# defaults")))
    assert found.startswith("warning fields[0]: prio flows both ways and nobody declared who wins")


@pytest.mark.parametrize("fields", ["policy: review", "flow: a_to_b", "policy: {source_priority: jira}"])
def test_an_owner_a_policy_or_one_direction_is_enough(fields: str) -> None:
    assert not any(
        "nobody declared" in line for line in told(declared(fields, HEAD.replace("defaults", "# defaults")))
    )


def test_a_group_is_owned_by_its_own_policy() -> None:
    rules = parse_integration(
        HEAD.replace("defaults", "# defaults")
        + "fields: [{name: x, a: x, b: x}, {name: y, a: y, b: y}]\n"
        + "groups: [{name: g, fields: [x, y], policy: {source_priority: jira}}]\n"
    )
    assert told(rules) == []


def test_a_field_whose_conflicts_all_wait_for_people_is_noted() -> None:
    assert told(declared("policy: review")) == ["note fields[0]: every conflict of prio waits for a person"]


def test_merge_in_the_chain_of_a_single_value_is_noted() -> None:
    assert "note fields[0]: merge passes where single values differ: prio" in told(
        declared("type: value", HEAD.replace("last_write_wins", "merge"))
    )


def test_last_write_wins_on_record_stamps_is_warned_of() -> None:
    (found,) = told(declared("type: value"), b=SystemFacts(field_stamps=False, change_history=False))
    assert found.startswith("warning fields[0]: jira stamps records, not fields")


def test_last_write_wins_without_a_compared_clock_is_warned_of() -> None:
    (found,) = told(declared("type: value"), a=SystemFacts(field_stamps=True))
    assert found.startswith("warning fields[0]: snow's clock was never compared with ours")
    assert told(declared("type: value, policy: review"), a=SystemFacts(field_stamps=True))[0].startswith(
        "note"
    )


def test_an_owner_from_whom_nothing_flows_is_warned_of() -> None:
    (found,) = told(declared("flow: a_to_b, policy: {source_priority: jira}"))
    assert "jira owns prio, but nothing flows from it" in found


def test_a_side_with_neither_compare_and_set_nor_history_is_at_risk() -> None:
    rules = declared("policy: {source_priority: jira}")
    (found,) = told(rules, b=SystemFacts(compare_and_set=False, change_history=False))
    assert found.startswith("warning b: jira offers neither compare-and-set nor a change history")
    assert told(rules, b=SystemFacts(compare_and_set=False, change_history=True)) == []


def test_what_is_not_carried_yet_is_said() -> None:
    (found,) = told(declared("flow: both", HEAD + "comments: {direction: both}\n"))
    assert found.startswith("warning comments: comments are declared")


def test_an_archive_that_closes_one_side_only_is_warned_of() -> None:
    (found,) = told(
        declared("flow: both", HEAD + "on_delete: {mode: archive, archive: {jira: {prio: Done}}}\n")
    )
    assert found.startswith("warning on_delete.archive: no closing fields for snow")


def test_notification_targets_that_nobody_knows_are_warned_of() -> None:
    more = "reviews: {queue: desk}\nalerts: [{when: conflict_rate > 1 per 1h, notify: ops}]\n"
    rules = declared("flow: both", HEAD + more)
    assert [line.split(": the")[0] for line in told(rules, queues=["desk"])] == ["warning alerts[0].notify"]
    assert told(rules) == []


def test_errors_come_first() -> None:
    rules = declared("policy: review")
    found: list[Finding] = check(
        rules, Pair(SystemFacts(fields=[]), SystemFacts(compare_and_set=False, change_history=False))
    )
    assert [finding.level for finding in found] == [Level.ERROR, Level.WARNING, Level.NOTE]


UNLOGGED = SystemFacts(compare_and_set=False, change_history=True, unlogged=frozenset({"prio", "title"}))


def test_a_field_whose_edits_no_history_tells_is_warned_of_where_we_write_it() -> None:
    (found,) = told(declared("policy: {source_priority: snow}"), b=UNLOGGED)
    assert found.startswith("warning fields[0].b: jira's change history doesn't tell who edits 'prio'")
    assert "can vanish unseen" in found


def test_an_untold_field_is_no_matter_where_we_never_write_it_or_compare_and_set_guards_it() -> None:
    guarded = replace(UNLOGGED, compare_and_set=True)
    assert told(declared("policy: {source_priority: snow}"), b=guarded) == []
    assert told(declared("flow: b_to_a"), b=UNLOGGED) == []
