"""Whether the work under way may use up a connection's budget, or leaves a reserve to people's edits and decisions."""

from __future__ import annotations

from contextvars import ContextVar

BACKGROUND_FROM = 4
"""Temporal's priority keys from here on are background: backfill, polls, sweeps. 1 is what a person waits for."""

_background: ContextVar[bool] = ContextVar("background", default=False)


def set_urgency(priority_key: int | None) -> None:
    """Take over the priority of an activity, for the task that carries it out."""
    _background.set(priority_key is not None and priority_key >= BACKGROUND_FROM)


def is_background() -> bool:
    return _background.get()
