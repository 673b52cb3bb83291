from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from domain.errors import ConfigError
from domain.integration import FieldType, Flow, Integration, OnLink
from domain.policies import LastWriteWins, Merge, Review, Rules, SourcePriority
from domain.sides import Side
from integrations.loader import load_integration, load_integrations, parse_integration
from integrations.mistakes import DeclarationError

EXAMPLE = Path(__file__).parents[2] / "integrations/examples/servicenow_jira_incident.yaml"

MINIMAL = """
name: tickets
a: {connection: servicenow, record_type: incident}
b: {connection: jira, record_type: Bug}
fields:
  - {name: summary, a: short_description, b: summary}
  - {name: state, a: state, b: status}
"""


def declared(more: str = "", *, fields: str = "") -> Integration:
    return parse_integration(MINIMAL.rstrip() + fields + more, origin="tickets.yaml")


def mistakes(text: str) -> list[str]:
    with pytest.raises(DeclarationError) as caught:
        parse_integration(text, origin="t.yaml", custom_policies=["known_rule"])
    return [str(mistake) for mistake in caught.value.mistakes]


def mistakes_with(more: str) -> list[str]:
    return mistakes(MINIMAL + more)


# ------------------------------------------------------------------------------------------------------ reading
def test_the_example_of_the_architecture_reads_as_it_says() -> None:
    rules = load_integration(EXAMPLE)
    assert [unit.name for unit in rules.units] == ["summary", "owner_note", "state", "labels", "severity"]
    summary, note, state, labels, severity = rules.units
    assert summary.chain == (Merge(), Review())
    assert summary.fields[0].type is FieldType.TEXT
    assert note.fields[0].flow is Flow.A_TO_B
    assert [type(policy) for policy in state.chain] == [Rules, LastWriteWins, Review]
    assert labels.fields[0].type is FieldType.SET
    assert severity.chain == (SourcePriority(owner=Side.A),)
    priority = severity.fields[2]
    assert (priority.unmapped.mode, priority.unmapped.defaults) == ("default", ((Side.B, "Medium"),))
    assert rules.create is not None
    assert rules.create.with_ == {Side.B: {"project": "OPS", "labels": ["from-servicenow"]}}
    assert (rules.settle, rules.limits.brake) == (timedelta(seconds=2), 0.2)
    assert rules.alerts[0].rate == ("conflict_rate", 10, timedelta(hours=1))


def test_connections_names_stand_for_sides_everywhere() -> None:
    rules = declared("""
  - {name: owner, a: u_owner, b: owner, policy: {source_priority: servicenow}, on_link: jira, flow: both}
  - {name: kind, a: kind, b: kind, policy: {rules: [{when: "newer == 'a'", decide: servicenow}]}}
on_delete: {mode: archive, archive: {jira: {status: Done}}}
create: {when: "a.priority == '1'", direction: servicenow_to_jira, with: {jira: {project: OPS}}}
""")
    owner = rules.fields[2]
    assert (owner.policy, owner.on_link) == ((SourcePriority(owner=Side.A),), OnLink.B)
    assert rules.on_delete.archive == {Side.B: {"status": "Done"}}


def test_scalars_are_read_as_editors_read_them() -> None:
    rules = declared("""
  - {name: flag, a: flag, b: flag, values: {yes: On, no: Off, 2: 1:30, true: 007}}
""")
    assert rules.fields[2].values is not None
    assert rules.fields[2].values.a_to_b == (("yes", "On"), ("no", "Off"), (2, "1:30"), (True, "007"))


def test_anchors_are_understood() -> None:
    rules = declared("""
  - {name: one, a: one, b: one, values: &levels {"1": High, "2": Low}}
  - {name: two, a: two, b: two, values: *levels}
""")
    assert rules.fields[2].values == rules.fields[3].values


def test_a_folder_is_read_by_integration_name(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(MINIMAL)
    (tmp_path / "two.yml").write_text(MINIMAL.replace("name: tickets", "name: others"))
    (tmp_path / "two.rehearsal.yaml").write_text("- no declaration")
    assert list(load_integrations(tmp_path)) == ["tickets", "others"]


def test_two_files_of_a_folder_with_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(MINIMAL)
    (tmp_path / "two.yaml").write_text(MINIMAL)
    with pytest.raises(ConfigError, match=r"two\.yaml: an integration named 'tickets'"):
        load_integrations(tmp_path)


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.yaml: can't be read"):
        load_integration(tmp_path / "gone.yaml")
    with pytest.raises(ConfigError, match="no such folder"):
        load_integrations(tmp_path / "gone")


# --------------------------------------------------------------------------------------------- mistakes of shape
def test_a_typo_names_line_column_path_and_the_near_match() -> None:
    (found,) = mistakes_with("  - {name: x, a: x, b: y, polcy: merge}\n")
    assert found.startswith(
        "8:27: fields[2].polcy: unknown key; did you mean `policy`? known here: name, a, b, flow"
    )


def test_all_mistakes_are_listed_in_the_order_of_the_file() -> None:
    found = mistakes("""name: Tickets
a: {connection: servicenow}
b: {connection: jira, record_type: Bug}
settle: 5
fields:
  - {name: one, a: x, b: y, policy: [lastwritewins, {sourc_priority: jira}], on_link: jirra}
  - {name: two, a: x, b: y, policy: {source_priority: pagerduty}, type: list}
""")
    assert [line.split(": ")[:2] for line in found] == [
        ["1:7", "name"],
        ["2:4", "a"],
        ["4:9", "settle"],
        ["6:38", "fields[0].policy[0]"],
        ["6:53", "fields[0].policy[1]"],
        ["6:87", "fields[0].on_link"],
        ["7:55", "fields[1].policy.source_priority"],
        ["7:73", "fields[1].type"],
    ]
    assert "`record_type` is missing" in found[1]
    assert "write 5s, 5m or 5h" in found[2]
    assert "did you mean `last_write_wins`" in found[3]
    assert "did you mean `source_priority`" in found[4]
    assert "did you mean `jira`" in found[5]
    assert "'pagerduty' is no side of this integration: write servicenow or jira" in found[6]
    assert "known here: value, set, text" in found[7]


def test_a_typo_does_not_hide_what_contradicts_itself() -> None:
    found = mistakes_with("  - {name: state, a: x, b: y, sensitiv: true}\n")
    assert [line.split(": ", 1)[1][:30] for line in found] == [
        "fields[2].name: the name 'stat",
        "fields[2].sensitiv: unknown ke",
    ]


def test_a_key_that_is_not_even_text_is_an_unknown_key() -> None:
    assert mistakes_with("  - {name: x, a: x, b: y, 7: z}\n")[0].startswith("8:27: fields[2].7: unknown key")


def test_a_mistake_inside_a_policy_is_found_below_its_own_key() -> None:
    (found,) = mistakes_with("  - {name: x, a: x, b: y, policy: [{custom: known_rule, with: 5}]}\n")
    assert found.startswith("8:63: fields[2].policy[0].with: keys and values belong here, not 5")


def test_one_wrong_word_is_one_mistake() -> None:
    assert (
        len(mistakes_with("  - {name: x, a: x, b: y, policy: [{rules: [{when: 'true', decide: jirra}]}]}\n"))
        == 1
    )
    assert len(mistakes_with("  - {name: x, a: x, b: y, values: {a_to_b: {p: [1, 2]}}}\n")) == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the file is empty"),
        ("- a\n- b\n", "keys and values belong here"),
        ("name: [", "no YAML"),
        ("name: a\n---\nname: b\n", "no YAML"),
        ("name: x\nname: y\n", "2:1: the key `name` stands already in line 1"),
        ("name: !!python/object:os.system x\n", "has no meaning here"),
        ("[" * 5000, "nested too deeply"),
        ("# " + "x" * 300_000, "larger than 256 KiB"),
        ("? [a]\n: b\n", "a key is a single value"),
    ],
)
def test_what_is_no_declaration_at_all_is_told_in_one_sentence(text: str, says: str) -> None:
    found = mistakes(text)
    assert says in found[0]
    assert len(found) == 1


def test_anchors_that_unfold_to_billions_are_cut_short() -> None:
    levels = "\n".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 12))
    assert "more than 50000 values" in mistakes(f"l0: &l0 [x]\n{levels}\n")[0]


# ----------------------------------------------------------------------------------------- mistakes of consistency
@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("  - {name: state, a: x, b: y}", "8:12: fields[2].name: the name 'state' is taken"),
        (
            "  - {name: x, a: state, b: y}",
            "8:18: fields[2].a: servicenow's field 'state' is mapped already, by 'state'",
        ),
        ("  - {name: x, a: x, b: status}", "jira's field 'status' is mapped already, by 'state'"),
        (
            "match: [correlation, summary]",
            "8:9: match[0]: 'correlation' is no declared field; did you mean `correlation_id`",
        ),
        (
            "groups: [{name: g, fields: [state, sumary]}]",
            "8:36: groups[0].fields[1]: 'sumary' is no declared field",
        ),
        (
            "groups: [{name: state, fields: [state, summary]}]",
            "8:17: groups[0].name: the name 'state' is taken",
        ),
        (
            "  - {name: x, a: x, b: y}\ngroups: [{name: g, fields: [state, summary]}, {name: h, fields: [summary, x]}]",
            "9:66: groups[1].fields[0]: 'summary' is in group 'g' already",
        ),
        (
            "  - {name: x, a: x, b: y, policy: review}\ngroups: [{name: g, fields: [state, x]}]",
            "8:35: fields[2].policy: 'x' is in group 'g', whose own policy decides",
        ),
        (
            "  - {name: x, a: x, b: y, type: value, policy: [merge]}",
            "8:48: fields[2].policy: single values can't be merged",
        ),
        ("  - {name: x, a: x, b: y, values: {}}", "8:35: fields[2].values: the map is empty"),
        (
            "  - {name: x, a: x, b: y, flow: a_to_b, on_link: b}",
            "8:50: fields[2].on_link: with `flow: a_to_b`",
        ),
        ("reviews: {fallback_after: 1h}", "8:27: reviews.fallback_after: does nothing without `fallback`"),
        ("reviews: {fallback: merge}", "reviews.fallback: does nothing without `fallback_after`"),
        ("reviews: {escalate_after: 1h}", "reviews.escalate_after: does nothing without `escalate_to`"),
        ("on_delete: {mode: archive}", "8:12: on_delete: `mode: archive` needs `archive:"),
        (
            "on_delete: {archive: {a: {state: 7}}}",
            "8:22: on_delete.archive: closing fields do nothing with `mode: detach`",
        ),
        ("on_delete: {versus_edit: keep}", "8:26: on_delete.versus_edit: does nothing with `mode: detach`"),
        (
            "create: {when: 'true', direction: a_to_b, with: {a: {x: 1}}}",
            "8:49: create.with: with `direction: a_to_b` nothing is created in servicenow",
        ),
        ("create: {when: 'a.x ==', direction: a_to_b}", "8:16: create.when: Syntax error"),
        (
            "create: {when: 'newer == 1', direction: a_to_b}",
            "undeclared reference to 'newer'; known here: a, b",
        ),
        (
            "  - {name: x, a: x, b: y, policy: [review, {rules: [{when: 'a.value ++ 1', decide: a}]}]}",
            "8:60: fields[2].policy[1].rules[0].when: Syntax error",
        ),
        (
            "defaults: {policy: {custom: knwn_rule}}",
            "defaults.policy.custom: no installed plug-in offers the policy",
        ),
        ("defaults: {policy: {custom: knwn_rule}}", "did you mean `known_rule`?"),
    ],
)
def test_a_contradiction_is_named_where_it_stands(more: str, says: str) -> None:
    found = mistakes_with(more)
    assert len(found) == 1
    assert says in found[0]


def test_custom_policies_are_looked_up_only_where_names_are_given() -> None:
    assert declared("\ndefaults: {policy: {custom: whatever}}\n")


def test_a_connection_may_not_be_called_like_a_word_of_the_language() -> None:
    assert "'review' means something else" in mistakes(MINIMAL.replace("jira", "review"))[0]


def test_a_record_is_not_linked_to_itself() -> None:
    text = MINIMAL.replace(
        "{connection: jira, record_type: Bug}", "{connection: servicenow, record_type: incident}"
    )
    assert "both sides are the same records" in mistakes(text)[0]


def test_the_message_names_the_file_for_every_line() -> None:
    with pytest.raises(DeclarationError) as caught:
        parse_integration(MINIMAL + "settel: 2s\nmach: [x]\n", origin="tickets.yaml")
    assert [line.split(":")[:2] for line in caught.value.message.splitlines()] == [
        ["tickets.yaml", "8"],
        ["tickets.yaml", "9"],
    ]
    assert isinstance(caught.value, ConfigError)
