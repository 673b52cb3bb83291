from __future__ import annotations

import pytest

from connectors.servicenow.encoded_query import is_any_of, join, may_equal, scope_columns
from domain.errors import ConfigError


def test_an_equality_is_asked_for_as_it_is() -> None:
    assert may_equal("correlation_id", "link 7, a=b") == "correlation_id=link 7, a=b"
    assert may_equal("active", True) == "active=true"


@pytest.mark.parametrize("nothing", [None, ""])
def test_nothing_is_asked_for_by_its_own_operator(nothing: str | None) -> None:
    assert may_equal("close_code", nothing) == "close_codeISEMPTY"


@pytest.mark.parametrize(
    ("value", "asked"),
    [
        ("x^NQsys_idISNOTEMPTY", "descriptionLIKENQsys_idISNOTEMPTY"),
        ("long enough^ORa=1", "descriptionLIKElong enough"),
        ("javascript:gs.getUserID()", "descriptionLIKEgs.getUserID()"),
        ("a JavaScript:x", "descriptionLIKEa "),
        ("^", "descriptionISNOTEMPTY"),
    ],
)
def test_a_value_adds_no_condition_and_runs_nothing(value: str, asked: str) -> None:
    assert may_equal("description", value) == asked


@pytest.mark.parametrize("name", ["", "Priority", "a^b", "a b", "a=1", "a..b", "1a", "a.b^ORc"])
def test_a_column_is_a_name_and_nothing_else(name: str) -> None:
    with pytest.raises(ConfigError, match="not the name"):
        may_equal(name, "1")


def test_conditions_join_and_nothing_joins_to_nothing() -> None:
    assert join("", "a=1", "", "b=2") == "a=1^b=2"
    assert is_any_of("sys_id", ["x", "y"]) == "sys_idINx,y"


@pytest.mark.parametrize(
    ("scope", "columns"),
    [
        ("assignment_group=OPS", {"assignment_group"}),
        ("active=true^priorityIN1,2^short_descriptionLIKEmail", {"active", "priority", "short_description"}),
        ("category=network^ORcategory=software^EQ", {"category", ""}),
        ("assignment_group.name=Service Desk", {"assignment_group.name"}),
        ("opened_atONToday@javascript:gs.beginningOfToday()", {"opened_at"}),
        ("close_codeISEMPTY^state!=7", {"close_code", "state"}),
    ],
)
def test_the_columns_of_a_scope_are_known(scope: str, columns: set[str]) -> None:
    assert scope_columns(scope) == columns


@pytest.mark.parametrize(
    "scope",
    [
        "",
        "active",
        "active=true^",
        "active=true^NQsys_idISNOTEMPTY",
        "active=true^ORDERBYnumber",
        "ORDERBYDESCnumber",
        "NQactive=true",
        "active~true",
        "Active=true",
        "active=true^priority",
    ],
)
def test_a_part_that_would_be_dropped_or_break_out_is_refused(scope: str) -> None:
    with pytest.raises(ConfigError, match="no condition"):
        scope_columns(scope)
