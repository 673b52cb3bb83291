"""The initial load of an integration: list both sides, match them against each other, link, create and settle.

One activity works for a **leg** and says how far it is; the next goes on from where the last page was committed. A
plan (`dry_run`) goes the same way and writes nothing but its counts.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from pydantic import AwareDatetime
from temporalio import activity

from activities.bulk_matching import BulkPage
from activities.context import Context
from activities.heartbeat import say
from activities.listing import list_page
from activities.rulebook import Rules
from domain.backfilling import OnDifferences, Tally, index_keys, match_keys
from domain.errors import ConfigError, ForeignCursor
from domain.integration import Integration
from domain.records import Model
from domain.sides import SIDES, Side
from store import backfills, brakes, connections, integrations
from store.backfills import BackfillRow, Entry, Phase

LEG = timedelta(seconds=10)
"""How long one activity works: as old as a progress bar may be, and what a stop waits for."""
PAGE = 100
"""Records listed, matched and committed together."""


class BackfillInput(Model):
    integration: str
    run: str
    """Of the workflow: whoever comes again under it goes on where it was."""
    dry_run: bool = False
    by: str = ""
    on_differences: OnDifferences | None = None
    """One answer for all differences that would open a review; None leaves them to the declaration."""
    rate: float | None = None
    """Records a second at most."""
    only_list: bool = False
    """End with the inventory of both sides; what stands in it is looked at elsewhere."""


class BackfillProgress(Model):
    """How far it is."""

    phase: Phase = "listing_a"
    tally: Tally = Tally()
    listed: tuple[int, int] = (0, 0)
    """Records in the inventory, by side."""
    matched: int = 0
    """Of those, how many are done with."""
    waits: str = ""
    """Why it stands still now; empty if it doesn't."""
    moved_on: str = ""
    """How reality differs from what the last plan has seen; empty if it doesn't, or there is no plan."""
    began_at: AwareDatetime | None = None

    @property
    def is_done(self) -> bool:
        return self.phase == "done"

    @property
    def is_over(self) -> bool:
        return self.phase in ("listed", "done", "dropped")


@dataclass(frozen=True, slots=True)
class Load:
    """One attempt at a load."""

    context: Context
    asked: BackfillInput
    rules: Rules

    async def row(self) -> BackfillRow:
        asked = self.asked
        async with self.context.database.begin() as tx:
            return await backfills.begin(
                tx,
                asked.run,
                asked.integration,
                self.rules.version,
                dry_run=asked.dry_run,
                asked_by=asked.by,
            )

    async def step(self, row: BackfillRow) -> int:
        """One page, committed; how many records it had."""
        side = Side.A if row.phase.endswith("_a") else Side.B
        if row.phase.startswith("listing"):
            return await self._list(row, side)
        return await BulkPage(self.context, self.rules, row, side, self.asked.on_differences).run(PAGE)

    async def _list(self, row: BackfillRow, side: Side) -> int:
        declared = self.rules.integration
        connector = self.context.connectors(declared)[side]
        try:
            page = await list_page(connector, declared.ends[side], row.place or None, limit=PAGE)
        except ForeignCursor as error:
            raise ConfigError(f"{error.message}; run `accord backfill {declared.name}` again") from error
        names = match_keys(declared) if self.asked.only_list else declared.match
        entries = [
            Entry(one.ref.id, one.key, one.version, index_keys(declared, side, one, names))
            for one in page.records
        ]
        done: Phase = "listed" if self.asked.only_list else "matching_a"
        after: Phase = "listing_b" if side is Side.A else done
        phase, place = (row.phase, page.cursor) if page.more else (after, "")
        async with self.context.database.begin() as tx:
            await backfills.hold(tx, row)
            await backfills.take_in(tx, row, side, entries)
            if phase == done:
                await backfills.seal(tx, row)
            await backfills.move(tx, row, phase, place, row.tally)
        return len(entries)


async def standstill(context: Context, declared: Integration) -> str:
    """Why work on many records must wait now: a brake, or a paused connection; empty if it needn't."""
    async with context.database.begin() as tx:
        brake = await brakes.reason(tx, declared.name, "everything")
        rows = [await connections.get(tx, end.connection) for end in declared.ends]
    paused = [row.name for row in rows if row is not None and row.is_paused]
    return brake or (f"{' and '.join(paused)} is paused" if paused else "")


async def progress_of(context: Context, row: BackfillRow, waits: str = "") -> BackfillProgress:
    """How far a load is, by the store alone: also while no worker runs."""
    async with context.database.begin() as tx:
        listed = await backfills.listed(tx, row)
        done = [await backfills.behind(tx, row, side, _place(row, side)) for side in SIDES]
        plan = None if row.dry_run else await backfills.last(tx, row.integration, dry_run=True)
    return BackfillProgress(
        phase=row.phase,
        tally=row.tally,
        listed=(listed.a, listed.b),
        matched=sum(done),
        waits=waits,
        moved_on=_moved_on(row, plan),
        began_at=row.began_at,
    )


class BackfillActivities:
    """Loads integrations."""

    def __init__(self, context: Context, leg: timedelta = LEG) -> None:
        self.context = context
        self.leg = leg

    @activity.defn
    async def backfill(self, asked: BackfillInput) -> BackfillProgress:
        """Work for a leg, or to the end.

        Safe to run twice, also at once: each page is committed by moving on from the very place where it began, links
        are unique in the store, and a create goes out under a key that was reserved before.
        """
        load = Load(self.context, asked, await self._rules(asked.integration))
        loop = asyncio.get_running_loop()
        until, row = loop.time() + self.leg.total_seconds(), await load.row()
        while not row.is_over:
            if waits := await standstill(self.context, load.rules.integration):
                return await progress_of(self.context, row, waits)
            began = loop.time()
            done = await load.step(row)
            row = await load.row()
            say(f"{row.phase}: {row.tally.pairs} pairs")
            if loop.time() >= until or activity.is_worker_shutdown():
                break
            if asked.rate:
                await asyncio.sleep(max(0.0, began + done / asked.rate - loop.time()))
        return await progress_of(self.context, row)

    async def _rules(self, name: str) -> Rules:
        async with self.context.database.begin() as tx:
            current = await integrations.current(tx, name)
            return await self.context.rules.at(tx, name, current[0] if current else 0)


def _place(row: BackfillRow, side: Side) -> str:
    """How far a side has been matched, as a number of the inventory."""
    if row.phase == f"matching_{side.value}":
        return row.place
    return str(2**62) if (row.phase, side) == ("matching_b", Side.A) else ""


def _moved_on(row: BackfillRow, plan: BackfillRow | None) -> str:
    if plan is None or not row.seen:
        return ""
    if plan.version != row.version:
        return f"the declaration has changed since the plan of {plan.ended_at:%H:%M:%S}"
    return "" if plan.seen == row.seen else f"records have changed since the plan of {plan.ended_at:%H:%M:%S}"
