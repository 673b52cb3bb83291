from collections.abc import AsyncIterator

import pytest

from store.database import Database, Tx
from store.pairs import PairRow
from tests.store.builders import a_pair


@pytest.fixture
async def pair(database: Database) -> PairRow:
    """A linked pair, committed."""
    async with database.begin() as tx:
        return await a_pair(tx)


@pytest.fixture
async def tx(database: Database, pair: PairRow) -> AsyncIterator[Tx]:
    """A transaction in a database that holds one pair; for tests that need no other one beside it."""
    async with database.begin() as opened:
        yield opened
