"""A record that leaves what its integration covers, or that its system merged into another (semantics §6).

Neither is a deletion. Told from what a pass has read anyway; where only a query could tell, a leave goes unnoticed.
"""

from __future__ import annotations

from dataclasses import dataclass

from activities.context import Context
from activities.messages import Assessed, PairRef, Standing
from activities.rulebook import Rules
from activities.saying import as_found
from domain.records import Snapshot
from domain.sides import SIDES, Pair, Side
from store import audit, pairs
from store.work import PairWork


@dataclass(frozen=True, slots=True)
class Leaver:
    """A pair whose both records could be read."""

    context: Context
    pair: PairRef
    found: PairWork
    rules: Rules
    read: Pair[Snapshot]

    async def leaves(self) -> Assessed | None:
        """Why nothing flows in this pass, or None if all goes its way."""
        merged = {side: into for side in SIDES if (into := self.read[side].merged_into)}
        if merged:
            story = "; ".join(
                f"{self.pair.end(side)} was merged into {into}" for side, into in merged.items()
            )
            return Assessed(outcome="leaves", story=story, merged=merged, standing=self._standing())
        outside = [side for side in SIDES if await self._is_outside(side)]
        mode = self.rules.integration.scope_left
        if not outside or mode == "keep":
            return None
        story = f"{' and '.join(self.pair.end(side) for side in outside)} left the scope"
        if mode == "detach":
            return Assessed(outcome="leaves", story=story, standing=self._standing())
        return await self._rest(story)

    def _standing(self) -> Standing:
        return as_found(self.pair, self.rules, self.found)

    async def _rest(self, story: str) -> Assessed:
        waits = f"{story}; nothing flows until it is back"
        resting = self._standing().model_copy(update={"states": ("paused",), "waits_for": waits})
        async with self.context.database.begin() as tx:
            await pairs.set_state(tx, self.found.pair.id, resting.states, waits)
        return Assessed(outcome="outside", story=story, standing=resting)

    async def _is_outside(self, side: Side) -> bool:
        """Whether the record has left the scope; leaving and coming back are noted once each."""
        scope, end = self.rules.integration.ends[side].scope, self.found.pair.ends[side]
        if scope is None:
            return False
        connector = self.context.connectors(self.rules.integration)[side]
        inside, last = connector.lies_within(self.read[side], scope), self.found.last[side]
        was_inside = last is not None and connector.lies_within(last.snapshot, scope) is True
        is_outside = inside is False and (end.outside_since is not None or was_inside)
        if is_outside != (end.outside_since is not None):
            await self._note(side, scope, is_outside=is_outside)
        return is_outside

    async def _note(self, side: Side, scope: str, *, is_outside: bool) -> None:
        record, what = self.pair.end(side), "scope_left" if is_outside else "scope_entered"
        async with self.context.database.begin() as tx:
            await pairs.set_outside(tx, self.found.pair.id, side, is_outside=is_outside)
            await audit.append(tx, "accord", what, pair_id=self.found.pair.id, record=record, scope=scope)
