from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
import trustme

from lab.systems.outbox import Subscription
from lab.systems.process import LabSystem, Tls
from lab.systems.receiver import Receiver, listening


@pytest_asyncio.fixture(scope="session")
async def process(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LabSystem]:
    """One plain system for all tests: starting a process for each would cost half a second every time."""
    async with await LabSystem.start("plain", "alpha", tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest_asyncio.fixture
async def system(process: LabSystem) -> LabSystem:
    await process.control.reset(settings=True, subscriptions=True)
    return process


@pytest_asyncio.fixture
async def api(system: LabSystem) -> AsyncIterator[httpx.AsyncClient]:
    """The public API, with the credential of the integration."""
    headers = {"authorization": "Bearer lab"}
    async with httpx.AsyncClient(base_url=system.url, headers=headers, trust_env=False) as client:
        yield client


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listening() as started:
        yield started


@pytest_asyncio.fixture
async def subscriber(system: LabSystem, receiver: Receiver) -> Receiver:
    """A receiver that is told of everything that happens in the system."""
    await system.control.subscribe(Subscription(id="hook", url=receiver.url, secret="s3cret"))
    return receiver


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return tmp_path / "lab"


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """A throw-away authority and a certificate of it: some vendors' clients speak https only."""
    directory, authority = tmp_path_factory.mktemp("tls"), trustme.CA()
    files = Tls(directory / "certificate.pem", directory / "authority.pem")
    authority.cert_pem.write_to_path(files.authority)
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(files.certificate)
    return files
