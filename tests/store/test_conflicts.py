import asyncio
from datetime import timedelta

import pytest

from domain.outcome import Winner
from store import conflicts
from store.database import Database, Tx
from store.pairs import PairRow
from tests.store.builders import INTEGRATION, a_line, a_pair

pytestmark = pytest.mark.stack


async def append(tx: Tx, pair: PairRow, *lines: object) -> list[int]:
    return await conflicts.append(tx, pair.id, INTEGRATION, 1, lines)  # type: ignore[arg-type] # lines they are


async def test_a_line_comes_back_whole(tx: Tx, pair: PairRow) -> None:
    line = a_line(winner=Winner.A).model_copy(
        update={"base": {"priority": ("2", None)}, "outcome": {"priority": ("1", "Highest")}}
    )
    [number] = await append(tx, pair, line)
    [row] = await conflicts.of_pair(tx, pair.id)
    assert (row.id, row.n, row.version, row.line) == (number, 1, 1, line)


async def test_a_line_that_says_nothing_new_is_not_appended(tx: Tx, pair: PairRow) -> None:
    await append(tx, pair, a_line())
    assert await append(tx, pair, a_line()) == []
    assert await append(tx, pair, a_line().model_copy(update={"reason": "other words"})) == []


async def test_a_conflict_is_told_until_its_end_and_again_when_it_turns(tx: Tx, pair: PairRow) -> None:
    turns = [a_line(), a_line(winner=Winner.A), a_line(winner=Winner.B), a_line(winner=Winner.A)]
    assert len(await append(tx, pair, *turns)) == 4
    rows = await conflicts.of_pair(tx, pair.id)
    assert [row.n for row in rows] == [1, 2, 3, 4]
    assert [row.line for row in rows] == turns


async def test_each_conflict_counts_for_itself(tx: Tx, pair: PairRow) -> None:
    await append(tx, pair, a_line("c1"), a_line("c2"))
    assert [row.n for row in await conflicts.of_pair(tx, pair.id)] == [1, 1]


async def test_passes_at_once_say_a_thing_once(database: Database, pair: PairRow) -> None:
    async def say() -> list[int]:
        async with database.begin() as tx:
            return await append(tx, pair, a_line())

    said = await asyncio.gather(*(say() for _ in range(6)))
    assert sorted(len(numbers) for numbers in said) == [0] * 5 + [1]


async def test_lines_are_found_by_what_they_are_about(tx: Tx, pair: PairRow) -> None:
    other = await a_pair(tx, "inc2", "iss2", integration="problems")
    await append(tx, pair, a_line("c1"), a_line("c2", unit="state"))
    await conflicts.append(tx, other.id, "problems", 1, [a_line("c3")])
    newest = (await conflicts.search(tx))[0]
    assert newest.line.conflict_id == "c3"
    assert [r.line.conflict_id for r in await conflicts.search(tx, integration=INTEGRATION)] == ["c2", "c1"]
    assert [r.line.conflict_id for r in await conflicts.search(tx, unit="state")] == ["c2"]
    assert await conflicts.search(tx, since=newest.at + timedelta(seconds=1)) == []
    assert len(await conflicts.search(tx, limit=2)) == 2
