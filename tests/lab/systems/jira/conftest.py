from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import pytest_asyncio
from jira import JIRA

from lab.systems.process import LabSystem

CREDENTIALS = ("accord@example.com", "lab")


@pytest_asyncio.fixture(scope="session")
async def process(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LabSystem]:
    async with await LabSystem.start("jira", "site", tmp_path_factory.mktemp("jira")) as running:
        yield running


@pytest_asyncio.fixture
async def api(system: LabSystem) -> AsyncIterator[httpx.AsyncClient]:
    """REST v3, as the integration's user."""
    async with httpx.AsyncClient(
        base_url=f"{system.url}/rest/api/3", auth=CREDENTIALS, trust_env=False
    ) as client:
        yield client


@pytest.fixture
def client(system: LabSystem, monkeypatch: pytest.MonkeyPatch) -> Iterator[JIRA]:
    """The best-known Python client; it speaks v2."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    opened = JIRA(server=system.url, basic_auth=CREDENTIALS, max_retries=0)
    yield opened
    opened.close()
