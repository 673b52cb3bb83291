"""The ports of a process, each with a fault point before and after: store, systems, Temporal, and Temporal's calls of us.

Between two of these awaits nothing happens that outlives the process, so that these are the places that matter.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from temporalio.client import (
    Client,
    OutboundInterceptor,
    SignalWorkflowInput,
    StartWorkflowInput,
    StartWorkflowUpdateInput,
    WorkflowHandle,
    WorkflowUpdateHandle,
)
from temporalio.client import Interceptor as ClientInterceptor
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput
from temporalio.worker import Interceptor as WorkerInterceptor

from connectors.base import Connector
from gateway.assembly import Accord
from integrations.connections import ConnectionConfig
from integrations.settings import Settings
from lab.crashes.points import Points, working, works_for
from store.database import Database, Tx

REQUESTS = (
    "read", "by_key", "read_many", "find", "find_marked", "list_changes", "history", "allowed_values",
    "create", "update", "delete", "set_marker",
)  # fmt: skip
"""What a connector asks its system for."""


class MortalDatabase(Database):
    """The store, with a point at each end of a transaction, and before its commit."""

    points: Points

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Tx]:
        self.points.reach("before transaction")
        async with super().begin() as tx:
            yield tx
            self.points.reach("before commit")
        self.points.reach("after commit")

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[Tx]:
        self.points.reach("before statement")
        async with super().alone() as tx:
            yield tx
        self.points.reach("after statement")


def mortal_database(settings: Settings, points: Points) -> Database:
    """The configured store; as in production but for its points."""
    assert settings.database_url is not None
    database = MortalDatabase(settings.database_url.get_secret_value())
    database.points = points
    return database


def make_mortal(connector: Connector, points: Points) -> None:
    """Put a point before and after each request of a connector, and have it tell whom a webhook concerns."""
    for name in REQUESTS:
        what = f"{name} on {connector.connection}"
        setattr(connector, name, _around(getattr(connector, name), what, points))
    parse = connector.parse_webhook

    def parse_webhook(*args: Any, **words: Any) -> Any:
        notices = parse(*args, **words)
        if notices:
            works_for(notices[0].ref.record_type)
        return notices

    setattr(connector, "parse_webhook", parse_webhook)  # noqa: B010 - a method of one instance is exchanged


def _around(call: Callable[..., Awaitable[Any]], what: str, points: Points) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(call)
    async def mortal(*args: Any, **words: Any) -> Any:
        points.reach(f"before {what}")
        answer = await call(*args, **words)
        points.reach(f"after {what}")
        return answer

    return mortal


@dataclass
class MortalActivities(WorkerInterceptor):
    """Names each activity a step, with a point when it begins and one before Temporal hears of its end."""

    points: Points

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        return _MortalActivity(next, self.points)


class _MortalActivity(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, points: Points) -> None:  # noqa: A002 - the SDK's name
        super().__init__(next)
        self.points = points

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        with working(str(getattr(input.fn, "__name__", "activity")), _subject(input.args)):
            self.points.reach("start")
            answer = await super().execute_activity(input)
            self.points.reach("end")
            return answer


def _subject(args: Any) -> str:
    """The integration that an activity's input names."""
    asked = args[0] if args else None
    return str(getattr(getattr(asked, "pair", asked), "integration", ""))


@dataclass
class MortalCalls(ClientInterceptor):
    """A point before and after everything that the gateway says to Temporal."""

    points: Points

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002 - the SDK's name
        return _MortalCall(next, self.points)


class _MortalCall(OutboundInterceptor):
    def __init__(self, next: OutboundInterceptor, points: Points) -> None:  # noqa: A002 - the SDK's name
        super().__init__(next)
        self.points = points

    async def signal_workflow(self, input: SignalWorkflowInput) -> None:  # noqa: A002 - the SDK's name
        self.points.reach("before signal")
        await super().signal_workflow(input)
        self.points.reach("after signal")

    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:  # noqa: A002 - the SDK's name
        self.points.reach("before start")
        handle = await super().start_workflow(input)
        self.points.reach("after start")
        return handle

    async def start_workflow_update(self, input: StartWorkflowUpdateInput) -> WorkflowUpdateHandle[Any]:  # noqa: A002 - the SDK's name
        self.points.reach("before update")
        handle = await super().start_workflow_update(input)
        self.points.reach("after update")
        return handle


def mortal(accord: Accord, points: Points) -> Accord:
    """The same process, with fault points in its store and its systems."""
    guard = accord.connections.guard

    def guard_mortal(connector: Connector, config: ConnectionConfig) -> None:
        guard(connector, config)
        make_mortal(connector, points)

    context = replace(
        accord.context,
        database=mortal_database(accord.settings, points),
        connections=replace(accord.connections, guard=guard_mortal),
    )
    return replace(accord, context=context)


def mortal_client(client: Client, points: Points) -> Client:
    """The same client, with fault points."""
    config: Any = {**client.config(), "interceptors": [MortalCalls(points)]}
    return Client(**config)
