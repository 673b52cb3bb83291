"""A feed by coarse stamps and a late index: nothing is missed, nothing of the same version is told twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from connectors.plain.feed import Round
from connectors.plain.records import Changed, Feed

STEP = timedelta(seconds=60)
LAG = timedelta(seconds=20)
BACK = STEP + LAG + timedelta(seconds=1)
START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

EDITS = st.lists(st.tuples(st.integers(0, 400), st.integers(1, 4), st.integers(0, 20)), max_size=20)
"""Second, record, and how late the index shows it."""
POLLS = st.lists(st.integers(0, 400), max_size=12)


def poll(
    edits: list[tuple[int, int, int]], second: int, now: Round, limit: int
) -> tuple[list[tuple[str, str]], Round]:
    """All pages of one round: what is told, and where the next one begins. Versions count a record's edits."""
    heads: dict[str, Changed] = {}
    for number, (at, record, late) in enumerate(sorted(edits), 1):
        if at + late <= second:
            stamp = START + timedelta(seconds=at)
            heads[str(record)] = Changed(id=str(record), version=str(number), modified_at=stamp)
    asked = float(now.asked["since"]) // STEP.total_seconds() * STEP.total_seconds()
    found = [one for one in heads.values() if one.modified_at and one.modified_at.timestamp() >= asked]
    found.sort(key=lambda one: (one.modified_at, one.id))
    told, latest = [], datetime.max.replace(tzinfo=UTC)
    for start in range(0, max(len(found), 1), limit):
        page = found[start : start + limit]
        told += [(one.id, str(one.version)) for one in now.news(page)]
        feed = Feed(records=page, cursor=str(start), more=start + limit < len(found))
        now = now.after(feed, BACK, latest)
    return told, now


@example([(119, 1, 20), (121, 2, 0)], [125], 5)  # the older one shows late, on the other side of a minute
@given(EDITS, POLLS, st.integers(1, 5))
def test_every_last_edit_is_told_and_no_version_twice(
    edits: list[tuple[int, int, int]], polls: list[int], limit: int
) -> None:
    now, told = Round(), list[tuple[str, str]]()
    for second in [*sorted(polls), 1000]:
        news, now = poll(edits, second, now, limit)
        told += news
    last = {str(record): str(number) for number, (_, record, _) in enumerate(sorted(edits), 1)}
    assert set(last.items()) <= set(told)
    assert len(told) == len(set(told))


def test_a_second_edit_under_the_same_stamp_is_told_where_the_stamp_is_the_version() -> None:
    stamp = START + timedelta(seconds=5)
    page = Feed(records=[Changed(id="1", version=stamp.isoformat(), modified_at=stamp)], cursor="")
    soon, later = stamp + timedelta(seconds=30), stamp + timedelta(minutes=5)
    fresh = Round().after(page, BACK, soon - BACK)
    assert fresh.news(page.records) == page.records
    assert fresh.after(page, BACK, later - BACK).news(page.records) == []
