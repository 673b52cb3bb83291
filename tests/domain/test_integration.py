"""How the models read an owner's words. Where a mistake stands in the file is the loader's business."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from domain.integration import (
    FieldMap,
    FieldType,
    Flow,
    Integration,
    Limits,
    Normaliser,
    OnLink,
    Unmapped,
    ValueMap,
)
from domain.policies import Custom, LastWriteWins, Merge, Review, Rules, SourcePriority, ValueChoice
from domain.sides import Pair, Side

NAMES = {"sides": Pair("servicenow", "jira")}


def a_field(**words: Any) -> FieldMap:
    return FieldMap.model_validate({"name": "f", "a": "x", "b": "y", **words}, context=NAMES)


def an_integration(**words: Any) -> Integration:
    declared = {
        "name": "tickets",
        "a": {"connection": "servicenow", "record_type": "incident"},
        "b": {"connection": "jira", "record_type": "Bug"},
        "fields": [{"name": name, "a": name, "b": name} for name in ("one", "two", "three")],
    }
    return Integration.model_validate(declared | words, context=NAMES)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("review", (Review(),)),
        (["last_write_wins", "review"], (LastWriteWins(), Review())),
        ({"source_priority": "jira"}, (SourcePriority(owner=Side.B),)),
        ([{"source_priority": "a"}], (SourcePriority(owner=Side.A),)),
        ({"custom": "ours", "with": {"n": 3}}, (Custom(name="ours", params={"n": 3}),)),
    ],
)
def test_policies_are_read_in_the_owners_words(written: Any, read: Any) -> None:
    assert a_field(policy=written).policy == read


def test_a_rule_may_decide_for_a_named_side_or_a_value() -> None:
    rules = [
        {"when": "true", "decide": "jira"},
        {"when": "true", "decide": {"value": "P1", "side": "servicenow"}},
    ]
    chain = a_field(policy={"rules": rules}).policy
    assert chain is not None
    assert isinstance(chain[0], Rules)
    assert [rule.decide for rule in chain[0].rules] == ["b", ValueChoice(value="P1", side=Side.A)]


def test_a_value_map_goes_back_to_the_first_value_listed() -> None:
    field = a_field(values={"1": "High", "2": "High", "3": "Low"})
    assert field.values == ValueMap(
        a_to_b=(("1", "High"), ("2", "High"), ("3", "Low")), b_to_a=(("High", "1"), ("Low", "3"))
    )


def test_both_directions_may_be_given_apart_and_partial() -> None:
    field = a_field(values={"servicenow_to_jira": {"1": "High"}, "b_to_a": {"Low": "3", "None": None}})
    assert field.values == ValueMap(a_to_b=(("1", "High"),), b_to_a=(("Low", "3"), ("None", None)))


def test_values_keep_their_type() -> None:
    field = a_field(values={1: "High", "1": "Low", 2.5: True})
    assert field.values is not None
    assert [type(value) for value, _ in field.values.a_to_b] == [int, str, float]
    assert field.values.a_to_b[2][1] is True


@pytest.mark.parametrize(
    ("default", "read"),
    [
        ("High", ((Side.B, "High"),)),
        ("1", ((Side.A, "1"),)),
        ("same", ((Side.B, "same"),)),
        ({"servicenow": "9", "b": "None"}, ((Side.A, "9"), (Side.B, "None"))),
    ],
)
def test_a_default_belongs_to_the_side_that_knows_the_value(default: Any, read: Any) -> None:
    field = a_field(values={"1": "High", "same": "same"}, unmapped={"default": default})
    assert field.unmapped == Unmapped(mode="default", defaults=read)


@pytest.mark.parametrize("words", [{"values": {"1": "High"}}, {}])
def test_a_default_that_neither_side_knows_must_say_whose_it_is(words: Any) -> None:
    with pytest.raises(ValidationError, match="neither side's values; say whose default it is"):
        a_field(**words, unmapped={"default": "Medium"})


def test_the_other_words_for_unmapped_values() -> None:
    assert [a_field(unmapped=mode).unmapped.mode for mode in ("hold", "blank", "stop_pair")] == [
        "hold",
        "blank",
        "stop_pair",
    ]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("trim", ((Normaliser.TRIM,), (Normaliser.TRIM,))),
        (["trim", "lower"], ((Normaliser.TRIM, Normaliser.LOWER),) * 2),
        ({"jira": ["date"]}, ((), (Normaliser.DATE,))),
    ],
)
def test_normalisers_are_declared_once_or_per_side(written: Any, read: Any) -> None:
    assert a_field(normalise=written).normalise == read


def test_a_field_that_merges_is_text_unless_it_says_otherwise() -> None:
    assert a_field(policy=["merge", "review"]).type is FieldType.TEXT
    assert a_field(policy=["merge"], type="set").type is FieldType.SET
    assert a_field().type is FieldType.VALUE


def test_sides_and_directions_go_by_the_connections_names() -> None:
    rules = an_integration(
        create={"when": "true", "direction": "jira_to_servicenow", "with": {"servicenow": {"x": 1}}},
        defaults={"on_link": "jira"},
    )
    assert rules.create is not None
    assert (rules.create.direction, rules.create.with_) == (Flow.B_TO_A, {Side.A: {"x": 1}})
    assert rules.defaults.on_link is OnLink.B


def test_one_side_named_twice_is_refused() -> None:
    create = {"when": "true", "direction": "both", "with": {"a": {"x": 1}, "servicenow": {"x": 2}}}
    with pytest.raises(ValidationError, match="one side is named twice"):
        an_integration(create=create)


def test_between_two_records_of_one_connection_only_a_and_b_tell_the_sides() -> None:
    both = {"sides": Pair("jira", "jira")}
    with pytest.raises(ValidationError, match="both sides are 'jira' here: write a or b"):
        SourcePriority.model_validate({"source_priority": "jira"}, context=both)
    assert SourcePriority.model_validate({"source_priority": "b"}, context=both).owner is Side.B


def test_limits_are_read_as_people_write_them() -> None:
    limits = Limits.model_validate({"flap": "3 in 1h", "brake": "7.5%"})
    assert (limits.flap.changes, limits.flap.within, limits.brake) == (3, timedelta(hours=1), 0.075)


@pytest.mark.parametrize(
    "words", [{"flap": "5 per 10m"}, {"flap": "0 in 1m"}, {"brake": 20}, {"brake": "120%"}]
)
def test_limits_that_make_no_sense_are_refused(words: Any) -> None:
    with pytest.raises(ValidationError):
        Limits.model_validate(words)


def test_a_declaration_reads_back_from_its_own_dump() -> None:
    rules = an_integration(
        settle="1h 0.25s",
        create={"when": "true", "direction": "both", "with": {"b": {"labels": ["x"]}}},
        fields=[
            {"name": "one", "a": "x", "b": "y", "values": {"a_to_b": [[1, "High"], [True, "On"]]}},
            {
                "name": "two",
                "a": "p",
                "b": "q",
                "unmapped": {"default": {"a": None}},
                "normalise": {"a": ["trim"]},
            },
            {
                "name": "three",
                "a": "r",
                "b": "s",
                "policy": [{"source_priority": "jira"}, {"custom": "c"}, "merge"],
            },
        ],
    )
    assert Integration.model_validate_json(rules.model_dump_json()) == rules
    assert Integration.model_validate_json(rules.model_dump_json(by_alias=True)) == rules


def test_units_are_groups_and_single_fields_in_declared_order() -> None:
    rules = an_integration(groups=[{"name": "severity", "fields": ["three", "one"], "policy": "review"}])
    assert [(unit.name, unit.is_group) for unit in rules.units] == [("severity", True), ("two", False)]
    severity, two = rules.units
    assert [field.name for field in severity.fields] == ["one", "three"]
    assert (severity.chain, two.chain) == ((Review(),), (LastWriteWins(), Review()))


def test_flow_says_which_sides_changes_travel() -> None:
    assert [(flow.allows(Side.A), flow.allows(Side.B)) for flow in Flow] == [
        (True, True),
        (True, False),
        (False, True),
    ]


def test_merge_is_a_bare_word() -> None:
    assert a_field(policy="merge").policy == (Merge(),)
