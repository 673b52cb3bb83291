from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.integration import Normaliser
from domain.mapping import is_same
from domain.normalise import normal
from domain.sides import Side
from tests.domain.builders import a_field

N = Normaliser


@pytest.mark.parametrize(
    ("ignored", "one", "other"),
    [
        ([N.TRIM], " u ", "u"),
        ([N.LOWER], "High", "HIGH"),
        ([N.LINES], "a \r\nb", "a\nb"),
        ([N.DATE], "2026-01-01T01:00:00+01:00", "2026-01-01 00:00:00"),
        ([N.DATE], "2026-01-01T00:00:00.000+0000", "2026-01-01T00:00:00Z"),
        ([N.NUMBER], "2", 2),
        ([N.NUMBER], "2.0", 2),
        ([N.NUMBER], "1e3", 1000),
        ([N.EMPTY], "", None),
        ([N.EMPTY, N.TRIM], "  ", None),
        ([], 1.0, 1),
    ],
)
def test_what_is_ignored_makes_values_the_same(ignored: list[N], one: Any, other: Any) -> None:
    field = a_field(normalise=(ignored, ignored))
    assert is_same(field, Side.A, one, other)


@pytest.mark.parametrize(
    ("ignored", "one", "other"),
    [
        ([], "u ", "u"),
        ([], "1", 1),
        ([], 1, True),
        ([], 0, None),
        ([], "", None),
        ([N.DATE], "2026-01-01", "2026-01-01T00:00:00"),
        ([N.NUMBER], True, 1),
        ([N.NUMBER], "nan", "NaN"),
    ],
)
def test_what_is_not_ignored_differs(ignored: list[N], one: Any, other: Any) -> None:
    field = a_field(normalise=(ignored, ignored))
    assert not is_same(field, Side.A, one, other)


def test_each_side_ignores_its_own() -> None:
    field = a_field(normalise=([N.TRIM], []))
    assert is_same(field, Side.A, "u ", "u")
    assert not is_same(field, Side.B, "u ", "u")


def test_a_set_ignores_order_doubles_and_absence() -> None:
    field = a_field(type="set")
    assert is_same(field, Side.A, ["y", "x", "x"], ["x", "y"])
    assert is_same(field, Side.A, None, [])
    assert not is_same(field, Side.A, ["x"], ["X"])


def test_a_monstrous_number_stays_text() -> None:
    assert normal("1e999999999", (N.NUMBER,)) == "1e999999999"
    assert normal("9" * 100, (N.NUMBER,)) == "9" * 100


@given(
    st.one_of(
        st.text(alphabet=" aA1.\r\n-:TZ", max_size=12), st.integers(), st.floats(allow_nan=False, width=16)
    ),
    st.sets(st.sampled_from(list(Normaliser))),
)
def test_normal_forms_are_normal(value: Any, ignored: set[Normaliser]) -> None:
    once = normal(value, tuple(ignored))
    assert normal(once, tuple(ignored)) == once
