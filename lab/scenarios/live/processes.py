"""Processes of the product in a case: killed and back at once, or out for a while."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from temporalio.service import RPCError

from domain.errors import SystemUnavailable
from embedded.stack import EmbeddedStack
from lab.scenarios.live.rest import status_of, until
from lab.scenarios.live.world import World

PROCESSES = {"worker": "worker-1", "receiver": "gateway", "gateway": "gateway", "database": "postgres",
             "postgres": "postgres", "temporal": "temporal"}  # fmt: skip
"""The case's word for a process → its name on the stack."""


@dataclass(frozen=True, slots=True)
class Processes:
    """Ends them by SIGKILL and waits until they do their work again."""

    world: World
    stack: EmbeddedStack

    async def kill(self, word: str) -> None:
        """SIGKILL, then wait until the stack has brought it back."""
        name = PROCESSES[word]
        before = self._restarts(name)
        self.stack.kill(name)

        async def is_back() -> bool:
            return self._restarts(name) > before

        await until(is_back, f"{name} is started again")
        await self._until_at_work(name)

    async def take_out(self, word: str) -> None:
        """SIGKILL, and nobody brings it back."""
        await self.stack.supervisor.take_out(PROCESSES[word])

    async def bring_back(self, word: str) -> None:
        """Start what was taken out."""
        name = PROCESSES[word]
        await self.stack.supervisor.bring_back(name)
        await self._until_at_work(name)

    async def _until_at_work(self, name: str) -> None:
        await self.stack.supervisor.until_running(name)
        answers: dict[str, Callable[[], Awaitable[bool]]] = {
            "postgres": self._store_answers,
            "temporal": self._temporal_answers,
        }
        if name in answers:
            await until(answers[name], f"{name} answers again")

    async def _store_answers(self) -> bool:
        """The runner's own connections died with the server; each finds out by its first use."""
        try:
            await self.world.accord.database.check()
        except SystemUnavailable:
            return False
        return True

    async def _temporal_answers(self) -> bool:
        try:
            await status_of(self.world.accord.temporal, "no such workflow")
        except RPCError:
            return False
        return True

    def _restarts(self, name: str) -> int:
        return next(status.restarts for status in self.stack.states() if status.name == name)
