"""Temporal's failures as ours, so that callers sort them by what happens next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.errors import SystemUnavailable

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
