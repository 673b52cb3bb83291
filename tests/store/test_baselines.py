import asyncio

import pytest

from domain.sides import Pair
from domain.view import Baseline
from store import baselines, work
from store.baselines import BaselineRow
from store.database import Database, Tx
from store.errors import Moved
from store.pairs import PairRow

pytestmark = pytest.mark.stack


async def found(tx: Tx, pair: PairRow) -> dict[str, BaselineRow]:
    return (await work.load(tx, pair.id)).baselines


async def test_a_baseline_moves_whole_and_counts_its_moves(tx: Tx, pair: PairRow) -> None:
    await baselines.move(tx, pair.id, {"priority": ("prio", "priority", "2", "High")})
    await baselines.move(tx, pair.id, {"priority": ("prio", "priority", "1", "Highest")})
    assert await found(tx, pair) == {
        "priority": BaselineRow(Pair("prio", "priority"), Baseline(a="1", b="Highest", revision=2))
    }


async def test_several_fields_move_at_once_each_by_its_own_count(tx: Tx, pair: PairRow) -> None:
    await baselines.move(tx, pair.id, {"priority": ("p", "p", 1, 1)})
    await baselines.move(tx, pair.id, {"priority": ("p", "p", 2, 2), "tags": ("t", "t", ["x"], None)})
    rows = await found(tx, pair)
    assert {field: row.baseline.revision for field, row in rows.items()} == {"priority": 2, "tags": 1}
    assert (rows["tags"].baseline.a, rows["tags"].baseline.b) == (["x"], None)


async def test_a_remapped_field_keeps_counting_under_its_new_native_names(tx: Tx, pair: PairRow) -> None:
    await baselines.move(tx, pair.id, {"priority": ("old", "p", 1, 1)})
    await baselines.move(tx, pair.id, {"priority": ("new", "p", 1, 1)})
    row = (await found(tx, pair))["priority"]
    assert (row.natives, row.baseline.revision) == (Pair("new", "p"), 2)


async def test_a_baseline_that_has_moved_on_is_not_moved_by_a_late_pass(tx: Tx, pair: PairRow) -> None:
    await baselines.move(tx, pair.id, {"priority": ("p", "p", 1, 1)}, expected={})
    await baselines.move(tx, pair.id, {"priority": ("p", "p", 2, 2)}, expected={"priority": 1})
    with pytest.raises(Moved, match="priority"):
        await baselines.move(tx, pair.id, {"priority": ("p", "p", 3, 3)}, expected={"priority": 1})
    with pytest.raises(Moved):
        await baselines.move(tx, pair.id, {"priority": ("p", "p", 3, 3)}, expected={})


async def test_of_two_passes_at_once_one_moves_the_baseline(database: Database, pair: PairRow) -> None:
    async def move(value: int) -> None:
        async with database.begin() as tx:
            await baselines.move(tx, pair.id, {"priority": ("p", "p", value, value)}, expected={})

    outcomes = await asyncio.gather(*(move(n) for n in range(5)), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Moved"] * 4 + ["NoneType"]


async def test_moving_nothing_asks_nothing(tx: Tx, pair: PairRow) -> None:
    await baselines.move(tx, pair.id, {})
    assert await found(tx, pair) == {}
