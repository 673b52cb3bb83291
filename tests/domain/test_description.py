from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

from domain.description import Description, FieldFacts, SchemaChange, standing_changes

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def fields(**facts: FieldFacts) -> Description:
    return Description(fields=facts)


def values(*allowed: str) -> Description:
    return Description(allowed={"priority": allowed})


def changes(*seen: Description) -> list[SchemaChange]:
    """What stands after these descriptions, an hour apart."""
    standing: tuple[SchemaChange, ...] = ()
    for hour, (was, now) in enumerate(itertools.pairwise(seen)):
        standing = standing_changes(standing, was, now, NOON + timedelta(hours=hour))
    return list(standing)


def said(*seen: Description) -> list[tuple[object, ...]]:
    return [(one.kind, one.field, one.before, one.after, one.maybe) for one in changes(*seen)]


TEXT, OTHER = FieldFacts(label="Root cause", type="text"), FieldFacts(label="Tier", type="text")


def test_what_stays_is_no_change() -> None:
    assert said(fields(u_cause=TEXT), fields(u_cause=TEXT)) == []
    assert said(values("1", "2"), values("2", "1")) == []


def test_a_field_that_is_gone_may_be_the_new_one_with_its_label() -> None:
    found = said(fields(u_cause=TEXT, u_tier=OTHER), fields(u_why=TEXT, u_other=FieldFacts(type="text")))
    assert found[0] == ("field_removed", "u_cause", None, None, "u_why")
    assert found[1] == ("field_removed", "u_tier", None, None, None)


def test_a_field_that_is_gone_may_be_the_only_new_one_of_its_type() -> None:
    renamed = FieldFacts(label="Why", type="text")
    assert said(fields(u_cause=TEXT), fields(u_why=renamed))[0][-1] == "u_why"
    assert said(fields(u_cause=TEXT), fields(u_why=renamed, u_who=OTHER))[0][-1] is None


def test_a_value_in_the_place_of_another_may_be_the_same_one() -> None:
    assert said(values("High", "Medium", "Low"), values("Urgent", "Medium", "Minor")) == [
        ("value_removed", "priority", "High", None, "Urgent"),
        ("value_removed", "priority", "Low", None, "Minor"),
        ("value_added", "priority", None, "Urgent", "High"),
        ("value_added", "priority", None, "Minor", "Low"),
    ]


def test_of_one_value_gone_and_one_new_the_place_does_not_matter() -> None:
    assert said(values("High", "Low"), values("Low", "Urgent"))[0][-1] == "Urgent"


def test_a_new_value_alone_is_nobodys_new_name() -> None:
    assert said(values("High"), values("Blocker", "High")) == [
        ("value_added", "priority", None, "Blocker", None)
    ]


def test_a_change_stands_until_the_system_is_as_it_was() -> None:
    before, after = values("High", "Low"), values("Urgent", "Low")
    assert said(before, after, after) == said(before, after)
    assert said(before, after, before) == []
    gone = fields(other=OTHER)
    assert said(fields(u_cause=TEXT, other=OTHER), gone, gone, fields(u_cause=TEXT, other=OTHER)) == []


def test_what_is_not_told_for_once_has_not_changed_back() -> None:
    before, after = values("High", "Low"), values("Low")
    assert said(before, after, Description()) == said(before, after)


def test_a_field_that_becomes_another_is_told_of_with_how_it_was_at_first() -> None:
    strict = FieldFacts(label="Tier", type="integer", required=True, read_only=True)
    loose = FieldFacts(label="Tier", type="text", required=False, read_only=False)
    found = said(fields(u_tier=loose), fields(u_tier=strict))
    assert [(kind, before, after) for kind, _, before, after, _ in found] == [
        ("type", "text", "integer"),
        ("required", False, True),
        ("read_only", False, True),
    ]
    third = strict.model_copy(update={"type": "choice"})
    assert said(fields(u_tier=loose), fields(u_tier=strict), fields(u_tier=third))[0][2:4] == (
        "text",
        "choice",
    )
    assert said(fields(u_tier=loose), fields(u_tier=strict), fields(u_tier=loose)) == []


def test_a_new_field_matters_only_if_it_is_required() -> None:
    needed = FieldFacts(required=True)
    assert said(fields(a=TEXT), fields(a=TEXT, b=OTHER)) == []
    assert said(fields(a=TEXT), fields(a=TEXT, b=needed)) == [("required", "b", False, True, None)]


def test_facts_that_a_system_does_not_tell_are_no_change() -> None:
    assert (
        said(fields(a=FieldFacts()), fields(a=FieldFacts(type="text", required=True, read_only=True))) == []
    )
