from __future__ import annotations

from typing import Any

import pytest

from domain.deciding.text_merge import MOST_PAIRS, merge_texts
from domain.engine import decide
from domain.outcome import UnitState
from domain.sides import Side
from tests.domain.builders import a_field, a_view, an_integration, unit, written

BASE = "one\ntwo\nthree\nfour"


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("ONE\ntwo\nthree\nfour", "one\ntwo\nthree\nFOUR", "ONE\ntwo\nthree\nFOUR"),
        ("zero\n" + BASE, BASE + "\nfive", "zero\n" + BASE + "\nfive"),
        ("two\nthree\nfour", "one\ntwo\nthree\nFOUR", "two\nthree\nFOUR"),
        ("ONE\ntwo\nthree\nfour", "ONE\ntwo\nthree\nFOUR", "ONE\ntwo\nthree\nFOUR"),
    ],
)
def test_edits_of_separate_lines_both_hold(a: str, b: str, expected: str) -> None:
    assert merge_texts(BASE, a, b) == expected


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("one\nTWO\nthree\nfour", "one\n2\nthree\nfour"),
        ("one\nTWO\nthree\nfour", "one\ntwo\nTHREE\nfour"),
        (BASE + "\nfive", BASE + "\n5"),
        ("", "one\ntwo\nthree\nFOUR"),
    ],
)
def test_edits_that_overlap_or_touch_are_left_to_a_person(a: str, b: str) -> None:
    assert merge_texts(BASE, a, b) is None


def test_a_text_that_would_take_too_long_to_compare_is_left_to_a_person() -> None:
    dull = "\n".join(["x", "y"] * (MOST_PAIRS // 100))
    assert merge_texts(dull, dull + "\nz", "z\n" + dull) is None
    long = "\n".join(map(str, range(5_000)))
    assert merge_texts(long, long + "\nz", "z\n" + long) == "z\n" + long + "\nz"


def text_clash(a: Any, b: Any, base: Any, **words: Any) -> Any:
    rules = an_integration(a_field(type="text", policy=["merge"], **words))
    return decide(rules, a_view({"title": a}, {"title": b}, {"title": base} if base else {}))


def test_a_merged_text_goes_to_both_sides() -> None:
    verdict = text_clash("ONE\n2\n3\nfour", "one\n2\n3\nFOUR", ("one\n2\n3\nfour",) * 2)
    assert set(written(verdict).values()) == {"ONE\n2\n3\nFOUR"}
    assert verdict.plan.merges == ("title",)


def test_line_ends_that_the_comparison_ignores_are_no_edit() -> None:
    ends = {"normalise": (["lines"], ["lines"])}
    verdict = text_clash(
        "ONE\n2\n3\n4", "one\r\n2\r\n3\r\nFOUR", ("one\n2\n3\n4", "one\r\n2\r\n3\r\n4"), **ends
    )
    assert set(written(verdict)) == {(Side.A, "title"), (Side.B, "title")}


@pytest.mark.parametrize(
    ("a", "b", "base"),
    [("a", "b", None), (1, "b", ("t", "t")), ("a", "b\n\nx", ("t", "T"))],
)
def test_a_text_without_a_common_base_is_not_merged(a: Any, b: Any, base: Any) -> None:
    verdict = text_clash(a, b, base)
    assert unit(verdict).state is UnitState.PENDING
    assert written(verdict) == {}


@pytest.mark.parametrize("words", [{"type": "set", "flow": "a_to_b"}, {"type": "text", "flow": "b_to_a"}])
def test_a_field_that_flows_one_way_is_not_merged(words: Any) -> None:
    rules = an_integration(a_field(policy=["merge"], **words))
    value = {"set": (["x"], ["y"], ([], [])), "text": ("a\n\nb\n\nc", "a\n\nb\n\nC", ("A\n\nb\n\nc",) * 2)}[
        words["type"]
    ]
    verdict = decide(rules, a_view({"title": value[0]}, {"title": value[1]}, {"title": value[2]}))
    assert unit(verdict).state is UnitState.PENDING


def test_sets_without_a_baseline_unite() -> None:
    rules = an_integration(a_field(type="set", policy=["merge"]))
    verdict = decide(rules, a_view({"title": ["x", "a"]}, {"title": ["b", "x"]}))
    assert set(map(tuple, written(verdict).values())) == {("a", "b", "x")}
