import pytest

from lab.bench.measuring import Size, measure
from lab.bench.meters import Requests, Told
from lab.bench.stage import Stage

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

SMALL = Size(
    pairs=10, rounds=1, seconds=1, singles=2, pace=20, paced=2, idle=10, burst_pairs=2, burst_edits=5
)


async def test_a_run_has_a_row_per_kind_and_tells_what_each_change_cost(exact: Stage) -> None:
    told: list[str] = []
    results = await measure(exact, SMALL, told.append)
    rows = {row.name: row for row in results.rows}
    assert list(rows) == ["bare", "http", "clean", "conflict", "echo", "burst"]
    assert [rows[name].told.activities for name in ("bare", "http", "clean", "conflict")] == [2, 2, 2, 3]
    assert rows["http"].requests == rows["clean"].requests == Requests(reads=2, writes=1)
    assert rows["echo"].told == Told()
    assert rows["burst"].told.activities <= 2
    assert all(row.per_second > 0 and row.cpu_total > 0 for row in results.rows)
    assert told[0] == "linking pairs"
