import ssl
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import pytest_asyncio
from pagerduty import RestApiV2Client

from lab.systems.process import LabSystem, Tls

HEADERS = {
    "authorization": "Token token=lab",
    "accept": "application/vnd.pagerduty+json;version=2",
    "from": "accord@example.com",
}


@pytest_asyncio.fixture(scope="session")
async def process(tmp_path_factory: pytest.TempPathFactory, tls: Tls) -> AsyncIterator[LabSystem]:
    directory = tmp_path_factory.mktemp("pagerduty")
    async with await LabSystem.start("pagerduty", "pager", directory, tls=tls) as running:
        yield running


@pytest_asyncio.fixture
async def api(system: LabSystem, tls: Tls) -> AsyncIterator[httpx.AsyncClient]:
    """REST v2, as the integration's user."""
    trusted = ssl.create_default_context(cafile=tls.authority)
    async with httpx.AsyncClient(
        base_url=system.url, headers=HEADERS, verify=trusted, trust_env=False
    ) as client:
        yield client


@pytest.fixture
def client(system: LabSystem, tls: Tls, monkeypatch: pytest.MonkeyPatch) -> Iterator[RestApiV2Client]:
    """The vendor's own Python client, as Alice."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tls.authority))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    opened = RestApiV2Client("lab", default_from="alice@example.com", base_url=system.url)
    yield opened
    opened.close()
