from __future__ import annotations

from typing import Any

import pytest

from domain.matching import Candidate, Create, Found, Hold, Link, Nothing, match, search_value
from domain.records import RecordRef
from domain.sides import Side
from tests.domain.builders import IMPACT, a_field, a_snapshot, an_integration

CREATE = {"when": "a.title != ''", "direction": "a_to_b"}
RULES = an_integration(
    a_field(), a_field("impact", b="severity", values=IMPACT), match=["correlation_id", "title"]
)
RECORD = a_snapshot(Side.A, {"title": "DB down", "impact": 2})


def candidate(number: int, *, is_linked: bool = False) -> Candidate:
    ref = RecordRef(connection="b", record_type="ticket", id=str(number))
    return Candidate(a_snapshot(Side.B, {}).model_copy(update={"ref": ref}), is_linked)


def found(by: str, *candidates: Candidate) -> Found:
    return Found(by, candidates)


def test_one_candidate_is_linked() -> None:
    answer = match(RULES, Side.A, RECORD, [found("correlation_id"), found("title", candidate(7))])
    assert answer == Link(candidate(7).snapshot.ref, "title")


def test_the_first_key_that_finds_something_decides() -> None:
    answer = match(
        RULES, Side.A, RECORD, [found("correlation_id", candidate(1)), found("title", candidate(7))]
    )
    assert answer == Link(candidate(1).snapshot.ref, "correlation_id")


def test_several_candidates_are_held_for_a_person_never_guessed() -> None:
    answer = match(RULES, Side.A, RECORD, [found("title", candidate(1), candidate(2))])
    assert isinstance(answer, Hold)
    assert [len(ones) for ones in answer.records] == [1, 2]


def test_the_only_candidate_is_not_taken_if_other_records_here_lead_to_it_as_well() -> None:
    twin = a_snapshot(Side.A, {}).model_copy(
        update={"ref": RecordRef(connection="a", record_type="ticket", id="9")}
    )
    rivalled = Candidate(candidate(7).snapshot, rivals=(twin,))
    answer = match(RULES, Side.A, RECORD, [found("title", rivalled)])
    assert isinstance(answer, Hold)
    assert [len(ones) for ones in answer.records] == [2, 1]


def test_an_ambiguity_has_one_id_from_wherever_it_is_seen() -> None:
    twins = candidate(1), candidate(2)
    seen_from_a = match(RULES, Side.A, RECORD, [found("title", *twins)])
    seen_from_b = match(
        RULES, Side.B, twins[1].snapshot, [found("title", Candidate(RECORD, rivals=(twins[0].snapshot,)))]
    )
    turned = match(RULES, Side.A, RECORD, [found("title", *reversed(twins))])
    ids = {answer.id for answer in (seen_from_a, seen_from_b, turned) if isinstance(answer, Hold)}
    assert len(ids) == 1


def test_a_linked_record_is_no_candidate_by_a_field_but_a_riddle_by_our_marker() -> None:
    taken = candidate(1, is_linked=True)
    assert isinstance(match(RULES, Side.A, RECORD, [found("title", taken)]), Nothing)
    assert isinstance(match(RULES, Side.A, RECORD, [found("correlation_id", taken)]), Hold)


@pytest.mark.parametrize(
    ("create", "side", "title", "expected"),
    [
        (None, Side.A, "x", Nothing),
        (CREATE, Side.A, "x", Create),
        (CREATE, Side.A, "", Nothing),
        (CREATE, Side.B, "x", Nothing),
        ({**CREATE, "when": "a.nonsense == 1"}, Side.A, "x", Nothing),
    ],
)
def test_a_record_is_created_only_where_the_declaration_says_so(
    create: Any, side: Side, title: str, expected: Any
) -> None:
    rules = an_integration(a_field(), create=create)
    assert isinstance(match(rules, side, a_snapshot(side, {"title": title}), []), expected)


def test_a_key_is_searched_by_the_value_that_the_other_side_would_hold() -> None:
    assert search_value(RULES, "impact", Side.A, RECORD) == ("severity", "High")
    assert search_value(RULES, "title", Side.A, RECORD) == ("title", "DB down")


@pytest.mark.parametrize("value", ["", None, 5])
def test_an_empty_or_unmapped_key_finds_nothing(value: Any) -> None:
    assert search_value(RULES, "impact", Side.A, a_snapshot(Side.A, {"impact": value})) is None
