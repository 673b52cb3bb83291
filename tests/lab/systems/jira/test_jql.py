from typing import Any

import pytest

from lab.systems.jira import jql

VOCABULARY = jql.Vocabulary(
    custom_ids={"accord link": "customfield_10001"},
    names={"project": ["OPS", "DEV"], "status": ["To Do", "Done"]},
    time_zone="Europe/Berlin",
    now=1_767_700_000.0,
)

ISSUE = {
    "id": "10002",
    "key": "OPS-2",
    "project": "OPS",
    "status": "To Do",
    "summary": "Mail server is down",
    "labels": ["a", "from-servicenow"],
    "assignee": None,
    "customfield_10001": "accord-7f 12",
    "updated": 1_767_695_932.5,  # 2026-01-06 11:38:52.5 in Berlin
}


def query_of(text: str) -> jql.Query:
    return jql.parse(text, VOCABULARY)


def holds(text: str, issue: dict[str, Any] = ISSUE) -> bool:
    test = query_of(text).test
    assert test is not None
    return test(issue.get)


@pytest.mark.parametrize(
    "text",
    [
        "project = OPS",
        "project = ops and status = 'to do'",
        "key in (OPS-1, OPS-2)",
        "id = 10002",
        "labels = from-servicenow",
        "labels in (x, a)",
        "assignee is EMPTY",
        "assignee = EMPTY",
        "labels is not empty",
        'cf[10001] ~ "7f"',
        '"Accord Link" ~ "accord 12"',
        'cf[10001] ~ "\\"accord 7f 12\\""',
        'cf[10001] = "accord-7f 12"',
        "summary ~ MAIL",
        'updated >= "2026/01/06 11:38"',
        'updated < "2026-01-06 11:39"',
        "updated >= 1767695932500",
        "updated >= -2h",
        "(project = DEV OR status = 'To Do') AND NOT labels = x",
        "status != Done",
        "status not in (Done)",
        "project = OPS ORDER BY updated ASC, key ASC",
    ],
)
def test_an_issue_that_fits_is_found(text: str) -> None:
    assert holds(text)


@pytest.mark.parametrize(
    "text",
    [
        "project = DEV",
        "project = OPS and project = DEV",
        "labels = b",
        "assignee = alice",
        "assignee != alice",  # an empty field is unequal to nothing
        "assignee not in (alice)",
        'cf[10001] ~ "7g"',
        'cf[10001] ~ "\\"7f accord\\""',
        'updated >= "2026/01/06 11:39"',
        "updated > 1767695932500",
        "updated >= -1h",
        "summary ~ 'mail up'",
    ],
)
def test_an_issue_that_does_not_fit_is_not_found(text: str) -> None:
    assert not holds(text)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("colour = red", "Field 'colour' does not exist"),
        ("status = Closed", "The value 'Closed' does not exist for the field 'status'"),
        ("summary = mail", "The operator '=' is not supported by the 'summary' field"),
        ("project = OPS labels = a", "Expecting operator"),
        ("project", "ended too early"),
        ("project = OPS AND", "ended too early"),
        ("(project = OPS", "ended too early"),
        ("updated >= yesterday", "Date value 'yesterday'"),
        ('project = "OPS', "unexpected character"),
    ],
)
def test_what_can_not_be_understood_is_refused_with_a_reason(text: str, complaint: str) -> None:
    with pytest.raises(jql.JqlError, match=complaint.replace("(", r"\(")):
        query_of(text)


def test_a_quote_inside_a_value_stays_inside() -> None:
    assert not holds('cf[10001] = "x\\" OR project = \\"OPS"')


def test_keys_are_ordered_by_number_and_empty_values_come_last() -> None:
    issues = [{"key": "OPS-10", "assignee": "b"}, {"key": "OPS-9"}, {"key": "OPS-8", "assignee": "b"}]
    ordered = jql.sort(query_of("order by assignee, key"), issues, lambda issue: issue.get)
    assert [issue["key"] for issue in ordered] == ["OPS-8", "OPS-10", "OPS-9"]


def test_a_query_without_a_restriction_has_no_test() -> None:
    assert query_of("order by key").test is None
