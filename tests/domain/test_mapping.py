from __future__ import annotations

from typing import Any

import pytest

from domain.mapping import UNMAPPED, agree, mapped
from domain.sides import Side
from domain.values import MISSING
from tests.domain.builders import IMPACT, a_field

IMPACT_FIELD = a_field(values=IMPACT)


@pytest.mark.parametrize(
    ("value", "towards", "expected"),
    [
        (1, Side.B, "High"),
        (2, Side.B, "High"),
        (5, Side.B, UNMAPPED),
        ("High", Side.A, 1),
        ("Urgent", Side.A, UNMAPPED),
        (None, Side.B, None),
        ("1", Side.B, UNMAPPED),
    ],
)
def test_values_are_mapped_by_the_declared_map(value: Any, towards: Side, expected: Any) -> None:
    assert mapped(IMPACT_FIELD, value, towards) == expected


def test_a_map_may_give_emptiness_a_meaning() -> None:
    field = a_field(values={"a_to_b": [(None, "Unset")], "b_to_a": [("Unset", None)]})
    assert mapped(field, None, Side.B) == "Unset"
    assert agree(field, None, "Unset")


def test_map_keys_are_compared_as_the_side_compares() -> None:
    field = a_field(values=IMPACT, normalise=((), ("lower",)))
    assert mapped(field, "HIGH", Side.A) == 1


def test_sets_are_mapped_element_by_element_sorted_and_without_doubles() -> None:
    field = a_field(values=IMPACT, type="set")
    assert mapped(field, [4, 2, 1], Side.B) == ["High", "Low"]
    assert mapped(field, [4, 5], Side.B) is UNMAPPED


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (2, "High", True),
        (2, "Low", False),
        (5, "Low", False),
        (None, None, True),
        (MISSING, None, False),
    ],
)
def test_values_agree_when_either_direction_says_so(a: Any, b: Any, expected: Any) -> None:
    assert agree(IMPACT_FIELD, a, b) is expected


def test_a_value_that_only_the_way_back_knows_agrees_too() -> None:
    field = a_field(values={"a_to_b": [], "b_to_a": [("High", 1)]})
    assert agree(field, 1, "High")


def test_sets_agree_when_every_element_has_a_partner() -> None:
    field = a_field(values=IMPACT, type="set")
    assert agree(field, [1, 2, 4], ["Low", "High"])
    assert not agree(field, [1], ["Low", "High"])
    assert not agree(field, [1, 4], ["High"])
