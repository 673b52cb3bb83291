"""Retry in bulk, by cause: first who would look again, then telling them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from gateway.answers import StoppedCause, StoppedShown, Told
from gateway.desks.controls import WAKE_EVERY
from gateway.desks.desk import Desk
from gateway.desks.matches import MatchDesk
from store import held_matches, pairs
from store.held_matches import HeldMatch
from store.stopped import Stopped, stopped
from workflows.state import OperatorSignal

EXAMPLES = 3
"""Reasons shown per cause."""


@dataclass(frozen=True, slots=True)
class RetryDesk:
    desk: Desk

    async def preview(self, cause: str | None, integration: str | None) -> StoppedShown:
        """How many pairs and unlinked records stand still for this cause (a cause's name, or words of its reason); None: for any.

        Raises:
            Unknown: The integration was never applied.
        """
        found = await self._found(cause, integration)
        groups: dict[tuple[str, str], list[Stopped]] = {}
        for one in found:
            groups.setdefault((one.integration, one.cause), []).append(one)
        causes = [_shown(name, kind, members) for (name, kind), members in groups.items()]
        refused = await self._refused(cause, integration)
        causes += [
            _unlinked(name, list(some)) for name, some in groupby(refused, lambda one: one.integration)
        ]
        return StoppedShown(
            pairs=len({one.pair_id for one in found}), records=len(refused), causes=tuple(causes)
        )

    async def retry(self, cause: str, integration: str | None, *, by: str) -> Told:
        """Tell every pair that stands still for this cause, and every record that gets no counterpart, 50/s."""
        told = 0
        for pair_id in dict.fromkeys(one.pair_id for one in await self._found(cause, integration)):
            async with self.desk.accord.database.begin() as tx:
                pair = await pairs.get(tx, pair_id)
                rules = await self.desk.rules(tx, pair.integration)
            if pair.link == "active":
                await self.desk.signaller.tell(pair, rules, "retry", OperatorSignal(by=by, reason=cause))
                told += 1
                await asyncio.sleep(WAKE_EVERY.total_seconds())
        refused = await self._refused(cause, integration)
        for one in refused:
            await MatchDesk(self.desk).retry_held([one], by=by)
            await asyncio.sleep(WAKE_EVERY.total_seconds())
        also = f", {len(refused)} records are matched anew" if refused else ""
        return Told(what="retry", pairs=told, message=f"{told} pairs look again{also}")

    async def _refused(self, cause: str | None, integration: str | None) -> list[HeldMatch]:
        """Records whose counterpart the system didn't take, by integration."""
        async with self.desk.accord.database.begin() as tx:
            found = await held_matches.refused(tx, integration=integration, cause=cause)
        return sorted(found, key=lambda one: one.integration)

    async def _found(self, cause: str | None, integration: str | None) -> list[Stopped]:
        async with self.desk.accord.database.begin() as tx:
            if integration is not None:
                await self.desk.rules(tx, integration)
            return await stopped(tx, integration=integration, cause=cause)


def _shown(integration: str, cause: str, members: list[Stopped]) -> StoppedCause:
    return StoppedCause(
        integration=integration,
        cause=cause,
        pairs=len({one.pair_id for one in members}),
        reasons=_most_frequent(members),
    )


def _unlinked(integration: str, members: list[HeldMatch]) -> StoppedCause:
    return StoppedCause(
        integration=integration,
        cause="refused",
        pairs=0,
        records=len(members),
        reasons=_most_frequent(members),
    )


def _most_frequent(members: Sequence[Stopped | HeldMatch]) -> tuple[str, ...]:
    return tuple(reason for reason, _ in Counter(one.reason for one in members).most_common(EXAMPLES))
