from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.durations import parse_duration, spell_duration


@pytest.mark.parametrize(
    ("written", "span"),
    [
        ("30s", timedelta(seconds=30)),
        ("1h 30m", timedelta(minutes=90)),
        ("1h30m", timedelta(minutes=90)),
        ("2 d", timedelta(days=2)),
        ("250ms", timedelta(milliseconds=250)),
        ("1.5s", timedelta(seconds=1.5)),
        ("0s", timedelta()),
    ],
)
def test_durations_are_read_as_people_write_them(written: str, span: timedelta) -> None:
    assert parse_duration(written) == span


@pytest.mark.parametrize(
    "written", ["", "soon", "5", "5 parsecs", "5m ago", "-5m", 5, 1.5, True, "9" * 30 + "d"]
)
def test_anything_else_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(written)


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=100_000)))
def test_a_spelled_duration_reads_back_to_the_same_span(span: timedelta) -> None:
    assert parse_duration(spell_duration(span)) == span


@pytest.mark.parametrize(
    ("span", "spelled"),
    [
        (timedelta(), "0s"),
        (timedelta(hours=2), "2h"),
        (timedelta(minutes=90), "1h 30m"),
        (timedelta(days=1, seconds=1), "1d 1s"),
        (timedelta(milliseconds=250), "0.25s"),
    ],
)
def test_the_spelling_is_the_shortest(span: timedelta, spelled: str) -> None:
    assert spell_duration(span) == spelled
