"""What operators tell pairs: pause, resume, retry, sync, unlink; one pair, one integration, or all.

A pair is told by signal. A whole integration is paused by its brake, which holds from the next pass of each pair on,
also for pairs that don't exist yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from temporalio.client import WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError, RPCStatusCode

from activities.braking import release
from activities.rulebook import Rules
from gateway.answers import Told
from gateway.desks.desk import Desk
from gateway.desks.matches import MatchDesk
from gateway.finding import find_pair, shown
from gateway.temporal import translated
from store import audit, brakes, integrations, pairs
from store.pairs import PairRow
from workflows.state import OperatorSignal

WAKE_EVERY = timedelta(milliseconds=20)
"""Between two pairs when many are woken: 50/s stay below what one server does, so that people's edits don't queue."""

TAKEN_WITHIN = timedelta(seconds=5)

PAGE = 200
STOPPED = frozenset({"quarantined", "parked", "partial", "braked", "unreachable"})
"""What `retry` of a whole integration reaches: pairs that an operator's mending helps."""

PairWish = Literal["pause", "resume", "retry", "unlink", "renew"]

SAID: dict[PairWish, str] = {
    "pause": "pauses; what is heard meanwhile is kept",
    "resume": "goes on, and looks at both sides first",
    "retry": "leaves quarantine, takes up parked fields, and looks again",
    "unlink": "ends; both records stay as they are",
    "renew": "starts a fresh run",
}


@dataclass(frozen=True, slots=True)
class ControlDesk:
    desk: Desk

    # ------------------------------------------------------------------------------------------------- one pair
    async def tell(self, named: str, wish: PairWish, *, by: str, reason: str = "") -> Told:
        """Pass a wish on to one pair; it is on record once this returns, and carried out soon after.

        Raises:
            Unknown: There is no such pair.
            SystemUnavailable: Temporal is out: nothing is passed on.
        """
        if wish == "retry" and (matched := await MatchDesk(self.desk).retry(named, by=by)):
            return matched
        pair, rules = await self._pair(named)
        if pair.link != "active":
            return Told(what=wish, pairs=0, message=f"{shown(pair)}: the link has ended: {pair.link_reason}")
        await self.desk.signaller.tell(pair, rules, wish, OperatorSignal(by=by, reason=reason))
        if wish in {"pause", "resume"}:  # the others are noted by what carries them out
            async with self.desk.accord.database.begin() as tx:
                await audit.append(tx, by, wish, pair_id=pair.id, reason=reason)
        return Told(what=wish, pairs=1, message=f"{shown(pair)} {SAID[wish]}")

    async def sync(self, named: str, *, by: str) -> Told:
        """Have one pair look at both sides now, whatever it waits for."""
        pair, rules = await self._pair(named)
        if not await self._asked_to_sync(pair, by):
            await self.desk.signaller.look(pair, rules, f"asked by {by}")
        return Told(what="sync", pairs=1, message=f"{shown(pair)} looks at both sides")

    async def _asked_to_sync(self, pair: PairRow, by: str) -> bool:
        """By the update, which ends a back-off; False if no run or no worker takes it, so that it must be signalled."""
        handle = self.desk.accord.temporal.get_workflow_handle(pair.workflow_id)
        try:
            with translated(self.desk.accord.temporal):
                await handle.execute_update("sync_now", OperatorSignal(by=by), rpc_timeout=TAKEN_WITHIN)
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            return False
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return False
        return True

    # ------------------------------------------------------------------------------------------ an integration, all
    async def pause_all(self, integration: str | None, *, by: str, reason: str = "") -> Told:
        """Brake an integration, or every one (None)."""
        async with self.desk.accord.database.begin() as tx:
            for name in await self._names(integration):
                await brakes.pull(tx, name, reason or f"paused by {by}", by)
                await audit.append(tx, by, "pause", integration=name, reason=reason)
        return Told(
            what="pause", pairs=0, message=f"{integration or 'everything'} stands still from the next pass on"
        )

    async def resume_all(self, integration: str | None, *, by: str) -> Told:
        """Release the brakes, and wake the pairs that stood still."""
        names = await self._names(integration)
        async with self.desk.accord.database.begin() as tx:
            for name in names:
                await release(tx, name, by)
        woken = await self._tell_each(names, "resume", frozenset({"braked"}), by)
        return Told(
            what="resume", pairs=woken, message=f"{integration or 'everything'} goes on; {woken} pairs woken"
        )

    async def retry_all(self, integration: str | None, *, by: str) -> Told:
        """Tell every pair that stands still that the cause is mended."""
        names = await self._names(integration)
        told = await self._tell_each(names, "retry", STOPPED, by)
        tried = sum([await MatchDesk(self.desk).retry_all(name, by=by) for name in names])
        also = f"; {tried} refused creates are tried again" if tried else ""
        return Told(what="retry", pairs=told, message=f"{told} pairs look again{also}")

    async def sync_all(self, integration: str | None, *, by: str) -> Told:
        """Have every pair look at both sides, at a limited rate."""
        told = 0
        for name in await self._names(integration):
            told += await self.wake(name, f"asked by {by}")
        return Told(what="sync", pairs=told, message=f"{told} pairs look at both sides")

    async def wake(self, integration: str, why: str) -> int:
        """Have every active pair of an integration look at both sides, 50/s; how many were woken."""
        woken = 0
        async for pair, rules in self._active(integration):
            await self.desk.signaller.look(pair, rules, why)
            woken += 1
        return woken

    async def _tell_each(self, names: list[str], wish: PairWish, states: frozenset[str], by: str) -> int:
        told = 0
        for name in names:
            async for pair, rules in self._active(name):
                if states & set(pair.state):
                    await self.desk.signaller.tell(pair, rules, wish, OperatorSignal(by=by))
                    told += 1
        return told

    async def _active(self, integration: str) -> AsyncIterator[tuple[PairRow, Rules]]:
        """Active pairs one by one, with a breath between them; no transaction stays open meanwhile."""
        after = ""
        while True:
            async with self.desk.accord.database.begin() as tx:
                rules = await self.desk.rules(tx, integration)
                page = await pairs.listing(tx, integration=integration, after=after, limit=PAGE)
            for pair in page:
                yield pair, rules
                await asyncio.sleep(WAKE_EVERY.total_seconds())
            if len(page) < PAGE:
                return
            after = page[-1].id

    async def _names(self, integration: str | None) -> list[str]:
        async with self.desk.accord.database.begin() as tx:
            if integration is None:
                return sorted(await integrations.versions(tx))
            await self.desk.rules(tx, integration)
            return [integration]

    async def _pair(self, named: str) -> tuple[PairRow, Rules]:
        async with self.desk.accord.database.begin() as tx:
            pair = await find_pair(tx, named)
            return pair, await self.desk.rules(tx, pair.integration)
