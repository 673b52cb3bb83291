"""Kills processes in the middle of a step, for those who want to see that it ends the same."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random  # noqa: TID251 - seeded
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # `accord --help` reads this file, also where the extra `embedded` isn't installed
    from embedded.stack import EmbeddedStack

LONGEST_WAIT = 0.4
"""Seconds from the systems' webhooks to the kill: a pass takes about as long, so some are hit within."""


class Victim(StrEnum):
    """What can be killed."""

    WORKER = "worker"
    GATEWAY = "gateway"
    POSTGRES = "postgres"
    TEMPORAL = "temporal"


CHILDREN = {Victim.WORKER: "worker-1"}
"""The name of its process, where that is another."""


@dataclass(slots=True)
class Chaos:
    """SIGKILL, as a crash would. The supervisor brings each back, at most five times a minute."""

    stack: EmbeddedStack
    victims: Sequence[Victim]
    _chance: Random = field(default_factory=lambda: Random(5))

    async def strike(self) -> None:
        """Kill every victim, a moment from now."""
        for victim in self.victims:
            await asyncio.sleep(self._chance.uniform(0, LONGEST_WAIT))
            self.stack.kill(CHILDREN.get(victim, victim))

    async def heal(self) -> None:
        """Wait until they work again.

        Raises:
            ChildFailed: One was given up.
        """
        for victim in self.victims:
            await self.stack.supervisor.until_running(CHILDREN.get(victim, victim))
