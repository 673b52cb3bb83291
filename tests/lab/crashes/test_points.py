"""Fault points, in processes that really die."""

import os
import signal
from pathlib import Path

import pytest

from lab.crashes.lives import live_again
from lab.crashes.points import Point, Points, working, works_for

READ = Point("tickets", "detect_changes/before read on beta#2")


@pytest.fixture
def points(tmp_path: Path) -> Points:
    made = Points(tmp_path)
    made.prepare()
    return made


def read_twice(points: Points, subject: str = "tickets") -> None:
    with working("detect_changes", subject):
        points.reach("before read on beta")
        points.reach("before read on beta")


def fate(points: Points, subject: str = "tickets") -> int | None:
    """The signal that a process dies of which reads twice; None if it lives."""
    child = os.fork()
    if child == 0:
        read_twice(points, subject)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else None


def test_a_process_dies_at_an_armed_point_once(points: Points) -> None:
    points.arm([READ])
    assert not points.is_hit(READ)
    assert [fate(points), fate(points)] == [signal.SIGKILL, None]
    assert points.is_hit(READ)


def test_another_kind_of_work_lives_on(points: Points) -> None:
    points.arm([READ])
    assert fate(points, "changes") is None


def test_a_disarmed_point_kills_nobody(points: Points) -> None:
    points.arm([READ])
    points.disarm()
    assert fate(points) is None


def test_points_are_listed_once_in_the_order_of_the_first_time(points: Points) -> None:
    read_twice(points)
    read_twice(points)
    assert points.reached() == [Point("tickets", "detect_changes/before read on beta#1"), READ]


def test_what_happens_outside_of_a_step_or_for_nobody_is_no_point(points: Points) -> None:
    points.reach("before read on beta")
    read_twice(points, "")
    assert points.reached() == []


def test_a_step_that_hears_under_way_whom_it_works_for_counts_from_its_start(points: Points) -> None:
    with working("webhook"):
        points.reach("start")
        works_for("tickets")
        points.reach("start")
    assert points.reached() == [Point("tickets", "webhook/start#2")]


def test_who_is_killed_lives_again_and_who_ends_by_himself_does_not(tmp_path: Path) -> None:
    lives = tmp_path / "lives"

    def life() -> None:
        with lives.open("a") as file:
            file.write("x")
        if len(lives.read_text()) < 3:
            os.kill(os.getpid(), signal.SIGKILL)
        os._exit(7)

    child = os.fork()
    if child == 0:
        try:
            live_again(life)
        except SystemExit as end:
            os._exit(int(str(end.code)))
    _, status = os.waitpid(child, 0)
    assert (os.waitstatus_to_exitcode(status), lives.read_text()) == (7, "xxx")
