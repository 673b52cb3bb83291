from __future__ import annotations

from datetime import UTC, datetime, timedelta

from connectors.jira.hits import Hit
from connectors.jira.polling import MOST_TOLD, Round, read_round

NOW = datetime(2026, 1, 6, 12, tzinfo=UTC)
LOOK_BACK = timedelta(minutes=15)


def a_hit(identity: str, ago: timedelta) -> Hit:
    return Hit.model_validate({"id": identity, "fields": {"updated": (NOW - ago).isoformat()}})


def millis(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def a_round_that_saw(*hits: Hit) -> Round:
    return Round().after(hits, None, NOW).next_round(LOOK_BACK)


def test_the_next_round_reads_again_from_behind_the_newest_change() -> None:
    following = a_round_that_saw(a_hit("1", timedelta(hours=2)), a_hit("2", timedelta(hours=1)))
    since = millis(NOW - timedelta(hours=1) - LOOK_BACK)
    assert f"updated >= {since}" in following.query("Bug", None)


def test_an_issue_that_the_index_shows_late_is_told() -> None:
    following = a_round_that_saw(a_hit("1", timedelta(minutes=1)))
    late = a_hit("2", timedelta(minutes=10))
    assert following.news([late, a_hit("1", timedelta(minutes=1))]) == ["2"]


def test_a_told_issue_is_told_again_when_it_changed_again() -> None:
    following = a_round_that_saw(a_hit("1", timedelta(minutes=5)))
    assert following.news([a_hit("1", timedelta(minutes=4))]) == ["1"]


def test_a_change_of_this_very_moment_is_told_twice() -> None:
    following = a_round_that_saw(a_hit("1", timedelta(seconds=1)))
    assert following.news([a_hit("1", timedelta(seconds=1))]) == ["1"]


def test_an_issue_without_a_readable_stamp_is_told_each_time() -> None:
    unreadable = Hit.model_validate({"id": "1", "fields": {"updated": "soon"}})
    assert a_round_that_saw(unreadable).news([unreadable]) == ["1"]


def test_a_quiet_site_keeps_its_place() -> None:
    following = a_round_that_saw(a_hit("1", timedelta(minutes=5)))
    again = following.after([], None, NOW).next_round(LOOK_BACK)
    assert again == following


def test_the_cursor_is_bounded_and_keeps_the_newest() -> None:
    hits = [
        a_hit(str(number), timedelta(seconds=MOST_TOLD + 50 - number)) for number in range(MOST_TOLD + 20)
    ]
    reached = Round().after(hits, "next", NOW)
    assert len(reached.told) == MOST_TOLD
    assert "0" not in reached.told
    assert str(MOST_TOLD + 19) in reached.told


def test_a_position_survives_being_written_down() -> None:
    reached = Round().after([a_hit("1", timedelta(minutes=5))], "token", NOW)
    assert read_round(reached.as_json()) == reached
