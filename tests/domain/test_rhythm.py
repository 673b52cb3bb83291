from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.capture import ALONE, BESIDE, Capture, Changes
from domain.rhythm import Rhythm

MONDAY = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)

YEAR = timedelta(days=365)
MOMENTS = st.timedeltas(timedelta(0), 2 * YEAR).map(lambda span: MONDAY + span)
SPANS = st.timedeltas(timedelta(milliseconds=100), timedelta(days=2))
LINES = st.sampled_from(["* * * * *", "*/10 8-18 * * 1-5", "30 3 * * *", "0 0 1 * *", "15 2 * 3,10 0"])
ZONES = st.sampled_from(["UTC", "Europe/Vienna", "America/New_York", "Asia/Kathmandu"])
WINDOWS = st.lists(
    st.fixed_dictionaries(
        {
            "start": st.sampled_from(["0 22 * * 5", "0 2 * * *", "30 2 * * *", "0 0 1 * *"]),
            "for": st.timedeltas(timedelta(seconds=1), timedelta(hours=20)),
        }
    ),
    max_size=2,
)


@st.composite
def rhythms(draw: st.DrawFn) -> Rhythm:
    by_interval = draw(st.booleans())
    rhythm = {"every": draw(SPANS)} if by_interval else {"cron": draw(LINES)}
    jitter = draw(st.timedeltas(timedelta(0), HOUR))
    return Rhythm.model_validate({**rhythm, "zone": draw(ZONES), "jitter": jitter, "freeze": draw(WINDOWS)})


@given(rhythms(), MOMENTS, st.timedeltas(timedelta(0), timedelta(days=40)), st.text(max_size=5))
def test_the_next_look_is_one_it_is_later_than_now_in_no_freeze_and_within_the_longest_wait(
    rhythm: Rhythm, began: datetime, lasted: timedelta, key: str
) -> None:
    now = began + lasted
    due = rhythm.next_look(began, now, key)
    assert due > now
    assert rhythm.frozen_until(due) is None
    assert due - now <= rhythm.longest_wait
    assert rhythm.next_look(began, now, key) == due


@given(rhythms(), MOMENTS, SPANS)
def test_what_was_missed_is_made_up_for_by_one_look(rhythm: Rhythm, began: datetime, down: timedelta) -> None:
    """However long nothing ran: the look that follows is in the future, like that after any other."""
    back = began + down
    due = rhythm.next_look(began, back)
    assert due > back
    if rhythm.every is not None and not rhythm.freeze:
        assert due <= back + rhythm.every + rhythm.jitter


@given(rhythms(), MOMENTS)
def test_a_moment_is_thawed_once_and_never_moved_back(rhythm: Rhythm, moment: datetime) -> None:
    thawed = rhythm.thawed(moment)
    assert thawed >= moment
    assert rhythm.thawed(thawed) == thawed
    assert (thawed == moment) == (rhythm.frozen_until(moment) is None)


def test_an_interval_counts_from_the_last_beginning_and_skips_what_is_over() -> None:
    rhythm = Rhythm(every=10 * MINUTE)
    assert rhythm.next_look(MONDAY, MONDAY + MINUTE) == MONDAY + 10 * MINUTE
    assert rhythm.next_look(MONDAY, MONDAY + 35 * MINUTE) == MONDAY + 40 * MINUTE


def test_a_crontab_line_is_read_in_its_zone_also_when_the_clock_is_turned() -> None:
    rhythm = Rhythm(cron="30 8 * * *", zone="Europe/Vienna")
    assert rhythm.next_look(MONDAY, MONDAY) == datetime(2026, 11, 24, 7, 30, tzinfo=UTC)
    turned = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert rhythm.next_look(turned, turned) == datetime(2026, 3, 29, 6, 30, tzinfo=UTC)
    assert rhythm.longest_wait == timedelta(hours=25)


def test_jitter_differs_by_who_looks() -> None:
    rhythm = Rhythm(every=HOUR, jitter=HOUR)
    dues = {rhythm.next_look(MONDAY, MONDAY, key) for key in "abcdef"}
    assert len(dues) == 6
    assert all(MONDAY + HOUR <= due <= MONDAY + 2 * HOUR for due in dues)


def test_a_freeze_begins_at_its_own_second_and_ends_at_its_own() -> None:
    rhythm = Changes.model_validate({"freeze": [{"start": "0 12 * * 1", "for": "4h"}]}).rhythm(
        beside_webhooks=False
    )
    end = MONDAY + 4 * HOUR
    assert rhythm.frozen_until(MONDAY - timedelta(microseconds=1)) is None
    assert rhythm.frozen_until(MONDAY) == end
    assert rhythm.frozen_until(end - timedelta(microseconds=1)) == end
    assert rhythm.frozen_until(end) is None


def test_freezes_that_follow_each_other_are_one() -> None:
    windows = [{"start": "0 12 * * *", "for": "2h"}, {"start": "30 13 * * *", "for": "1h"}]
    rhythm = Rhythm.model_validate({"every": MINUTE, "freeze": windows})
    assert rhythm.thawed(MONDAY) == MONDAY + timedelta(hours=2, minutes=30)
    assert rhythm.longest_wait == MINUTE + timedelta(hours=2, minutes=30)


# ---------------------------------------------------------------------------------------------------------- capture
@pytest.mark.parametrize(
    ("written", "says"),
    [
        ({"every": "1m", "cron": "* * * * *"}, "exclude each other"),
        ({"cron": "61 * * * *"}, "no crontab line"),
        ({"cron": "0 0 30 2 *"}, "no crontab line"),
        ({"cron": "@daily"}, "no crontab line"),
        ({"every": "0s"}, "longer than nothing"),
        ({"every": 5}, "needs a unit"),
        ({"zone": "Vienna"}, "no time zone"),
        ({"mode": "webhook", "every": "1m"}, "polls nothing"),
        ({"freeze": [{"start": "* * * * *", "for": "2m"}]}, "no time to poll"),
        ({"freeze": [{"start": "* * * * *"}]}, "Field required"),
        ({"mode": "never"}, "webhook"),
        ({"evry": "1m"}, "Extra inputs"),
    ],
)
def test_a_mistake_is_explained(written: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Changes.model_validate(written)


def test_without_a_word_webhooks_are_backed_by_polling() -> None:
    both = Capture.of(Changes(), webhook=True, stream=False)
    assert both.webhook
    assert both.polled is not None
    assert both.polled.every == BESIDE


def test_without_webhooks_polling_is_quicker() -> None:
    alone = Capture.of(Changes(), webhook=False, stream=False)
    assert alone.polled is not None
    assert alone.polled.every == ALONE


def test_a_stream_is_read_alone_unless_polling_is_asked_for() -> None:
    assert Capture.of(Changes(), webhook=False, stream=True).polled is None
    assert Capture.of(Changes(mode="both"), webhook=False, stream=True).polled is not None


def test_how_long_an_edit_can_stand_unseen() -> None:
    changes = Changes.model_validate({"every": "5m", "jitter": "30s"})
    lag = timedelta(seconds=20)
    assert Capture.of(changes, webhook=True, stream=False).exposure(lag) == timedelta(minutes=5, seconds=50)
    assert Capture.of(Changes(), webhook=True, stream=True).exposure(lag) == timedelta(0)
    assert Capture.of(Changes(mode="webhook"), webhook=True, stream=False).exposure(lag) is None
