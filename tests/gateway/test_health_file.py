"""A health file is fresh only while its process is well."""

import os
import time
from pathlib import Path

from gateway.health_file import STALE_AFTER, is_fresh, kept_fresh


async def test_the_file_is_there_while_the_block_runs(tmp_path: Path) -> None:
    path = tmp_path / "var" / "worker.health"
    assert not is_fresh(path)
    async with kept_fresh(path):
        assert is_fresh(path)
    assert not path.exists()


def test_an_old_file_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "worker.health"
    path.touch()
    old = time.time() - STALE_AFTER.total_seconds() - 1
    os.utime(path, (old, old))
    assert not is_fresh(path)


async def test_without_a_path_nothing_is_kept() -> None:
    async with kept_fresh(None):
        pass
