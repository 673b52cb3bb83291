from collections.abc import AsyncIterator

import pytest

from store.database import Database
from tests.postgres import TestDatabases, running_databases
from tests.temporal import running_temporal


@pytest.fixture(scope="session")
async def databases() -> AsyncIterator[TestDatabases]:
    """One PostgreSQL for the whole run; only tests marked `stack` may ask for it."""
    async with running_databases() as running:
        yield running


@pytest.fixture
async def database_url(databases: TestDatabases) -> AsyncIterator[str]:
    """A database of this test's own: migrated, empty, dropped afterwards."""
    async with databases.fresh() as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url)
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
async def temporal_address() -> AsyncIterator[str]:
    """One Temporal server for the whole run; only tests marked `stack` may ask for it."""
    async with running_temporal() as server:
        yield server.address
