"""Time-outs and retries by name. Every number has its reason."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio.common import Priority, RetryPolicy
from temporalio.workflow import Info

HEARTBEAT = timedelta(seconds=5)
"""A SIGKILLed worker is noticed after this long; one interceptor ticks for every activity."""

STEP: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=90),
    "schedule_to_close_timeout": timedelta(minutes=5),
    "heartbeat_timeout": HEARTBEAT,
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=30)
    ),
}
"""detect, resolve, apply. After five minutes the loop takes over: it waits by its own back-off and stays open to
decisions, pause and unlink."""

PASS: dict[str, Any] = {
    **STEP,
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(milliseconds=500),
        maximum_interval=timedelta(seconds=30),
        non_retryable_error_types=["ConnectionClosed"],
    ),
}
"""A step of a pair's pass: a connection that is known to be out is not tried, the pair waits until it is woken."""

NOTE: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=20),
    "schedule_to_close_timeout": timedelta(minutes=1),
    "heartbeat_timeout": HEARTBEAT,
    "retry_policy": RetryPolicy(maximum_attempts=3),
}
"""Notifications and notes: useful, never worth blocking a pair for long."""

STREAM: dict[str, Any] = {
    "start_to_close_timeout": timedelta(minutes=20),
    "heartbeat_timeout": HEARTBEAT,
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30)
    ),
}
"""Reading a stream: a leg takes five minutes, a batch in it may be a transaction of millions. No end to its tries: an
outage of hours is one activity that waits, and costs no history."""

POLL: dict[str, Any] = {**STREAM, "start_to_close_timeout": timedelta(minutes=10)}
"""A round of polling: two minutes of pages, one request of which may be slow. Tried without end, as a stream is."""

PROBE: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=90),
    "heartbeat_timeout": HEARTBEAT,
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30)
    ),
}
WAKE: dict[str, Any] = {**PROBE, "start_to_close_timeout": timedelta(hours=2)}
"""50 pairs a second; the attempt after a killed worker goes on where the last one had come to."""

SWEEP: dict[str, Any] = {
    "start_to_close_timeout": timedelta(hours=4),
    "heartbeat_timeout": HEARTBEAT,
    "retry_policy": RetryPolicy(initial_interval=timedelta(seconds=5), maximum_interval=timedelta(minutes=5)),
    "priority": Priority(priority_key=5),
}
"""Listing both sides of an integration, page by page with pauses; a killed one goes on at its page."""

CHANGE = Priority(priority_key=3)
DECISION = Priority(priority_key=1)
"""What a person decided overtakes changes and backfill."""

BACKGROUND = Priority(priority_key=5)
"""Backfill, polls, sweeps: nobody waits for them; they leave a reserve of each connection's budget too."""

CLOSED = timedelta(minutes=5)
"""A pair that waits for a closed connection is woken; this is how long it waits at most if nobody wakes it."""
PROBES: tuple[timedelta, ...] = (
    timedelta(seconds=2),
    timedelta(seconds=5),
    timedelta(seconds=15),
    timedelta(seconds=30),
    timedelta(minutes=1),
)
"""Pauses between probes of a system that doesn't answer; the last one repeats."""
PROBES_REFUSED = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15))
"""Where credentials are refused: rarely, as many refusals lock an account out. New settings are tried at once."""
LATECOMERS = timedelta(seconds=10)
"""After a wake-up, until those are woken too who were just giving up as the connection opened."""

BACK_OFF: tuple[timedelta, ...] = (
    timedelta(seconds=2),
    timedelta(seconds=10),
    timedelta(seconds=30),
    timedelta(minutes=1),
    timedelta(minutes=5),
)
"""Pauses of the loop while a system is out; the last one repeats."""

EVENTS_PER_RUN = 2000
"""A cold replay of this many events takes 0.3–0.6 s (measured); continue-as-new is almost free."""


def is_long(info: Info) -> bool:
    """Whether a run has become so long that a fresh one should take over."""
    return info.get_current_history_length() >= EVENTS_PER_RUN or info.is_continue_as_new_suggested()
