"""What counts as growth of a worker's memory during a load."""

from lab.backfill.memory import FLAT, PER_PAIR, Watched


def watched(*samples: tuple[int, int, float]) -> Watched:
    made = Watched()
    for pid, share, megabytes in samples:
        made.note(pid, share, megabytes)
    return made


def test_what_a_worker_grows_by_before_a_third_of_the_load_is_its_start() -> None:
    found = watched((1, 0, 100), (1, 30, 190), (1, 40, 200), (1, 100, 205)).summed_up(0)
    assert (found.start, found.most, found.end, found.growth) == (100, 205, 205, 5)
    assert found.is_steady


def test_a_load_that_keeps_what_it_reads_is_not_steady() -> None:
    found = watched((1, 0, 100), (1, 40, 200), (1, 100, 201 + FLAT)).summed_up(0)
    assert not found.is_steady


def test_each_pair_that_was_looked_at_may_keep_its_workflow() -> None:
    found = watched((1, 0, 100), (1, 40, 200), (1, 100, 200 + FLAT + PER_PAIR * 50)).summed_up(50)
    assert found.is_steady


def test_the_successor_of_a_killed_worker_begins_afresh() -> None:
    found = watched((1, 0, 100), (1, 59, 150), (2, 60, 40), (2, 66, 140), (2, 100, 145)).summed_up(0)
    assert found.growth == 5
