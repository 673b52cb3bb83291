import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from embedded.namespace import SEARCH_ATTRIBUTES
from embedded.ports import choose_port
from embedded.supervisor import Supervisor
from embedded.temporal import TemporalServer, find_temporal
from tests.workflows.stage import Stage, staged

TEST_SERVER = Path(sys.executable).with_name("temporal-test-server")


@pytest.fixture(scope="session")
async def client() -> AsyncIterator[Client]:
    """One development server for the whole run, as the embedded stack starts it."""
    var = Path(tempfile.mkdtemp(prefix="accord-test-"))
    server = TemporalServer(find_temporal(None), var / "temporal.db", choose_port(0, "unused"), ui_port=None)
    async with Supervisor(var) as supervisor:
        await supervisor.start(server.child())
        await server.prepare()
        yield await Client.connect(server.address, data_converter=pydantic_data_converter)
    shutil.rmtree(var)


@pytest.fixture(scope="session")
async def skipping() -> AsyncIterator[WorkflowEnvironment]:
    """The server whose clock runs only when told: hours pass at once."""
    environment = await WorkflowEnvironment.start_time_skipping(
        data_converter=pydantic_data_converter, test_server_existing_path=str(TEST_SERVER)
    )
    async with environment:
        # It stalls on an attribute that it doesn't know.
        request = AddSearchAttributesRequest(namespace="default", search_attributes=SEARCH_ATTRIBUTES)
        await environment.client.operator_service.add_search_attributes(request)
        yield environment


@pytest.fixture
async def stage(client: Client) -> AsyncIterator[Stage]:
    async with staged(client) as opened:
        yield opened


@pytest.fixture
async def skipping_stage(skipping: WorkflowEnvironment) -> AsyncIterator[Stage]:
    async with staged(skipping.client) as opened:
        yield opened
