from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.connectors.sql.house import SqlHarness
from tests.postgres import TestDatabases


@pytest_asyncio.fixture(scope="class")
async def harness(request: pytest.FixtureRequest, databases: TestDatabases) -> AsyncIterator[SqlHarness]:
    """The database of a class of the conformance suite."""
    async with request.cls.kind.on(databases) as running:
        yield running


@pytest.fixture
async def desk(databases: TestDatabases) -> AsyncIterator[SqlHarness]:
    """A database of this test's own."""
    async with SqlHarness.on(databases) as running:
        yield running
