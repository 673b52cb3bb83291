from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.jira.changelog import Entry, Reader, history_metadata, parse_stamp
from connectors.jira.fields import FieldInfo
from connectors.jira.issue_api import EntryPage
from domain.records import Origin

SAMPLES = Path(__file__).parents[1] / "samples" / "jira"

SCHEMAS = {
    "status": {"type": "status"},
    "summary": {"type": "string"},
    "assignee": {"type": "user"},
    "labels": {"type": "array", "items": "string"},
    "customfield_5": {"type": "number"},
}
CATALOGUE = {
    name: FieldInfo.model_validate({"id": name, "schema": schema}) for name, schema in SCHEMAS.items()
}
READER = Reader(CATALOGUE, account="us", hidden_label="accord-")


def entry(number: int = 7, *, by: str = "ada", **item: Any) -> Entry:
    items = [{"field": item.get("fieldId", ""), **item}] if item else []
    author = {"accountId": by, "accountType": "atlassian"}
    return Entry.model_validate(
        {"id": str(number), "author": author, "created": "2026-01-06T10:38:52.004+0000", "items": items}
    )


@pytest.mark.parametrize(
    ("item", "old", "new"),
    [
        (
            {"fieldId": "status", "from": "1", "fromString": "Open", "to": "3", "toString": "Done"},
            "Open",
            "Done",
        ),
        ({"fieldId": "assignee", "from": None, "to": "5b10", "toString": "Mia"}, None, "5b10"),
        ({"fieldId": "labels", "fromString": "", "toString": "a b"}, [], ["a", "b"]),
        ({"fieldId": "labels", "fromString": "a", "toString": "a accord-1 b"}, ["a"], ["a", "b"]),
        ({"fieldId": "customfield_5", "fromString": "2.5", "toString": "3.0"}, 2.5, 3),
        ({"fieldId": "summary", "fromString": "x", "toString": ""}, "x", None),
    ],
)
def test_a_logged_value_reads_as_the_field_does(item: dict[str, Any], old: object, new: object) -> None:
    (version,) = READER.versions([entry(**item)])
    assert (version.old, version.value) == (old, new)


def test_our_marker_label_is_no_change_of_anybodys() -> None:
    assert READER.versions([entry(fieldId="labels", fromString="a", toString="a accord-1")]) == []


def test_entries_are_ordered_by_number_whatever_the_api_does() -> None:
    later = entry(9, fieldId="summary", fromString="b", toString="c")
    earlier = entry(8, fieldId="summary", fromString="a", toString="b")
    assert [v.value for v in READER.versions([later, earlier])] == ["b", "c"]


def test_our_account_and_our_word_each_tell_our_own_write() -> None:
    said = entry(by="rule").model_copy(
        update={
            "metadata": Entry.model_validate({"id": 1, "historyMetadata": history_metadata("m")}).metadata
        }
    )
    assert said.origin("us") is Origin.ACCORD
    assert entry(by="us").origin("us") is Origin.ACCORD
    assert entry(by="ada").origin("us") is Origin.PERSON


def test_another_pairs_write_by_our_account_is_not_this_one() -> None:
    theirs = Entry.model_validate(
        {"id": 1, "author": {"accountId": "us"}, "historyMetadata": history_metadata("other")}
    )
    assert not theirs.is_write_of("mine", "us")
    assert theirs.is_write_of("other", "us")
    assert entry(by="us").is_write_of("mine", "us")


def test_an_author_of_unknown_kind_is_unknown() -> None:
    assert Entry.model_validate({"id": 1, "author": {"accountId": "x"}}).origin("us") is Origin.UNKNOWN


def test_stamps_come_as_text_and_as_numbers() -> None:
    text, number = parse_stamp("2026-01-06T10:38:52.004+0000"), parse_stamp(1767695932004)
    assert text == number
    assert parse_stamp("yesterday") is None
    assert parse_stamp(None) is None


def test_the_vendors_example_is_understood() -> None:
    page = EntryPage.model_validate(json.loads((SAMPLES / "swagger_changelog_page.json").read_text()))
    assert not page.is_last
    assert [(v.old, v.value) for v in READER.versions(page.values)] == [
        (None, "label-1"),
        ("label-1", "label-1 label-2"),
    ]
