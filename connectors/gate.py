"""What each request of a connection passes before it leaves: is the connection open, is there budget left?

A connector knows the gate only by this contract; `activities/gating.py` keeps one per connection and process.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from connectors.refusals import Aim
from domain.errors import SyncError


class Gate(Protocol):
    """Called around every request, by many tasks at once."""

    async def enter(self, aim: Aim) -> None:
        """Wait until the request may leave. A probe passes a closed gate: it is how one finds out.

        Raises:
            ConnectionClosed: The connection is known to be out.
            RateLimited: The budget is used up, or the system asked for a pause that isn't over.
        """

    def answered(self, pause: timedelta | None = None) -> None:
        """The system answered; `pause` is what its answer asks for before the next request."""

    async def failed(self, aim: Aim, error: SyncError) -> None:
        """The request ended with this error."""


class OpenGate:
    """Lets everything pass: where nobody set another one."""

    async def enter(self, aim: Aim) -> None:
        """Never waits."""

    def answered(self, pause: timedelta | None = None) -> None:
        """Is of no interest."""

    async def failed(self, aim: Aim, error: SyncError) -> None:
        """Is of no interest."""


OPEN = OpenGate()
