"""Whether both sides agree, and sweeps that find out."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.service import RPCError, RPCStatusCode

from domain.errors import SystemUnavailable
from gateway.answers import PairParity, ParityShown, SweepShown
from gateway.desks.desk import Desk
from gateway.ensuring import ensure_sweep
from gateway.finding import find_pair
from gateway.temporal import translated
from store import parity
from store.parity import ShareRow, StandingRow
from workflows.sweep import SweepState

WHY = {
    "pending_review": "pending",
    "held": "held",
    "parked": "parked",
    "partial": "parked",
    "quarantined": "quarantined",
}
"""A pair's state → why its sides differ; in every other state nobody has looked since something happened: late."""
SILENT = {RPCStatusCode.NOT_FOUND, RPCStatusCode.FAILED_PRECONDITION}
"""There is no such workflow, or no worker that could answer for it."""
LOOK_EVERY = 0.25


@dataclass(frozen=True, slots=True)
class ParityDesk:
    desk: Desk

    async def shares(self) -> list[ParityShown]:
        """How much of each integration is in step."""
        async with self.desk.accord.database.begin() as tx:
            return [_share(row) for row in await parity.shares(tx)]

    async def of_integration(self, name: str, *, limit: int = 100) -> ParityShown:
        """One integration, with the pairs that differ, those first that differ longest.

        Raises:
            Unknown: It was never applied.
        """
        async with self.desk.accord.database.begin() as tx:
            await self.desk.rules(tx, name)
            rows = {row.integration: row for row in await parity.shares(tx)}
            differing = await parity.differing(tx, name, limit)
        share = _share(rows.get(name) or ShareRow(name, 0, 0, None, {}))
        return share.model_copy(update={"differing": tuple(self._pair(row) for row in differing)})

    async def of_pair(self, named: str) -> PairParity:
        """One pair.

        Raises:
            Unknown: There is none of this name.
            Ambiguous: There are several.
        """
        async with self.desk.accord.database.begin() as tx:
            return self._pair(await parity.of_pair(tx, (await find_pair(tx, named)).id))

    def _pair(self, row: StandingRow) -> PairParity:
        pair = row.pair
        whys = dict.fromkeys(WHY.get(state, "late") for state in pair.state or ["new"])
        fields = {**dict.fromkeys(row.contested, "pending"), **dict.fromkeys(row.parked, "parked")}
        return PairParity(
            id=pair.id,
            integration=pair.integration,
            title=self.desk.line(pair).title,
            in_step=row.is_in_step,
            since=pair.state_since,
            why=() if row.is_in_step else tuple(whys),
            fields=fields,
            reason=pair.quarantine or pair.waits_for,
        )

    # ------------------------------------------------------------------------------------------------- sweeping
    async def sweep(self, name: str, *, patience: timedelta) -> SweepShown:
        """Have an integration swept now, and wait for what the sweep finds.

        Raises:
            Unknown: It was never applied.
            SystemUnavailable: Temporal doesn't answer, or the sweep isn't done in time; it goes on by itself.
        """
        async with self.desk.accord.database.begin() as tx:
            await self.desk.rules(tx, name)
        before = await self._state(name)
        await ensure_sweep(self.desk.accord, name, now=True)
        deadline = datetime.now(UTC) + patience
        while datetime.now(UTC) < deadline:
            state = await self._state(name)
            if state is not None and state.trouble:
                raise SystemUnavailable(f"the sweep of {name} failed: {state.trouble}")
            if state is not None and state.last and state.last_at != (before.last_at if before else None):
                found = state.last
                return SweepShown(
                    integration=name, listed=found.listed, behind=found.behind, unlisted=found.unlisted
                )
            await asyncio.sleep(LOOK_EVERY)
        raise SystemUnavailable(
            f"the sweep of {name} goes on; `accord parity {name}` tells what it brought about"
        )

    async def _state(self, name: str) -> SweepState | None:
        """What the workflow remembers; None if there is none, or nobody answers."""
        handle = self.desk.accord.temporal.get_workflow_handle(f"sweep/{name}")
        try:
            with translated(self.desk.accord.temporal):
                state: SweepState = await handle.query(
                    "state", result_type=SweepState, rpc_timeout=timedelta(seconds=5)
                )
        except SystemUnavailable:
            return (
                None  # the worker is busy or gone; whether Temporal is out shows when the sweep is asked for
            )
        except RPCError as error:
            if error.status not in SILENT:
                raise
            return None
        return state


def _share(row: ShareRow) -> ParityShown:
    return ParityShown(
        integration=row.integration,
        pairs=row.pairs,
        in_step=row.in_step,
        oldest=row.oldest,
        states=row.states,
    )
