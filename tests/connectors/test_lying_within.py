"""Whether a record lies in a scope, told from what was read; None where only the system could tell."""

from __future__ import annotations

import pytest

from connectors.jira.jql import names_project_of
from connectors.servicenow.encoded_query import holds_plainly

GROUP = "d625dccec0a8016700a222a0f7900d06"


@pytest.mark.parametrize(
    ("scope", "key", "expected"),
    [
        ("project = OPS", "OPS-7", True),
        ('project="OPS"', "WEB-7", False),
        ("project = OPS AND labels = x", "WEB-7", None),
        ("project = Operations", "OPS-7", None),
        ("filter = 7", "OPS-7", None),
    ],
)
def test_a_jira_scope_of_one_project_is_told_by_the_key(scope: str, key: str, expected: bool | None) -> None:  # noqa: FBT001 - a case
    assert names_project_of(scope, key) is expected


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("category=network", True),
        ("category=Network^active=true", True),
        ("category=software", False),
        (f"assignment_group={GROUP}", True),
        ("assignment_group=a9e30c7dc61122760116894de7bcc7bd", False),
        ("assignment_group=Operations", None),
        ("priority<3", None),
        ("category=network^ORcategory=software", None),
        ("nosuch=1", None),
    ],
)
def test_a_servicenow_scope_of_plain_equalities_is_told_by_the_row(scope: str, expected: bool | None) -> None:  # noqa: FBT001 - a case
    row = {"category": "network", "active": "true", "assignment_group": GROUP, "priority": "2"}
    assert holds_plainly(scope, row) is expected
