from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from domain.policies import SourcePriority
from domain.sides import Pair
from integrations.loader import load_integration, parse_integration
from integrations.ownership import OwnershipRow, ownership

EXAMPLE = Path(__file__).parents[2] / "integrations/examples/servicenow_jira_incident.yaml"
HEAD = "name: t\na: {connection: snow, record_type: incident}\nb: {connection: jira, record_type: Bug}\n"


def row(field: str) -> OwnershipRow:
    return ownership(parse_integration(f"{HEAD}fields: [{{name: x, a: p, b: q, {field}}}]"))[0]


def test_the_example_reads_as_a_table_for_the_wiki() -> None:
    rows = {row.field: row for row in ownership(load_integration(EXAMPLE), Pair("ServiceNow", "Jira"))}
    assert rows["impact"] == OwnershipRow(
        field="impact",
        group="severity",
        native=Pair("impact", "customfield_101"),
        flow="both ways",
        owner="ServiceNow",
        policy="ServiceNow wins",
        unmapped="the field waits",
        on_link="as in a conflict",
    )
    assert (rows["owner_note"].flow, rows["owner_note"].owner) == ("ServiceNow → Jira", "ServiceNow")
    assert rows["priority"].unmapped == "Jira gets 'Medium'"
    assert rows["summary"].policy == "both edits are merged, else a person decides"


@pytest.mark.parametrize(
    ("field", "attribute", "says"),
    [
        ("policy: last_write_wins", "policy", "the later edit wins, else a person decides"),
        ("policy: {source_priority: jira}", "policy", "jira wins"),
        ("policy: {source_priority: jira}", "owner", "jira"),
        ("policy: [last_write_wins, {source_priority: jira}]", "owner", "–"),
        ("policy: {custom: ours}", "policy", "the rule 'ours' decides, else a person decides"),
        (
            "policy: {rules: [{when: a.changed, decide: jira}, {when: b.changed, decide: {value: 1, side: snow}}]}",
            "policy",
            "jira wins if `a.changed`, else snow gets 1 if `b.changed`, else a person decides",
        ),
        ("flow: b_to_a", "flow", "jira → snow"),
        ("on_link: review", "on_link", "a person decides"),
        ("on_link: snow", "on_link", "snow wins"),
        ("values: {p: q}, unmapped: blank", "unmapped", "emptied"),
        ("values: {p: q}, unmapped: stop_pair", "unmapped", "the pair stops"),
        ("unmapped: stop_pair", "unmapped", "–"),
    ],
)
def test_every_rule_is_told_in_words(field: str, attribute: str, says: Any) -> None:
    assert getattr(row(field), attribute) == says


def test_without_names_people_see_the_connections() -> None:
    assert SourcePriority in {type(policy) for policy in load_integration(EXAMPLE).units[4].chain}
    assert ownership(load_integration(EXAMPLE))[-1].owner == "servicenow"
