"""One place that turns our errors into Temporal failures, and keeps every activity's heart beating.

What happens next decides the failure: `TryAgain` and `LookAgain` are retried, `RateLimited` after the pause that the
system asked for, `StopRecord` and `StopIntegration` never. Expected failures are benign: no error in logs and metrics.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.heartbeat import beating
from activities.urgency import set_urgency
from domain.errors import (
    ConnectionClosed,
    LookAgain,
    RateLimited,
    StopIntegration,
    StopRecord,
    SyncError,
    TryAgain,
)

CLOSED_PAUSE = timedelta(seconds=10)
"""Until a step that needs a closed connection looks whether it has opened; a pair's steps don't try again, they wait."""

MESSAGE_CAP = 8_000
"""Characters; a system's whole error page must not break the payload limit."""


class StepInterceptor(Interceptor):
    """Heartbeats and failure mapping for every activity of a worker."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        return _Step(next)


class _Step(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        set_urgency(activity.info().priority.priority_key)
        async with beating():
            try:
                return await self.next.execute_activity(input)
            except SyncError as error:
                raise as_failure(error) from error


def as_failure(error: SyncError) -> ApplicationError:
    """The Temporal failure of one of our errors: its class name as type, its branch as retryability."""
    return ApplicationError(
        error.message[:MESSAGE_CAP],
        type=type(error).__name__,
        non_retryable=isinstance(error, StopRecord | StopIntegration),
        next_retry_delay=_pause(error),
        category=ApplicationErrorCategory.BENIGN
        if isinstance(error, TryAgain | LookAgain)
        else ApplicationErrorCategory.UNSPECIFIED,
    )


def _pause(error: SyncError) -> timedelta | None:
    """Before the next try; None leaves it to the activity's own back-off."""
    if isinstance(error, ConnectionClosed):
        return CLOSED_PAUSE
    return error.retry_after if isinstance(error, RateLimited) else None
