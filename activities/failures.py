"""One place that turns our errors into Temporal failures, and keeps every activity's heart beating.

What happens next decides the failure: `TryAgain` and `LookAgain` are retried, `RateLimited` after the pause that the
system asked for, `StopRecord` and `StopIntegration` never. Expected failures are benign: no error in logs and metrics.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from domain.errors import LookAgain, RateLimited, StopIntegration, StopRecord, SyncError, TryAgain

MESSAGE_CAP = 8_000
"""Characters; a system's whole error page must not break the payload limit."""
BEAT = 1.5
"""Seconds between heartbeats; well inside the time-out of 5 s."""


class StepInterceptor(Interceptor):
    """Heartbeats and failure mapping for every activity of a worker."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        return _Step(next)


class _Step(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        beating = asyncio.create_task(_beat())
        try:
            return await self.next.execute_activity(input)
        except SyncError as error:
            raise as_failure(error) from error
        finally:
            beating.cancel()
            with suppress(asyncio.CancelledError):
                await beating


async def _beat() -> None:
    while True:
        await asyncio.sleep(BEAT)
        activity.heartbeat()


def as_failure(error: SyncError) -> ApplicationError:
    """The Temporal failure of one of our errors: its class name as type, its branch as retryability."""
    return ApplicationError(
        error.message[:MESSAGE_CAP],
        type=type(error).__name__,
        non_retryable=isinstance(error, StopRecord | StopIntegration),
        next_retry_delay=error.retry_after if isinstance(error, RateLimited) else None,
        category=ApplicationErrorCategory.BENIGN
        if isinstance(error, TryAgain | LookAgain)
        else ApplicationErrorCategory.UNSPECIFIED,
    )
