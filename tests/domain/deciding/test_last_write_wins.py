from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.deciding.answers import Passes, Takes
from domain.deciding.last_write_wins import decide
from domain.engine import decide as decide_pass
from domain.reading import read_unit
from domain.records import Clock, FieldVersion
from domain.sides import Pair, Side
from domain.view import PairView, SideFacts
from tests.domain.builders import a_field, a_snapshot, a_view, an_integration, at

RULES = an_integration(a_field())
BASE = {"title": ("t", "t")}
EXACT = Clock(uncertainty=timedelta(0), granularity=timedelta(seconds=1))


def asked(view: PairView) -> Takes | Passes:
    return decide(read_unit(RULES.units[0], view))


def winner(view: PairView) -> Side | None:
    answer = asked(view)
    return answer.side if isinstance(answer, Takes) else None


def stamped(a: float | None, b: float | None, clocks: Pair[Clock] | None = None, **words: Any) -> PairView:
    stamps = ({"title": a}, {"title": b})
    return a_view({"title": "u"}, {"title": "v"}, BASE, stamps, clocks=clocks or Pair(EXACT, EXACT), **words)


def test_the_later_edit_wins() -> None:
    assert winner(stamped(10, 20)) is Side.B
    assert winner(stamped(20, 10)) is Side.A


def test_nobody_is_later_inside_the_uncertainty() -> None:
    wide = Clock(uncertainty=timedelta(seconds=30))
    assert winner(stamped(30, 10, Pair(wide, wide))) is None


def test_a_measured_offset_is_taken_out() -> None:
    fast = replace_clock(offset=timedelta(seconds=15))
    assert winner(stamped(20, 10, Pair(fast, EXACT))) is Side.B


def test_stamps_of_whole_minutes_hide_what_happened_within() -> None:
    coarse = replace_clock(granularity=timedelta(minutes=1))
    assert winner(stamped(12, 0, Pair(EXACT, coarse))) is None
    assert winner(stamped(60, 0, Pair(EXACT, coarse))) is Side.A


def replace_clock(**words: Any) -> Clock:
    return EXACT.model_copy(update=words)


@pytest.mark.parametrize("stamps", [(None, 10), (10, None), (None, None)])
def test_a_missing_stamp_passes(stamps: Any) -> None:
    assert winner(stamped(*stamps)) is None


def test_a_stamp_in_the_future_passes_and_alerts() -> None:
    view = stamped(86_400, 600, now=at(601))
    answer = asked(view)
    assert isinstance(answer, Passes)
    assert answer.alert
    verdict = decide_pass(an_integration(a_field(policy=["last_write_wins"])), view)
    assert [(alert.kind, alert.unit) for alert in verdict.alerts] == [("clock", "title")]


# ---------------------------------------------------------------------------------------------- stamps of records


def by_record(seen_at: float | None, **facts: Any) -> PairView:
    """A has a stamp of the record only, 100; B's edit has its own, 50."""
    view = stamped(None, 50)
    a = a_snapshot(Side.A, {"title": "u"}, modified_at=at(100), sequence=7)
    seen = {} if seen_at is None else {"title": at(seen_at)}
    known = Pair(SideFacts(seen_at=seen, **facts), SideFacts())
    return replace(view, snapshots=Pair(a, view.snapshots.b), facts=known)


def test_a_record_stamp_may_be_another_fields_edit() -> None:
    assert winner(by_record(seen_at=0)) is None


def test_a_record_stamp_reaches_back_only_to_the_last_look_at_the_old_value() -> None:
    assert winner(by_record(seen_at=60)) is Side.A


def test_a_record_stamp_that_reaches_back_for_ever_can_still_be_the_earlier() -> None:
    view = by_record(seen_at=None)
    b = a_snapshot(Side.B, {"title": "v"}, {"title": 200})
    assert winner(view) is None
    assert winner(replace(view, snapshots=Pair(view.snapshots.a, b))) is Side.B


def test_a_counter_that_rose_once_makes_the_record_stamp_the_fields() -> None:
    assert winner(by_record(seen_at=0, seen_sequence={"title": 6})) is Side.A
    assert winner(by_record(seen_at=0, seen_sequence={"title": 5})) is None


def test_change_history_sharpens_a_record_stamp() -> None:
    version = FieldVersion(field="title", value="u", at=at(10))
    assert winner(by_record(seen_at=0, history=(version,))) is Side.B


def test_a_history_that_does_not_end_at_what_stands_is_not_believed() -> None:
    version = FieldVersion(field="title", value="older", at=at(10))
    assert winner(by_record(seen_at=0, history=(version,))) is None


def test_a_group_is_as_late_as_its_latest_member() -> None:
    rules = an_integration(a_field("x"), a_field("y"), groups=({"name": "g", "fields": ("x", "y")},))
    view = a_view(
        {"x": "1", "y": "1"},
        {"x": "2", "y": "0"},
        {"x": ("0", "0"), "y": ("0", "0")},
        ({"x": 10, "y": 90}, {"x": 50}),
        clocks=Pair(EXACT, EXACT),
    )
    answer = decide(read_unit(rules.units[0], view))
    assert isinstance(answer, Takes)
    assert answer.side is Side.A
