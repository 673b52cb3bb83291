"""One running stage for all tests of what a change costs."""

from collections.abc import AsyncIterator

import pytest

from lab.bench.stage import Stage, opened


@pytest.fixture(scope="package")
async def exact(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Both systems compare and set, and their versions are unique per write."""
    async with opened(tmp_path_factory.mktemp("exact"), sandbox=True) as stage:
        yield stage
