"""Lives by seed, on a real store."""

import pytest

from lab.chaos.cast import MortalDatabase
from lab.chaos.check import at_risk, check
from lab.chaos.run import live
from store.database import Database
from tests.postgres import TestDatabases

pytestmark = pytest.mark.stack
SEEDS = range(1, 13)
NAMED_BY_CHANCE = {"conflict", "token"}
"""Hashes over the pair's id, which is new in every database."""


async def test_lives_keep_every_promise(database_url: str) -> None:
    plain, mortal = Database(database_url), MortalDatabase(database_url)
    lives = [await live(plain, mortal, seed) for seed in SEEDS]
    await mortal.close()
    await plain.close()
    assert {lines[0]["seed"]: check(lines) for lines in lives if check(lines) and not at_risk(lines[0])} == {}
    kinds = {line["kind"] for lines in lives for line in lines}
    assert {"edit", "signal", "write", "log", "crash", "fault", "quiet", "final"} <= kinds


async def test_a_seed_is_a_life(databases: TestDatabases) -> None:
    async def once(seed: int) -> list[dict[str, object]]:
        async with databases.fresh() as url:
            plain, mortal = Database(url), MortalDatabase(url)
            lines = await live(plain, mortal, seed)
            await mortal.close()
            await plain.close()
        return [{k: v for k, v in line.items() if k not in NAMED_BY_CHANCE} for line in lines[1:]]

    assert await once(5) == await once(5)
