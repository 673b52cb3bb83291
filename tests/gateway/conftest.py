from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from store.database import Database
from tests.gateway.house import House, a_house, served
from tests.gateway.site import Site, a_site


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


@pytest.fixture
async def site(
    request: pytest.FixtureRequest,
    database_url: str,
    temporal_address: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> AsyncIterator[Site]:
    """Two plain systems and the command line, under the module's own declaration `SITE`."""
    environment = {"ACCORD_DATABASE_URL": database_url, "ACCORD_TEMPORAL_ADDRESS": temporal_address}
    async with a_site(request.module.SITE, environment, tmp_path, capfd) as made:
        yield made
