"""The pure runner: every case that it can run ends as the corpus says, and a wrong end is noticed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.scenarios import oracle
from lab.scenarios.command import CORPUS
from lab.scenarios.comparison import compare
from lab.scenarios.corpus import Case, read_corpus
from lab.scenarios.oracle import NeverRests, run_core, why_not_core
from lab.scenarios.simulation import NotForTheCore

CASES = read_corpus(CORPUS).cases
RUNNABLE = [case for case in CASES if why_not_core(case) is None]


@pytest.mark.parametrize("case", RUNNABLE, ids=lambda case: case.id)
def test_a_case_ends_as_the_corpus_says(case: Case) -> None:
    assert [str(difference) for difference in compare(case, run_core(case))] == []


def test_every_case_that_follows_from_the_pure_function_is_run() -> None:
    assert {case.id for case in CASES if case.check == "oracle"} <= {case.id for case in RUNNABLE}


def test_the_rest_says_what_it_needs() -> None:
    for case in CASES:
        if case not in RUNNABLE:
            with pytest.raises(NotForTheCore, match=r"needs the product|declares no fields"):
                run_core(case)


def a_case(text: str) -> Case:
    return Case.model_validate({"id": "X", **yaml.safe_load(text)})


def differences(text: str) -> list[str]:
    case = a_case(text)
    return [str(difference) for difference in compare(case, run_core(case))]


# Cases of our own, in the corpus's words: what its cases for the product ask of the core as well.
OWN = {
    "an edit between our read and our write loses, and is named": """
        given: {fields: {title: {policy: source, master: A, base: [t, t]}}}
        events: [{t: 0, edit: A, set: {title: u}}, {t: 1, inject: {at: before_write_B, edit: B, set: {title: h}}}]
        expect: {A: {title: u}, B: {title: u}, writes: {A: 0, B: 1},
                 log: [{field: title, kind: race, policy: source, winner: A, overruled: [[B, h]]}]}""",
    "an edit between our read and our write can still win": """
        given: {fields: {title: {policy: source, master: B, base: [t, t]}}}
        events: [{t: 0, edit: A, set: {title: u}}, {t: 1, inject: {at: before_write_B, edit: B, set: {title: h}}}]
        expect: {A: {title: h}, B: {title: h}, writes: {A: 1, B: 2},
                 log: [{field: title, kind: race, winner: B, overruled: [[A, u]]}]}""",
    "compare-and-set turns the same race into a conflict": """
        given: {fields: {title: {policy: source, master: B, base: [t, t]}}, caps: {B: {cas: true}}}
        events: [{t: 0, edit: A, set: {title: u}}, {t: 1, inject: {at: before_write_B, edit: B, set: {title: h}}}]
        expect: {A: {title: h}, B: {title: h}, writes: {A: 1, B: 0},
                 log: [{field: title, kind: conflict, winner: B, overruled: [[A, u]]}]}""",
    "an edit of another field doesn't stop a partial write": """
        given: {fields: {title: {policy: review, base: [t, t]}, note: {policy: review, base: [n, n]}}}
        events: [{t: 0, edit: A, set: {title: u}}, {t: 1, inject: {at: before_write_B, edit: B, set: {note: m}}}]
        expect: {A: {title: u, note: m}, B: {title: u, note: m}, writes: {A: 1, B: 1}, log: []}""",
    "two automations that undo each other trip the breaker": """
        given: {fields: {x: {policy: lww, tie: A, base: [0, 0]}, y: {policy: lww, tie: A, base: [0, 0]}},
                automation: {A: [{when: {x: 1}, set: {x: 2}}], B: [{when: {x: 2}, set: {x: 1}}]}}
        events: [{t: 0, edit: A, set: {x: 1}}, {t: 1, settle: true}, {t: 2, edit: B, set: {y: 3}}]
        expect: {alerts: [flap x], A: {y: 3}, writes_max: {total: 12}}""",
    "a mended map lets a held value flow": """
        given: {fields: {impact: {policy: source, master: A, base: [3, Medium],
                                  map: {a2b: {3: Medium}, b2a: {Medium: 3}}}}}
        events: [{t: 0, edit: A, set: {impact: 5}}, {t: 1, settle: true},
                 {t: 2, config: {fields: {impact: {map: {a2b: {5: Low}, b2a: {Low: 5}}}}}}]
        expect: {A: {impact: 5}, B: {impact: Low}, writes: {A: 0, B: 1}, alerts: [unmapped impact]}""",
    "a record's stamp proves nothing about one field": """
        given: {fields: {title: {policy: lww, base: [t, t]}, note: {policy: review, base: [n, n]}},
                clock: {stamp: record}}
        events: [{t: 0, edit: A, set: {title: a}}, {t: 50, edit: B, set: {title: b}}, {t: 99, edit: A, set: {note: m}}]
        expect: {A: {title: a}, B: {title: b, note: m}, pending: [title], writes: {A: 0, B: 1}}""",
    "what a system cuts off is accepted": """
        given: {fields: {title: {policy: lww, base: [t, t]}}, caps: {B: {store: {cut: 3}}}}
        events: [{t: 0, edit: A, set: {title: abcdef}}, {t: 1, settle: true}, {t: 2, signal: {sides: [A, B], n: 9}}]
        expect: {A: {title: abcdef}, B: {title: abc}, writes: {A: 0, B: 1}, log: []}""",
    "a person decides whether a deletion takes an edit with it": """
        given: {fields: {title: {policy: lww, base: [t, t]}}, delete: {mode: propagate, vs_edit: review}}
        events: [{t: 0, edit: B, set: {title: b}}, {t: 0, delete: A}, {t: 1, settle: true},
                 {t: 2, review: __record__, choose: A, by: ann, saw: now}]
        expect: {A: deleted, B: deleted, link: closed, pending: [], writes: {B: 1},
                 log: [{field: __record__, kind: delete_vs_edit, winner: null},
                       {field: __record__, kind: delete_vs_edit, winner: A, overruled: [[B, [title, b]]]}]}""",
    "ordered rules decide, the tie where none holds": """
        given: {fields: {p: {policy: rules, rules: [{when: "b == 'P1'", then: review}, {when: "newer == 'A'", then: A}],
                             tie: B, base: [P3, P3]}}}
        events: [{t: 0, edit: B, set: {p: P2}}, {t: 60, edit: A, set: {p: P4}}, {t: 61, settle: true},
                 {t: 70, edit: A, set: {p: P5}}, {t: 140, edit: B, set: {p: P3}}]
        expect: {A: {p: P3}, B: {p: P3}, log: [{field: p, kind: conflict, policy: rules, winner: A},
                                               {field: p, kind: conflict, policy: rules, winner: B}]}""",
}


@pytest.mark.parametrize("name", OWN)
def test_a_case_of_our_own_ends_as_expected(name: str) -> None:
    assert differences(OWN[name]) == []


def test_a_signal_that_comes_again_moves_nothing() -> None:
    case = a_case(OWN["what a system cuts off is accepted"])
    quiet = case.model_copy(update={"events": case.events[:2]})
    assert run_core(case) == run_core(quiet)


def test_a_pair_that_never_rests_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oracle, "MOST_PASSES", 3)
    with pytest.raises(NeverRests):
        run_core(a_case(OWN["two automations that undo each other trip the breaker"]))


# ---------------------------------------------------------------------------------------------- the comparison has teeth


WRONG = {
    "A.title": {"A": {"title": "x"}},
    "record B": {"B": "deleted"},
    "log title": {"log": []},
    "writes B": {"writes": {"B": 0}},
    "writes total": {"writes_max": {"total": 0}},
    "pending": {"pending": ["title"]},
    "alerts": {"alerts": ["flap title"]},
    "link": {"link": "closed"},
    "links": {"links": 0},
    "records A": {"records": {"A": 2}},
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_expectation_is_noticed(what: str) -> None:
    given = "{given: {fields: {title: {policy: source, master: A, base: [t, t]}}}, events: [{t: 0, edit: A, set: {title: u}}, {t: 0, edit: B, set: {title: v}}]}"
    case = Case.model_validate({"id": "X", **yaml.safe_load(given), "expect": WRONG[what]})
    assert [difference.what for difference in compare(case, run_core(case))] == [what]


@pytest.mark.parametrize(
    "line",
    [
        {"kind": "race"},
        {"policy": "lww"},
        {"winner": "B"},
        {"winner": None},
        {"overruled": []},
        {"overruled": [["B", "w"]]},
    ],
)
def test_a_log_line_must_say_the_same(line: Any) -> None:
    case = next(case for case in CASES if case.id == "S001")
    expected = {"field": "priority", "kind": "conflict", **line}
    wrong = case.model_copy(update={"expect": type(case.expect).model_validate({"log": [expected]})})
    assert len(compare(wrong, run_core(case))) == 2


def test_a_minimal_log_may_hold_more() -> None:
    case = next(case for case in CASES if case.id == "S024")
    expect = type(case.expect).model_validate(
        {"log_min": [{"field": "notes", "kind": "conflict", "winner": "B"}]}
    )
    assert compare(case.model_copy(update={"expect": expect}), run_core(case)) == []


# ---------------------------------------------------------------------------------------------- reading a file


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "corpus.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_malformed_case_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    corpus = read_corpus(
        written(
            tmp_path,
            "scenarios:\n- {id: S1, given: {fields: {title: {polcy: lww}}}}\n- {id: S2}\n- {id: S2}\n- 7\n",
        )
    )
    assert [case.id for case in corpus.cases] == ["S2"]
    assert "S1 (case 1): given.fields.title.polcy" in corpus.malformed[0]
    assert corpus.malformed[1] == "S2 (case 3): the id is taken"
    assert len(corpus.malformed) == 3


def test_the_whole_corpus_is_well_formed() -> None:
    assert read_corpus(CORPUS).malformed == ()
