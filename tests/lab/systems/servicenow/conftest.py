import ssl
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import pytest_asyncio
from pysnc import ServiceNowClient

from lab.systems.process import LabSystem, Tls


@pytest_asyncio.fixture(scope="session")
async def process(tmp_path_factory: pytest.TempPathFactory, tls: Tls) -> AsyncIterator[LabSystem]:
    directory = tmp_path_factory.mktemp("servicenow")
    async with await LabSystem.start("servicenow", "snow", directory, tls=tls) as running:
        yield running


@pytest_asyncio.fixture
async def api(system: LabSystem, tls: Tls) -> AsyncIterator[httpx.AsyncClient]:
    """The Table API, as the integration user."""
    trusted = ssl.create_default_context(cafile=tls.authority)
    url = f"{system.url}/api/now"
    async with httpx.AsyncClient(
        base_url=url, auth=("accord", "lab"), verify=trusted, trust_env=False
    ) as client:
        yield client


@pytest.fixture
def client(system: LabSystem, tls: Tls) -> Iterator[ServiceNowClient]:
    """The vendor's own Python client."""
    opened = ServiceNowClient(system.url, ("accord", "lab"), verify=str(tls.authority), auto_retry=False)
    opened.session.trust_env = False
    yield opened
    opened.session.close()
