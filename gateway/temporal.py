"""Temporal's failures as ours, so that callers sort them by what happens next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode
from temporalio.types import MethodAsyncSingleParam

from domain.errors import SystemUnavailable

State = TypeVar("State")

PATIENCE = timedelta(seconds=5)
"""For one call."""

OUT = frozenset(
    {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.RESOURCE_EXHAUSTED,
        RPCStatusCode.UNKNOWN,
        RPCStatusCode.INTERNAL,
    }
)
"""It isn't there, or says "not now": the same call may work later."""


@contextmanager
def translated(client: Client) -> Iterator[None]:
    """Calls to Temporal within the block fail as ours do.

    Raises:
        SystemUnavailable: Temporal doesn't answer. What it answers (not found, invalid) stays its own error.
    """
    try:
        yield
    except RPCError as error:
        if error.status not in OUT:
            raise
        raise unavailable(client, error) from error
    except TimeoutError as error:
        raise unavailable(client, "it takes too long") from error
    except RuntimeError as error:  # the SDK's failure to connect has no class of its own
        if "connect" not in str(error):
            raise
        raise unavailable(client, error) from error


async def keep_one(
    client: Client,
    run: MethodAsyncSingleParam[Any, State, Any],
    state: State,
    *,
    id: str,  # noqa: A002 - as Temporal calls it
    task_queue: str,
    signal: str | None,
    summary: str,
) -> None:
    """Have the one workflow of this id run; the signal reaches it whether it runs already or starts now.

    Raises:
        SystemUnavailable: Temporal doesn't answer.
    """
    with translated(client):
        await client.start_workflow(
            run,
            state,
            id=id,
            task_queue=task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal=signal,
            static_summary=summary[:200],
            rpc_timeout=PATIENCE,
        )


async def check_temporal(client: Client) -> None:
    """Prove that Temporal answers.

    Raises:
        SystemUnavailable: It doesn't.
    """
    with translated(client):
        healthy = await client.service_client.check_health(timeout=timedelta(seconds=3))
    if not healthy:
        raise unavailable(client, "it says that it isn't serving")


def unavailable(client: Client, reason: object) -> SystemUnavailable:
    """The one message for a Temporal that doesn't answer."""
    address = client.service_client.config.target_host
    detail = str(reason).splitlines()[0][:200]
    return SystemUnavailable(
        f"Temporal at {address} doesn't answer ({detail}); start it, or correct ACCORD_TEMPORAL_ADDRESS"
    )
