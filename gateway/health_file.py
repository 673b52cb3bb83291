"""A file that is fresh while a process is well: a health check without a port.

A wedged event loop stops touching it, so a check that looks at its age notices what an open port would hide.
`python -m gateway.health_file PATH` is that check: exit code 0 while the file is fresh.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

BEAT = timedelta(seconds=3)
STALE_AFTER = timedelta(seconds=10)


def is_fresh(path: Path) -> bool:
    """Whether the process that keeps this file was well a moment ago."""
    try:
        return time.time() - path.stat().st_mtime < STALE_AFTER.total_seconds()
    except FileNotFoundError:
        return False


@asynccontextmanager
async def kept_fresh(path: Path | None) -> AsyncIterator[None]:
    """Keep the file fresh within the block, and remove it at the end."""
    if path is None:
        yield
        return
    _touch(path)
    beating = asyncio.create_task(_beat(path))
    try:
        yield
    finally:
        beating.cancel()
        with suppress(asyncio.CancelledError):
            await beating
        _remove(path)


async def _beat(path: Path) -> None:
    while True:
        await asyncio.sleep(BEAT.total_seconds())
        _touch(path)


# Apart from the loop's code, since the linter can't know that a local file costs microseconds.
def _touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(not is_fresh(Path(sys.argv[1])))
