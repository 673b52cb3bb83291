"""Seeded lives on a whole stack whose processes die and whose systems fail."""

from pathlib import Path

import pytest

from lab.chaos.processes.plan import RIGS, plan_deaths, plan_life, plan_weather, plan_whims
from lab.chaos.processes.run import Tally, run

LIVES = 300


def test_a_seed_decides_what_people_do_and_what_goes_wrong() -> None:
    assert [plan_life(seed) for seed in range(50)] == [plan_life(seed) for seed in range(50)]
    for plan in (plan_deaths, plan_weather, plan_whims):
        assert plan(7) == plan(7) != plan(8)


def test_lives_differ_in_systems_and_people() -> None:
    lives = [plan_life(seed) for seed in range(200)]
    assert {life.rig for life in lives} == set(RIGS)
    assert any(not act.fields for life in lives for act in life.acts)
    assert {len(life.acts) for life in lives} == {1, 2, 3, 4, 5}


@pytest.fixture(scope="module")
async def tally(tmp_path_factory: pytest.TempPathFactory) -> Tally:
    """The directory is open to the database's own user."""
    directory: Path = tmp_path_factory.mktemp("chaos")
    return await run(directory, 1, LIVES, directory / "lives.jsonl")


@pytest.mark.stack
@pytest.mark.timeout(900)
async def test_lives_that_share_a_dying_stack_keep_every_promise(tally: Tally) -> None:
    assert tally.broken == {}
    assert tally.lived == LIVES
    assert tally.deaths > 10
    told = {"edit", "delete", "signal", "read", "write", "log", "decision", "crash", "fault"}
    assert told <= {kind for kind, number in tally.lines.items() if number}
