from __future__ import annotations

from datetime import timedelta

import pytest

from domain.outcome import LogKind, LogLine, LogStage, Winner
from store import conflicts, rates
from store.database import Tx
from store.pairs import PairRow
from store.rates import RateRow
from tests.store.builders import INTEGRATION, a_line

pytestmark = pytest.mark.stack

HOUR = timedelta(hours=1)


async def append(tx: Tx, pair: PairRow, *lines: LogLine) -> None:
    await conflicts.append(tx, pair.id, INTEGRATION, 1, lines)


def held(conflict_id: str, stage: str = "opened") -> LogLine:
    return a_line(conflict_id).model_copy(update={"kind": LogKind.UNMAPPED, "stage": LogStage(stage)})


async def test_a_conflict_counts_once_however_it_went_on(tx: Tx, pair: PairRow) -> None:
    await append(tx, pair, a_line("c1"), a_line("c1", winner=Winner.A), a_line("c2", winner=Winner.B))
    (row,) = await rates.within(tx, INTEGRATION, HOUR)
    assert row == RateRow(INTEGRATION, "priority", conflicts=2, reviews=1, unmapped=0, stood_a=1, stood_b=1)


async def test_values_held_are_no_conflicts_and_no_reviews(tx: Tx, pair: PairRow) -> None:
    await append(tx, pair, held("h1"), held("h2"), held("h3", "decided"))
    (row,) = await rates.within(tx, INTEGRATION, HOUR)
    assert (row.conflicts, row.reviews, row.unmapped) == (0, 0, 2)


async def test_each_unit_has_its_own_numbers_and_what_is_older_than_the_window_none(
    tx: Tx, pair: PairRow
) -> None:
    await append(tx, pair, a_line("c1"), a_line("c2", unit="state"))
    assert [(row.unit, row.conflicts) for row in await rates.within(tx, INTEGRATION, HOUR)] == [
        ("priority", 1),
        ("state", 1),
    ]
    assert await rates.within(tx, INTEGRATION, timedelta(seconds=-1)) == []
    assert await rates.within(tx, "problems", HOUR) == []
