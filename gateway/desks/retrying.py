"""Retry in bulk, by cause: first who would look again, then telling them."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass

from gateway.answers import StoppedCause, StoppedShown, Told
from gateway.desks.controls import WAKE_EVERY
from gateway.desks.desk import Desk
from store import pairs
from store.stopped import Stopped, stopped
from workflows.state import OperatorSignal

EXAMPLES = 3
"""Reasons shown per cause."""


@dataclass(frozen=True, slots=True)
class RetryDesk:
    desk: Desk

    async def preview(self, cause: str | None, integration: str | None) -> StoppedShown:
        """How many pairs stand still for this cause (a cause's name, or words of its reason); None: for any.

        Raises:
            Unknown: The integration was never applied.
        """
        found = await self._found(cause, integration)
        groups: dict[tuple[str, str], list[Stopped]] = {}
        for one in found:
            groups.setdefault((one.integration, one.cause), []).append(one)
        causes = tuple(_shown(name, kind, members) for (name, kind), members in groups.items())
        return StoppedShown(pairs=len({one.pair_id for one in found}), causes=causes)

    async def retry(self, cause: str, integration: str | None, *, by: str) -> Told:
        """Tell every pair that stands still for this cause that it is mended, 50/s."""
        told = 0
        for pair_id in dict.fromkeys(one.pair_id for one in await self._found(cause, integration)):
            async with self.desk.accord.database.begin() as tx:
                pair = await pairs.get(tx, pair_id)
                rules = await self.desk.rules(tx, pair.integration)
            if pair.link == "active":
                await self.desk.signaller.tell(pair, rules, "retry", OperatorSignal(by=by, reason=cause))
                told += 1
                await asyncio.sleep(WAKE_EVERY.total_seconds())
        return Told(what="retry", pairs=told, message=f"{told} pairs look again")

    async def _found(self, cause: str | None, integration: str | None) -> list[Stopped]:
        async with self.desk.accord.database.begin() as tx:
            if integration is not None:
                await self.desk.rules(tx, integration)
            return await stopped(tx, integration=integration, cause=cause)


def _shown(integration: str, cause: str, members: list[Stopped]) -> StoppedCause:
    common = Counter(one.reason for one in members).most_common(EXAMPLES)
    return StoppedCause(
        integration=integration,
        cause=cause,
        pairs=len({one.pair_id for one in members}),
        reasons=tuple(reason for reason, _ in common),
    )
