"""Lives by seed: on a store in memory by the thousand, on a real one to show that both are the same."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from activities.rulebook import RuleBook
from lab.chaos.cast import Ground, Hands, MortalDatabase
from lab.chaos.check import TELLS, histories
from lab.chaos.live import in_memory, live
from lab.chaos.memory.database import MemoryDatabase
from lab.chaos.run import Tally, live_in_processes, main
from tests.postgres import TestDatabases

NAMED_BY_CHANCE = {"conflict", "token"}
"""Hashes over the pair's id, which is new in every store."""


def told(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A life without what chance named."""
    return [{k: v for k, v in line.items() if k not in NAMED_BY_CHANCE} for line in lines]


async def remembered(seed: int) -> list[dict[str, Any]]:
    return await live(*in_memory(RuleBook()), seed)


async def test_a_seed_is_a_life() -> None:
    assert told(await remembered(5)) == told(await remembered(5))
    assert told(await remembered(5))[1:] != told(await remembered(6))[1:]


async def test_lives_are_full_of_what_may_go_wrong() -> None:
    kinds = {line["kind"] for seed in range(1, 60) for line in await remembered(seed)}
    assert {
        "edit",
        "delete",
        "signal",
        "write",
        "log",
        "decision",
        "crash",
        "fault",
        "quiet",
        "final",
    } <= kinds


def test_twenty_lives_are_judged_and_kept_in_the_order_of_their_seeds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "lives.jsonl"
    assert main(["--seed", "7", "-n", "120", "--jobs", "2", "--history", str(kept)]) == 0
    assert "120 histories, seeds 7..126" in capsys.readouterr().out
    lines = [json.loads(line) for line in kept.read_text().splitlines()]
    assert [one[0]["seed"] for one in histories(lines)] == list(range(7, 127))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["lives.jsonl"]


@pytest.mark.stack
@pytest.mark.timeout(1200)
def test_twenty_thousand_lives_keep_every_promise() -> None:
    whole = Tally()
    for tally in live_in_processes(range(1, 20_001), jobs=2):
        whole.add(tally)
    assert whole.lives.total() == 20_000
    assert whole.broken[TELLS] == {}


SEEDS = range(1, 61)


@pytest.mark.stack
@pytest.mark.timeout(600)
async def test_the_store_in_memory_answers_as_the_real_one_does(databases: TestDatabases) -> None:
    now = datetime.now(UTC)
    async with databases.fresh() as url:
        mortal = MortalDatabase(url)
        for seed in SEEDS:
            real = await live(Ground(mortal, f"chaos{seed}"), Hands(), seed, zombies=False)
            memory = await live(Ground(MemoryDatabase(lambda: now), "chaos"), Hands(), seed, zombies=False)
            assert told(memory) == told(real), f"seed {seed}"
        await mortal.close()
