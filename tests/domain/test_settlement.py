from __future__ import annotations

from typing import Any

import pytest

from domain.outcome import PlannedHalf, PlannedWrite
from domain.settlement import Outlook, settled_halves, still_holds
from domain.sides import Side
from domain.values import MISSING
from tests.domain.builders import IMPACT, a_field, a_snapshot

WRITE = PlannedWrite(side=Side.B, fields={"x": 1, "y": 2}, expect={"x": 0, "y": 0})
FIELDS = (a_field("x"), a_field("y"))


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ({"x": 0, "y": 0}, Outlook.SEND),
        ({"x": 1, "y": 0}, Outlook.SEND),
        ({"x": 1, "y": 2}, Outlook.DONE),
        ({"x": 1, "y": 3}, Outlook.OVERTAKEN),
        ({"x": 0, "y": None}, Outlook.OVERTAKEN),
        ({"x": 0}, Outlook.OVERTAKEN),
    ],
)
def test_a_step_is_sent_only_over_what_it_was_decided_on(shown: Any, expected: Outlook) -> None:
    assert still_holds(WRITE, a_snapshot(Side.B, shown), FIELDS) is expected


def test_a_field_that_is_mapped_no_more_overtakes_the_step() -> None:
    assert still_holds(WRITE, a_snapshot(Side.B, {"x": 0, "y": 0}), FIELDS[:1]) is Outlook.OVERTAKEN


def test_what_a_comparison_ignores_does_not_overtake() -> None:
    field = a_field("x", normalise=((), ("trim",)))
    write = PlannedWrite(side=Side.B, fields={"x": "u"}, expect={"x": "t"})
    assert still_holds(write, a_snapshot(Side.B, {"x": "t "}), [field]) is Outlook.SEND
    assert still_holds(write, a_snapshot(Side.B, {"x": "u "}), [field]) is Outlook.DONE


def halves(field: Any, planned: Any, response: Any, written: tuple[Side, ...] = (Side.B,)) -> Any:
    half = PlannedHalf(field="title", unit="title", halves=planned, written=written)
    return settled_halves(field, half, {Side.B: response})


def test_a_trimmed_text_is_accepted_and_noted() -> None:
    settled = halves(a_field(), ("u ", "u "), "u")
    assert (settled.halves, settled.adjusted, settled.edited) == (("u ", "u"), True, False)


def test_what_the_comparison_ignores_is_not_worth_a_note() -> None:
    settled = halves(a_field(normalise=((), ("trim",))), ("u ", "u "), "u")
    assert (settled.halves, settled.adjusted) == (("u ", "u"), False)


def test_another_class_is_that_systems_edit_and_leaves_the_baseline_at_what_we_wrote() -> None:
    settled = halves(a_field(values=IMPACT), (2, "High"), "Low")
    assert (settled.halves, settled.edited) == ((2, "High"), True)


def test_another_value_of_the_same_class_is_accepted() -> None:
    field = a_field(values={"a_to_b": IMPACT["b_to_a"], "b_to_a": IMPACT["a_to_b"]})
    settled = halves(field, ("High", 1), 2)
    assert (settled.halves, settled.adjusted, settled.edited) == (("High", 2), True, False)


def test_a_response_that_says_nothing_leaves_what_was_decided() -> None:
    assert halves(a_field(), ("u", "u"), MISSING).halves == ("u", "u")


def test_only_what_we_wrote_takes_the_response() -> None:
    assert halves(a_field(), ("u", "u"), "other", written=(Side.A,)).halves == ("u", "u")
