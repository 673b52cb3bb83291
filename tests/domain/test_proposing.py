from __future__ import annotations

from dataclasses import replace
from typing import Any

from domain.duplicates import Bunch, Group, Twin, clusters
from domain.integration import Integration
from domain.proposing import Proposal, propose
from domain.records import RecordRef
from domain.sides import Pair, Side
from tests.domain.builders import a_field, a_snapshot, an_integration, at

FIELDS = (a_field("number"), a_field("title"), a_field("owner"))
CLOSE = {"a": {"state": "closed", "note": "duplicate of {kept}"}, "b": {"state": "Done"}}
RULES = an_integration(*FIELDS, match=["number"], duplicates={"close": CLOSE})


def a_twin(side: Side, number: int, *, age: float | None = None, linked: bool = False, **known: Any) -> Twin:
    """`age`: seconds after which it was made; None where the system doesn't tell."""
    values = {"number": "N1", "title": "Printer", "state": "open", **known.pop("values", {})}
    made = None if age is None else at(age)
    ref = RecordRef(connection=side.value, record_type="ticket", id=str(number))
    key = f"{side.value.upper()}-{number}"
    record = a_snapshot(side, values, created_at=made).model_copy(update={"ref": ref, "key": key})
    pair = {"pair_id": f"p{number}", "partner": "X-1"} if linked else {}
    return Twin(side=side, record=record, **pair, **known)


def a_group(*twins: Twin, **words: Any) -> Group:
    return Group("number", twins, **{"size": len(twins), **words})


def proposed(*twins: Twin, rules: Integration = RULES, **words: Any) -> list[tuple[str, ...]]:
    return [(one.action, *one.keys) for one in propose(rules, a_group(*twins, **words))]


def only(*twins: Twin, rules: Integration = RULES) -> Proposal:
    (one,) = propose(rules, a_group(*twins))
    return one


def test_the_one_without_pair_that_adds_nothing_is_closed_as_a_duplicate_of_the_one_with_a_pair() -> None:
    one = only(a_twin(Side.A, 1, linked=True), a_twin(Side.A, 2))
    assert (one.action, one.keys, one.own) == ("close", ("A-2", "A-1"), ())
    assert one.closing == {"state": "closed", "note": "duplicate of A-1"}


def test_a_younger_one_is_closed_with_its_own_values_named() -> None:
    kept, twin = a_twin(Side.A, 1, age=0, linked=True), a_twin(Side.A, 2, age=9, values={"owner": "ines"})
    one = only(kept, twin)
    assert (one.action, one.own) == ("close", ("owner",))


def test_an_older_one_or_one_of_unknown_age_with_values_of_its_own_is_left_to_a_person() -> None:
    mine = {"owner": "ines"}
    for kept, twin in ((9, 0), (None, None), (5, 5), (None, 9)):
        one = only(a_twin(Side.A, 1, age=kept, linked=True), a_twin(Side.A, 2, age=twin, values=mine))
        assert one.action == "keep"
        assert "owner" in one.reason


def test_where_no_closing_values_are_declared_a_person_is_told_what_to_do() -> None:
    rules = an_integration(*FIELDS, match=["number"])
    one = only(a_twin(Side.B, 1, linked=True), a_twin(Side.B, 2), rules=rules)
    assert one.action == "close_by_hand"
    assert one.steps[0] == "close B-2 in b as a duplicate of B-1"


def test_two_left_over_records_on_the_two_sides_are_linked() -> None:
    pair = (a_twin(Side.A, 1, linked=True), a_twin(Side.B, 1, linked=True))
    assert proposed(*pair, a_twin(Side.A, 2), a_twin(Side.B, 2)) == [("link", "A-2", "B-2")]


def test_an_ended_link_isnt_made_again() -> None:
    b = a_twin(Side.B, 2)
    a = a_twin(Side.A, 2, former=frozenset({b.record.ref}))
    assert proposed(a_twin(Side.A, 1, linked=True), a, b) == [("keep",)]


def test_of_twins_without_any_pair_the_oldest_is_linked_and_empty_younger_ones_are_closed() -> None:
    twins = (a_twin(Side.A, 1, age=0), a_twin(Side.A, 2, age=5), a_twin(Side.B, 1))
    assert proposed(*twins) == [("close", "A-2", "A-1"), ("link", "A-1", "B-1")]


def test_twins_without_any_pair_that_hold_values_of_their_own_or_have_no_age_are_left_to_a_person() -> None:
    full = a_twin(Side.A, 2, age=5, values={"owner": "ines"})
    assert proposed(a_twin(Side.A, 1, age=0), full, a_twin(Side.B, 1)) == [("keep",)]
    assert proposed(a_twin(Side.A, 1), a_twin(Side.A, 2), a_twin(Side.B, 1)) == [("keep",)]
    assert proposed(a_twin(Side.A, 1), a_twin(Side.A, 2)) == [("keep",)]


def test_records_that_each_have_a_pair_are_kept() -> None:
    assert proposed(a_twin(Side.A, 1, linked=True), a_twin(Side.A, 2, linked=True)) == [("keep",)]


def test_a_third_one_beside_two_pairs_is_left_to_a_person() -> None:
    twins = (a_twin(Side.A, 1, linked=True), a_twin(Side.A, 2, linked=True), a_twin(Side.A, 3))
    assert proposed(*twins) == [("keep", "A-3")]


def test_what_people_have_said_and_what_is_closed_already_is_proposed_no_more() -> None:
    kept = a_twin(Side.A, 1, linked=True)
    closed = a_twin(Side.A, 3, values={"state": "closed", "note": "as it was typed"})
    assert proposed(kept, a_twin(Side.A, 2, said="ignore"), closed) == []


def test_an_open_twin_of_a_closed_record_is_left_to_a_person() -> None:
    kept = a_twin(Side.A, 1, linked=True, values={"state": "closed"})
    assert proposed(kept, a_twin(Side.A, 2, age=3)) == [("keep", "A-2")]


def test_a_record_that_something_else_depends_on_isnt_closed() -> None:
    kept, source = a_twin(Side.A, 1, linked=True), RecordRef(connection="b", record_type="ticket", id="9")
    for known in ({"elsewhere": ("other",)}, {"is_source": True}, {"made_for": source}):
        assert proposed(kept, a_twin(Side.A, 2, **known)) == [("keep", "A-2")]


def test_a_copy_with_the_same_marker_is_closed() -> None:
    source = RecordRef(connection="b", record_type="ticket", id="9")
    kept = a_twin(Side.A, 1, linked=True, made_for=source)
    assert proposed(kept, a_twin(Side.A, 2, made_for=source)) == [("close", "A-2", "A-1")]


def test_a_key_that_many_records_share_tells_nothing() -> None:
    twins = [a_twin(Side.A, n) for n in range(20)]
    assert proposed(a_twin(Side.A, 99, linked=True), *twins, size=300) == [("keep",)]


def test_a_record_whose_key_has_changed_since_it_was_listed_isnt_touched() -> None:
    kept, gone = a_twin(Side.A, 1, linked=True), a_twin(Side.A, 2, values={"number": "N2"})
    assert proposed(kept, gone) == [("keep", "A-2")]


def test_one_record_on_both_sides_isnt_linked_with_itself() -> None:
    a = a_twin(Side.A, 2)
    assert proposed(a_twin(Side.A, 1, linked=True), a, replace(a, side=Side.B)) == [("keep",)]


def test_crossed_links_are_shown_with_the_words_that_end_them() -> None:
    one = propose(
        RULES,
        a_group(
            a_twin(Side.A, 1, linked=True),
            a_twin(Side.A, 2, linked=True),
            a_twin(Side.B, 1),
            is_crossed=True,
        ),
    )[0]
    assert one.action == "keep"
    assert one.steps[:2] == ("accord unlink p1", "accord unlink p2")


# --------------------------------------------------------------------------------------------------------- clusters
def a_bunch(match_key: str, a: str = "", b: str = "", side: Side | None = Side.A) -> Bunch:
    return Bunch(match_key, Pair(tuple(a), tuple(b)), size=2, side=side)


def test_bunches_that_share_a_record_are_one_cluster_by_the_key_that_holds_all_of_it() -> None:
    marker, number, other = (
        a_bunch("correlation_id", "12"),
        a_bunch("number", "12", "3"),
        a_bunch("number", "78"),
    )
    found = clusters([marker, number, other])
    assert [(one.by, one.records) for one in found] == [
        ("number", Pair(("1", "2"), ("3",))),
        ("number", Pair(("7", "8"), ())),
    ]


def test_a_chain_of_two_keys_has_no_key_that_holds_it_together() -> None:
    (one,) = clusters([a_bunch("correlation_id", "12"), a_bunch("number", "23")])
    assert one.by == ""


def test_two_values_of_one_side_that_lead_to_one_record_are_no_single_key() -> None:
    (one,) = clusters([a_bunch("number", "12", "5"), a_bunch("number", "34", "5")])
    assert one.by == ""
