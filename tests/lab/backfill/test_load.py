"""A small load on running processes, killed twice on the way: counted in both systems, never timed."""

from pathlib import Path

import pytest

from lab.backfill.course import Course
from lab.backfill.seed import Mixture
from lab.bench.stage import opened

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]


async def test_a_killed_load_goes_on_equals_its_plan_and_makes_no_duplicates(tmp_path: Path) -> None:
    async with opened(tmp_path, sandbox=True) as stage:
        loaded = await Course(stage, Mixture.of(300), kill_at=(1, 50), tell=lambda _: None).run()
    assert loaded.done == loaded.planned == loaded.expected
    assert (loaded.duplicates, loaded.unpassed) == (0, 0)
    assert loaded.kills > 0
    assert loaded.load_calls < 1.5
