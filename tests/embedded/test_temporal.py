from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from embedded.errors import ProgramMissing
from embedded.namespace import SEARCH_ATTRIBUTES, prepare_namespace, until_findable
from embedded.ports import choose_port
from embedded.supervisor import Supervisor
from embedded.temporal import TemporalServer, find_temporal

pytestmark = pytest.mark.stack


@asynccontextmanager
async def running(var: Path, *, prepared: bool = True) -> AsyncIterator[Client]:
    server = TemporalServer(find_temporal(None), var / "temporal.db", choose_port(0, "unused"), ui_port=None)
    async with Supervisor(var) as supervisor:
        await supervisor.start(server.child())
        if prepared:
            await server.prepare()
        yield await Client.connect(server.address)


async def search_attributes_of(client: Client) -> dict[str, int]:
    answer = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    return dict(answer.custom_attributes)


async def retention_of(client: Client) -> timedelta:
    answer = await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=client.namespace)
    )
    return answer.config.workflow_execution_retention_ttl.ToTimedelta()


async def test_closed_runs_are_kept_for_thirty_days(var: Path) -> None:
    async with running(var) as client:
        assert await retention_of(client) == timedelta(days=30)


async def test_accords_search_attributes_are_there(var: Path) -> None:
    async with running(var) as client:
        assert await search_attributes_of(client) == SEARCH_ATTRIBUTES


async def test_a_database_made_without_them_gets_them(var: Path) -> None:
    async with running(var, prepared=False) as client:
        assert await search_attributes_of(client) == {}
    async with running(var) as client:
        assert await search_attributes_of(client) == SEARCH_ATTRIBUTES


async def test_a_namespace_of_its_own_is_made_and_can_be_searched(var: Path) -> None:
    async with running(var) as client:
        own = await Client.connect(client.service_client.config.target_host, namespace="accord")
        for _ in range(2):  # safe to repeat
            await prepare_namespace(own)
        await until_findable(own)
        assert await retention_of(own) == timedelta(days=30)
        assert await search_attributes_of(own) == SEARCH_ATTRIBUTES


async def test_workflows_are_kept_between_runs(var: Path) -> None:
    async with running(var) as client:
        await client.start_workflow("PairWorkflow", id="pair/x/1", task_queue="none")
    async with running(var) as client:
        assert (await client.get_workflow_handle("pair/x/1").describe()).id == "pair/x/1"


def test_a_configured_program_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ProgramMissing, match=r"ACCORD_TEMPORAL_BIN=.*no such program"):
        find_temporal(tmp_path / "temporal")


def test_without_any_program_the_ways_out_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        ProgramMissing, match=r"extra `embedded`.*ACCORD_TEMPORAL_BIN.*ACCORD_TEMPORAL_ADDRESS"
    ):
        find_temporal(None)
