"""The judge of histories, on small ones written by hand."""

from typing import Any

import pytest

from lab.chaos.check import AT_RISK, COMPARES, TELLS, check, class_of, histories

Line = dict[str, Any]
CAN = {"compare_and_set": True, "change_history": True}
HEAD: Line = {
    "kind": "history",
    "format": 1,
    "seed": 1,
    "capabilities": {"a": CAN, "b": CAN},
    "fields": [
        {"name": "priority", "a": "prio", "b": "urgency", "values": {"1": "High", "2": "Low"}},
        {"name": "notes", "a": "notes", "b": "text", "merges": True},
    ],
    "records": {"a": {"prio": "1", "notes": "one\n"}, "b": {"urgency": "High", "text": "one\n"}},
}


def edit(side: str, native: str, old: Any, new: Any) -> Line:
    return {"kind": "edit", "side": side, "by": "ada", "fields": {native: {"old": old, "new": new}}}


def write(side: str, native: str, old: Any, new: Any) -> Line:
    return {"kind": "write", "side": side, "fields": {native: {"old": old, "new": new}}}


def log(n: int = 1, **more: Any) -> Line:
    said = {
        "what": "conflict",
        "values": [],
        "conflict": "c",
        "stage": "decided",
        "winner": "a",
        "outcome": {},
        "overruled": [],
    }
    return {"kind": "log", "n": n, **said, **more}


def final(a: Line | None, b: Line | None, *states: str, waiting: tuple[str, ...] = ()) -> Line:
    return {"kind": "final", "records": {"a": a, "b": b}, "states": list(states), "waiting": list(waiting)}


def ends(
    prio: str = "1", urgency: str = "High", notes: str = "one\n", text: str = "one\n"
) -> tuple[Line, Line]:
    return {"prio": prio, "notes": notes}, {"urgency": urgency, "text": text}


def broken(*lines: Line) -> list[str]:
    return [violation.invariant for violation in check([HEAD, *lines])]


CARRIED = [edit("a", "prio", "1", "2"), write("b", "urgency", "High", "Low")]
CLASH = [
    edit("a", "prio", "1", "2"),
    edit("b", "urgency", "High", "Mid"),
    write("b", "urgency", "Mid", "Low"),
]
NAMED = {"overruled": [{"field": "priority", "side": "b", "value": "Mid"}]}


def test_an_edit_that_reaches_the_other_side_is_well() -> None:
    assert broken(*CARRIED, {"kind": "quiet"}, final(*ends("2", "Low"))) == []


def test_a_difference_that_waits_for_nothing_has_not_converged() -> None:
    assert broken(CARRIED[0], final(*ends("2"))) == ["I1"]
    assert broken(CARRIED[0], final(*ends("2"), waiting=("priority",))) == []


def test_a_history_without_an_end_has_not_converged() -> None:
    assert broken(*CARRIED) == ["I1"]


def test_a_write_after_the_quiet_breaks_convergence() -> None:
    assert broken(CARRIED[0], {"kind": "quiet"}, CARRIED[1], final(*ends("2", "Low"))) == ["I1"]


def test_a_human_value_replaced_without_a_log_line_is_a_loss() -> None:
    assert broken(*CLASH, final(*ends("2", "Low"))) == ["I2"]


def test_the_log_line_must_come_before_the_write() -> None:
    assert broken(*CLASH[:2], log(**NAMED), CLASH[2], final(*ends("2", "Low"))) == []
    assert broken(*CLASH, log(**NAMED), final(*ends("2", "Low"))) == ["I2"]


def test_an_edit_hit_by_a_write_may_be_named_after_it_as_a_race() -> None:
    assert broken(*CLASH, log(what="race", **NAMED), final(*ends("2", "Low"))) == []
    assert broken(*CLASH, log(what="race", values=NAMED["overruled"]), final(*ends("2", "Low"))) == []


def test_a_person_who_returns_to_the_values_in_step_takes_the_edit_back() -> None:
    back = [edit("a", "prio", "1", "2"), edit("b", "urgency", "High", "Mid"), edit("a", "prio", "2", "1")]
    assert (
        broken(*back, write("a", "prio", "1", "Mid"), final(*ends("Mid", "Mid"), waiting=("priority",))) == []
    )


def test_a_person_may_replace_what_they_see() -> None:
    lines = [edit("a", "prio", "1", "3"), edit("a", "prio", "3", "2"), CARRIED[1]]
    assert broken(*lines, final(*ends("2", "Low"))) == []


def test_a_merged_text_keeps_every_added_line() -> None:
    clash = [edit("a", "notes", "one\n", "one\ntwo\n"), edit("b", "text", "one\n", "zero\none\n")]
    both, less = "zero\none\ntwo\n", "one\ntwo\n"
    merged = [write("a", "notes", "one\ntwo\n", both), write("b", "text", "zero\none\n", both)]
    assert broken(*clash, *merged, final(*ends(notes=both, text=both))) == []
    assert broken(*clash, write("b", "text", "zero\none\n", less), final(*ends(notes=less, text=less))) == [
        "I2"
    ]


def test_writes_need_an_edit_a_decision_or_a_fault() -> None:
    echo = [*CARRIED, write("a", "prio", "2", "2")]
    assert broken(*echo, final(*ends("2", "Low"))) == ["I3"]
    assert broken({"kind": "fault", "what": "lost reply"}, *echo, final(*ends("2", "Low"))) == []


def test_a_second_record_for_one_marker_is_a_duplicate() -> None:
    created = {"kind": "create", "side": "b", "marker": "m"}
    assert broken(created, created, final(*ends())) == ["I5"]


def test_a_conflict_is_logged_once_and_in_order() -> None:
    assert broken(log(), log(2), final(*ends())) == ["I6"]
    assert broken(log(), log(2, stage="resolved"), final(*ends())) == []
    assert broken(log(), log(stage="resolved"), final(*ends())) == ["I6"]


def test_a_deleted_record_stays_alone_and_ends_the_pair() -> None:
    gone = {"kind": "delete", "side": "b", "by": "ada"}
    assert broken(gone, final(ends()[0], None, "detached")) == []
    assert broken(gone, final(ends()[0], None, "in_sync")) == ["I10"]
    assert broken(CARRIED[0], gone, CARRIED[1], final(ends("2")[0], None, "detached")) == ["I10"]
    assert broken(gone, final(*ends(), "detached")) == ["I10"]


def test_values_that_no_line_explains_make_a_history_worthless() -> None:
    assert broken(final(*ends("2", "Low"))) == ["format", "format"]


def test_a_file_may_hold_many_histories() -> None:
    assert len(list(histories([HEAD, final(*ends()), HEAD]))) == 2


def test_a_foreign_file_is_refused() -> None:
    with pytest.raises(ValueError, match="first line must be"):
        check([{"kind": "final"}])


def test_histories_are_classed_by_what_their_systems_can_tell() -> None:
    bare = {"compare_and_set": False, "change_history": False}
    compares = {"compare_and_set": True, "change_history": False}
    assert class_of(HEAD) == TELLS
    assert class_of({**HEAD, "capabilities": {"a": CAN, "b": compares}}) == COMPARES
    assert class_of({**HEAD, "capabilities": {"a": compares, "b": bare}}) == AT_RISK


def test_an_edit_that_a_person_saved_again_or_that_came_back_is_not_lost() -> None:
    hit = [edit("a", "prio", "1", "2"), write("a", "prio", "2", "1")]
    assert "I2" in broken(*hit, final(*ends()))
    assert "I2" not in broken(*hit, edit("a", "prio", "1", "2"), final(*ends("2")))


def test_a_return_to_what_the_log_decided_is_no_edit_of_its_own() -> None:
    decided = log(outcome={"priority": ["2", "Low"]})
    lines = [
        edit("a", "prio", "1", "2"),
        decided,
        edit("a", "prio", "2", "1"),
        edit("b", "urgency", "High", "Low"),
    ]
    assert "I2" not in broken(*lines, write("b", "urgency", "Low", "High"), final(*ends()))


def test_a_deletion_takes_along_what_a_write_had_hit() -> None:
    hit = [edit("a", "prio", "1", "2"), write("a", "prio", "2", "1")]
    gone = {"kind": "delete", "side": "a", "by": "ada"}
    assert broken(*hit, final(*ends())) == ["I2"]
    assert broken(*hit, gone, final(None, ends()[1], "detached")) == []
