from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.jira import jql
from connectors.jira.fields import FieldInfo, Schema
from domain.errors import ConfigError


def info(field: str, **schema: str) -> FieldInfo:
    return FieldInfo.model_validate({"id": field, "schema": Schema(**schema)})


HOSTILE = 'x" OR project = SECRET OR summary ~ "'


def test_a_value_stays_in_its_quotes() -> None:
    assert jql.clause(info("status", type="status"), HOSTILE) == (
        'status = "x\\" OR project = SECRET OR summary ~ \\""'
    )


@given(st.text())
def test_no_text_ends_its_literal(text: str) -> None:
    literal = jql.quote(text)
    assert jql.QUOTED.fullmatch(literal)
    assert not any(ord(character) < 32 for character in literal)


@given(st.text())
def test_no_phrase_ends_its_literal(text: str) -> None:
    assert jql.QUOTED.fullmatch(jql.phrase(text))


def test_text_is_searched_as_a_phrase_because_jira_refuses_equality() -> None:
    assert jql.clause(info("summary", type="string"), 'disk "full"') == 'summary ~ "\\"disk full\\""'


def test_a_custom_field_is_named_by_its_number() -> None:
    assert jql.clause(info("customfield_10010", type="option"), "red") == 'cf[10010] = "red"'


def test_what_is_empty_is_searched_as_such() -> None:
    for nothing in (None, "", []):
        assert jql.clause(info("labels", type="array", items="string"), nothing) == "labels is EMPTY"


def test_every_element_of_a_list_must_be_there() -> None:
    labels = info("labels", type="array", items="string")
    assert jql.clause(labels, ["a", "b"]) == 'labels = "a" AND labels = "b"'


def test_zero_is_a_number_and_not_empty() -> None:
    assert jql.clause(info("customfield_7", type="number"), 0) == "cf[7] = 0"


def test_a_field_that_cannot_be_searched_is_a_mistake_of_the_declaration() -> None:
    with pytest.raises(ConfigError, match="thumbnail"):
        jql.clause(FieldInfo.model_validate({"id": "thumbnail", "clauseNames": []}), "x")
    with pytest.raises(ConfigError, match="can't be searched by"):
        jql.clause(info("customfield_8", type="any"), {"a": 1})


def test_a_scope_is_one_condition_among_others() -> None:
    scope = 'project = OPS OR summary ~ "a) b"'
    assert jql.both(jql.of_type("Bug", scope)) == f'issuetype = "Bug" AND ({scope})'


@pytest.mark.parametrize(
    "scope", ["project = A) OR (project = B", "project = A ORDER BY key", 'summary ~ "open', "a = 'b"]
)
def test_a_scope_that_reaches_beyond_its_brackets_is_refused(scope: str) -> None:
    with pytest.raises(ConfigError, match="scope"):
        jql.bracket(scope)


def test_a_name_within_quotes_orders_nothing() -> None:
    assert jql.bracket('summary ~ "order by"') == '(summary ~ "order by")'
