import pytest

from connectors.jira.fields import Schema, edit_verbs, natural, shaped
from domain.errors import RecordRejected


@pytest.mark.parametrize(
    ("field", "value", "plain"),
    [
        ("priority", {"id": "2", "name": "High", "iconUrl": "…"}, "High"),
        ("assignee", {"accountId": "5b10", "name": "", "key": "", "displayName": "Mia"}, "5b10"),
        ("customfield_1", {"id": "10112", "value": "red"}, "red"),
        ("customfield_2", [{"value": "red"}, {"value": "blue"}], ["red", "blue"]),
        ("project", {"id": "10000", "key": "OPS", "name": "Operations"}, "OPS"),
        ("labels", ["a", "b"], ["a", "b"]),
        ("customfield_3", 4.5, 4.5),
        ("description", None, None),
        ("votes", {"votes": 0, "hasVoted": False}, {"votes": 0, "hasVoted": False}),
    ],
)
def test_a_value_is_read_as_people_know_it(field: str, value: object, plain: object) -> None:
    assert natural(field, value) == plain  # type: ignore[arg-type] # literals of JSON


def test_a_choice_within_a_choice_is_kept_whole() -> None:
    cascading = {"value": "Europe", "child": {"value": "Berlin"}}
    assert natural("customfield_4", cascading) == cascading


@pytest.mark.parametrize(
    ("schema", "value", "shape"),
    [
        (Schema(type="priority"), "High", {"name": "High"}),
        (Schema(type="user"), "5b10", {"accountId": "5b10"}),
        (Schema(type="option"), "red", {"value": "red"}),
        (Schema(type="array", items="option"), ["red"], [{"value": "red"}]),
        (Schema(type="array", items="version"), None, []),
        (Schema(type="project"), "OPS", {"key": "OPS"}),
        (Schema(type="number"), 4, 4),
        (Schema(type="option"), None, None),
        (Schema(type="option"), {"id": "10112"}, {"id": "10112"}),
    ],
)
def test_a_value_is_written_as_its_schema_wants_it(schema: Schema, value: object, shape: object) -> None:
    assert shaped("f", value, schema) == shape  # type: ignore[arg-type] # literals of JSON


def test_a_single_value_for_a_list_is_refused_by_name() -> None:
    with pytest.raises(RecordRejected) as refused:
        shaped("components", "db", Schema(type="array", items="component"))
    assert refused.value.fields == {"components": "takes a list"}


def test_words_are_edited_one_by_one_so_that_foreign_ones_stay() -> None:
    assert edit_verbs(["a", "c"], ["a", "b"]) == [{"add": "c"}, {"remove": "b"}]
    assert edit_verbs(None, ["a"]) == [{"remove": "a"}]
