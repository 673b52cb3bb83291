"""What Accord needs of its Temporal namespace, and how to give it that: on the embedded server and on any other.

`python -m embedded.namespace` does it once per deployment, on the server and the namespace that ACCORD_TEMPORAL_ADDRESS
and ACCORD_TEMPORAL_NAMESPACE name, and ends when workflows can be found there. Safe to repeat.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    RegisterNamespaceRequest,
    UpdateNamespaceRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.errors import ConfigError, SyncError, SystemUnavailable
from integrations.settings import read_settings

RETENTION = timedelta(days=30)
"""How long operators can see closed runs; the server's own default is a few days at most."""

SEARCH_ATTRIBUTES: Mapping[str, IndexedValueType.ValueType] = {
    "AccordIntegration": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "AccordState": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST,
    "AccordRecords": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST,
    "AccordSystems": IndexedValueType.INDEXED_VALUE_TYPE_TEXT,
    "AccordFields": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST,
}
"""Three lists at most: SQL visibility, of the development server and of PostgreSQL's, has no column for a fourth.

So the systems are a text, names apart by blanks; `AccordSystems = 'jira'` finds a word in it like an item of a list.
"""

FINDABLE = " AND ".join(f"{name} = 'x'" for name in SEARCH_ATTRIBUTES)
"""A query that the server refuses until it knows all of them; it learns from its own cache, seconds late."""

PATIENCE = timedelta(minutes=2)
"""For the server to notice a new namespace or attribute: it reads them anew every ten seconds or so."""

PAUSE = timedelta(milliseconds=500)

NOT_YET = frozenset({RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.UNAVAILABLE})


async def prepare_namespace(client: Client) -> None:
    """Make the client's namespace if it is missing; set retention and search attributes.

    Raises:
        SystemUnavailable: The server doesn't take notice of a new namespace within `PATIENCE`.
    """
    config = await namespace_config(client)
    if config is None:
        await _register(client)
    elif config.workflow_execution_retention_ttl.ToTimedelta() < RETENTION:
        await _extend(client)
    await _once_noticed(lambda: _add_search_attributes(client))


async def until_findable(client: Client) -> None:
    """Wait until the server answers about all search attributes.

    Raises:
        SystemUnavailable: It doesn't within `PATIENCE`.
    """
    await _once_noticed(lambda: client.count_workflows(FINDABLE))


async def namespace_config(client: Client) -> NamespaceConfig | None:
    """The configuration of the client's namespace; None if there is no such namespace."""
    request = DescribeNamespaceRequest(namespace=client.namespace)
    try:
        return (await client.workflow_service.describe_namespace(request)).config
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise


async def _register(client: Client) -> None:
    await client.workflow_service.register_namespace(
        RegisterNamespaceRequest(
            namespace=client.namespace,
            description="Pairs that Accord keeps in step",
            workflow_execution_retention_period=_retention(),
        )
    )


async def _extend(client: Client) -> None:
    config = NamespaceConfig(workflow_execution_retention_ttl=_retention())
    await client.workflow_service.update_namespace(
        UpdateNamespaceRequest(namespace=client.namespace, config=config)
    )


def _retention() -> Duration:
    retention = Duration()
    retention.FromTimedelta(RETENTION)
    return retention


async def _add_search_attributes(client: Client) -> None:
    service = client.operator_service
    known = await service.list_search_attributes(ListSearchAttributesRequest(namespace=client.namespace))
    missing = {name: kind for name, kind in SEARCH_ATTRIBUTES.items() if name not in known.custom_attributes}
    if missing:
        request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
        await service.add_search_attributes(request)


async def _once_noticed(call: Callable[[], Awaitable[object]]) -> None:
    """Repeat a call that the server refuses because it hasn't noticed a namespace or an attribute yet."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE.total_seconds()
    while True:
        try:
            await call()
        except RPCError as error:
            if error.status not in NOT_YET:
                raise
            if loop.time() > deadline:
                raise SystemUnavailable(f"Temporal still refuses: {error}; run this again") from error
        else:
            return
        await asyncio.sleep(PAUSE.total_seconds())


async def main() -> None:
    """Prepare the namespace that the settings name.

    Raises:
        ConfigError: No address is set.
        SystemUnavailable: The server doesn't answer, or not yet about what it was given.
    """
    settings = read_settings()
    if settings.temporal_address is None:
        raise ConfigError("ACCORD_TEMPORAL_ADDRESS: host:port of the server belongs here")
    try:
        client = await Client.connect(settings.temporal_address, namespace=settings.temporal_namespace)
        await prepare_namespace(client)
    except (RPCError, RuntimeError) as error:  # the SDK's failure to connect is a RuntimeError
        raise SystemUnavailable(f"Temporal at {settings.temporal_address}: {error}") from error
    await until_findable(client)


def run() -> None:
    """Prepare it, and end at once: the SDK's threads can crash the interpreter's own tidying (signal 11 was seen)."""
    code = 0
    try:
        asyncio.run(main())
    except SyncError as error:
        sys.stderr.write(f"namespace: {error.message}\n")
        code = 1
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    run()
