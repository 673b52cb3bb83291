from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

pytest.register_assert_rewrite("tests.connectors.conformance")

from tests.connectors.harness import Harness  # noqa: E402 - after the rewrite is set up


@pytest_asyncio.fixture(scope="class")
async def harness(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Harness]:
    """The system of a class of the conformance suite, running as long as the class does."""
    async with request.cls.running(tmp_path_factory.mktemp("lab")) as running:
        yield running
