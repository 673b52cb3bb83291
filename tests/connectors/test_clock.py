from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.clock import KEPT_FOR, ClockWatch, compare, parse_http_date

NOON = datetime(2026, 1, 6, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class Watch(ClockWatch):
    """A watch whose own time is set by hand."""

    def __init__(self) -> None:
        self.moment = NOON
        super().__init__(now=lambda: self.moment)

    def hears(self, offset: timedelta, *, round_trip: timedelta = SECOND / 10, **headers: str) -> None:
        date = format_datetime(self.moment + offset, usegmt=True)
        self.hear({"date": date, **headers}, round_trip)


spans = st.timedeltas(timedelta(0), timedelta(seconds=20))


@given(
    offset=st.timedeltas(timedelta(days=-2), timedelta(days=2)),
    out=spans,
    back=spans,
    fraction=st.timedeltas(timedelta(0), SECOND),
)
def test_the_true_offset_lies_within_the_uncertainty(
    offset: timedelta, out: timedelta, back: timedelta, fraction: timedelta
) -> None:
    sent = NOON + fraction
    date = (sent + out + offset).replace(microsecond=0)
    reading = compare(date, received=sent + out + back, round_trip=out + back)
    assert abs(reading.offset - offset) <= reading.uncertainty


def test_the_quickest_answer_is_kept() -> None:
    watch = Watch()
    watch.hears(SECOND * 30, round_trip=SECOND / 10)
    best = watch.best
    watch.hears(SECOND * 30, round_trip=SECOND * 5)
    assert watch.best == best


def test_an_old_reading_gives_way() -> None:
    watch = Watch()
    watch.hears(SECOND * 30, round_trip=SECOND / 10)
    watch.moment += KEPT_FOR + SECOND
    watch.hears(SECOND * 30, round_trip=SECOND * 5)
    assert watch.best is not None
    assert watch.best.uncertainty == SECOND * 3.5


def test_a_clock_that_was_set_is_believed_at_once() -> None:
    watch = Watch()
    watch.hears(SECOND * 30, round_trip=SECOND / 10)
    watch.hears(SECOND * -90, round_trip=SECOND * 5)
    assert watch.best is not None
    assert abs(watch.best.offset + SECOND * 90) <= watch.best.uncertainty


@pytest.mark.parametrize("headers", [{"age": "30"}, {"date": "yesterday"}, {"date": ""}])
def test_a_caches_word_or_no_date_tells_nothing(headers: dict[str, str]) -> None:
    watch = Watch()
    watch.hears(SECOND, **headers)
    assert watch.best is None


def test_every_form_of_http_date_is_read() -> None:
    assert parse_http_date("Tue, 06 Jan 2026 12:00:00 GMT") == NOON
    assert parse_http_date("Tue Jan  6 12:00:00 2026") == NOON
    assert parse_http_date("noon") is None
