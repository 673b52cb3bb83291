"""Webhook subscriptions at a system: the part of a connector that sets them up, where the API allows it.

Where it doesn't, `Connector.webhook_steps` says what a person does instead.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Subscription:
    """One subscription as the system tells it."""

    id: str
    url: str
    enabled: bool
    events: frozenset[str]
    signed: bool | None = None
    """Whether deliveries carry a proof of origin; None if the system doesn't tell."""


class Subscriptions(ABC):
    """Those of one connection."""

    events: ClassVar[frozenset[str]]
    """What Accord wants to hear, in the system's words."""
    makes_secret: ClassVar[bool]
    """The system makes up the secret and tells it once; else it takes ours."""

    @abstractmethod
    async def listed(self) -> Sequence[Subscription]:
        """All that the connection's account may see, other people's too."""

    @abstractmethod
    async def create(self, url: str, secret: str | None) -> str:
        """Subscribe this address to `events`; the secret that signs from now on.

        Args:
            url: Ours.
            secret: Ours; None where the system makes one up.
        """

    @abstractmethod
    async def enable(self, subscription: Subscription) -> None:
        """Have a disabled one deliver again."""

    @abstractmethod
    async def remove(self, subscription: Subscription) -> None:
        """End it. One that is gone already counts as ended."""
