from collections.abc import AsyncIterator

import httpx
import pytest

from store.database import Database
from tests.gateway.house import House, a_house, served


@pytest.fixture
async def house(database: Database, temporal_address: str) -> AsyncIterator[House]:
    """A deployment whose declaration carries title and priority, asks about the owner, and merges notes."""
    async with a_house(database, temporal_address) as made:
        yield made


@pytest.fixture
async def client(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """The house's gateway over HTTP."""
    async with served(house.accord) as opened:
        yield opened
