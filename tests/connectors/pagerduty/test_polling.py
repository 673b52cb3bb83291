from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from connectors.pagerduty.incidents import Incident
from connectors.pagerduty.log import LogEntry
from connectors.pagerduty.polling import (
    MOST_TOLD,
    WINDOW,
    News,
    Position,
    first_position,
    iso,
    listed_news,
    logged_news,
    read_position,
    seconds,
)

NOW = datetime(2026, 1, 6, 12, tzinfo=UTC)
LOOK_BACK = timedelta(minutes=1)


def after_first_round(gap: timedelta = timedelta(minutes=5)) -> Position:
    """The start of the second round, this long after the first."""
    return first_position(NOW, timedelta(days=180)).next_round(LOOK_BACK).begun(NOW + gap)


def an_incident(identity: str, updated: datetime) -> Incident:
    return Incident.model_validate({"id": identity, "status": "triggered", "updated_at": updated.isoformat()})


def test_the_first_round_lists_every_incident_and_reads_no_log() -> None:
    first = first_position(NOW, timedelta(days=180))
    assert first.list_query()["since"] == iso(seconds(NOW - timedelta(days=180)))
    assert "statuses[]" not in first.list_query()
    following = first.following(100, more=True)
    assert following is not None
    assert following.offset == 100
    assert following.following(3, more=False) is None
    assert [n.incident for n in listed_news(first, [an_incident("P1", NOW - timedelta(days=90))])] == ["P1"]


def test_a_later_round_lists_open_incidents_and_tells_those_that_changed() -> None:
    position = after_first_round()
    assert position.list_query()["statuses[]"] == ["triggered", "acknowledged"]
    incidents = [an_incident("P1", NOW - timedelta(hours=1)), an_incident("P2", NOW + timedelta(minutes=1))]
    assert [n.incident for n in listed_news(position, incidents)] == ["P2"]


def test_the_log_is_read_in_closed_windows_without_a_gap() -> None:
    position: Position | None = after_first_round(timedelta(hours=2))
    windows = []
    while position is not None:
        if position.half == "log":
            windows.append((position.start, position.stop))
        position = position.following(0, more=False)
    assert windows[0][0] == seconds(NOW - LOOK_BACK)
    assert windows[-1][1] == seconds(NOW + timedelta(hours=2))
    assert all(end == start for (_, end), (start, _) in pairwise(windows))
    assert all(stop - start <= WINDOW for start, stop in windows)


def test_a_round_ends_when_it_begins_and_not_when_its_pages_come() -> None:
    waiting = first_position(NOW, timedelta(days=1)).next_round(LOOK_BACK)
    begun = waiting.begun(NOW + timedelta(hours=1))
    assert begun.end == seconds(NOW + timedelta(hours=1))
    second_page = begun.following(100, more=True)
    assert second_page is not None
    assert second_page.begun(NOW + timedelta(hours=2)).end == begun.end


def test_what_was_told_is_left_out_when_it_is_read_again() -> None:
    told = News("R1", NOW - timedelta(seconds=30), "P1")
    position = first_position(NOW, timedelta(days=1)).telling([told], LOOK_BACK)
    again = position.next_round(LOOK_BACK)
    assert again.untold([told]) == []


def test_what_happened_in_this_very_moment_is_told_twice() -> None:
    fresh = News("R1", NOW - timedelta(seconds=1), "P1")
    position = first_position(NOW, timedelta(days=1)).telling([fresh], LOOK_BACK)
    assert position.untold([fresh]) == [fresh]


def test_the_cursor_is_bounded_and_keeps_the_newest() -> None:
    news = [News(f"R{n}", NOW - timedelta(seconds=30), "P1") for n in range(MOST_TOLD + 9)]
    told = first_position(NOW, timedelta(days=1)).telling(news, LOOK_BACK).told
    assert len(told) == MOST_TOLD
    assert told[-1] == f"R{MOST_TOLD + 8}"


def test_a_scope_keeps_to_its_service_and_the_oldest_comes_first() -> None:
    def an_entry(number: int, service: str) -> LogEntry:
        body = {
            "id": f"R{number}",
            "type": "resolve_log_entry",
            "created_at": NOW.isoformat(),
            "incident": {"id": f"P{number}"},
            "service": {"id": service},
        }
        return LogEntry.model_validate(body)

    newest_first = [an_entry(3, "S1"), an_entry(2, "S2"), an_entry(1, "S1")]
    assert [n.incident for n in logged_news(newest_first, "S1")] == ["P1", "P3"]
    assert [n.incident for n in logged_news(newest_first, None)] == ["P1", "P2", "P3"]


def test_a_position_survives_being_written_down() -> None:
    position = after_first_round().telling([News("R1", NOW, "P1")], LOOK_BACK)
    assert read_position(position.as_json()) == position
