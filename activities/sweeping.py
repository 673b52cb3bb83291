"""Compare by listing: what events and polls missed is found, and told to the pairs concerned, who repair it as ever.

Both sides of an integration are listed page by page. A linked record that its pair has not read in the listed version
is told; so is one that the listing doesn't show though its pair says that it is in step: it may be gone, hidden or out
of scope, which the pair finds out. No pair is woken for a record that it knows, so a second sweep tells nothing.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Literal

from temporalio import activity

from activities.context import Context
from activities.heartbeat import say
from connectors.base import ChangePage
from domain.capture import Changes
from domain.errors import ConfigError
from domain.integration import End, Integration
from domain.records import ChangeNotice, Model, RecordRef
from domain.sides import SIDES
from store import alerts, deliveries, integrations, pairs, unread

FEW = 10
"""Records that may be missing from a listing, whatever their share."""


class SweepInput(Model):
    integration: str


class Swept(Model):
    """How a sweep went."""

    outcome: Literal["swept", "ended"]
    story: str
    listed: int = 0
    """Records on both sides."""
    behind: int = 0
    """Linked records that their pairs had not read as they stand now."""
    unlisted: int = 0
    """Linked records in step that the listing doesn't show."""

    @property
    def told(self) -> int:
        return self.behind + self.unlisted


class SweepActivities:
    """Sweeps integrations, one at a time."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @activity.defn
    async def sweep_integration(self, asked: SweepInput) -> Swept:
        """List both sides and tell what was missed. Safe to run twice, also at once: pairs that are told look once more."""
        async with self.context.database.begin() as tx:
            current = await integrations.current(tx, asked.integration)
            if current is None:
                return Swept(outcome="ended", story=f"no integration {asked.integration} is declared")
            rules = (await self.context.rules.at(tx, asked.integration, current[0])).integration
        sweeps = [Sweep(self.context, rules, rules.ends[side]) for side in SIDES]
        for one in sweeps:
            await one.run()
        listed, behind, unlisted = (
            sum(len(one.seen) for one in sweeps),
            sum(one.behind for one in sweeps),
            sum(one.unlisted for one in sweeps),
        )
        story = f"{listed} listed, {behind} not read as they stand, {unlisted} not listed"
        return Swept(outcome="swept", story=story, listed=listed, behind=behind, unlisted=unlisted)


@dataclass(slots=True)
class Sweep:
    """One side of one integration."""

    context: Context
    rules: Integration
    end: End
    seen: set[str] = field(default_factory=set)
    """Ids of the records listed so far."""
    behind: int = 0
    unlisted: int = 0

    async def run(self) -> None:
        """List everything, then look who wasn't listed."""
        changes, cursor = self._changes(), None
        while True:
            page = await self._page(cursor, changes.page)
            await self._tell_behind(page)
            say(f"{self.end.connection}: {len(self.seen)} listed, {self.behind} not read as they stand")
            if not page.more or page.cursor == cursor:
                break
            cursor = page.cursor
            await asyncio.sleep(changes.pause.total_seconds())
        await self._tell_unlisted()

    def _changes(self) -> Changes:
        config = self.context.connections.configs.get(self.end.connection)
        if config is None:
            raise ConfigError(f"no connection {self.end.connection!r} is configured")
        return config.changes

    async def _page(self, cursor: str | None, size: int) -> ChangePage:
        connector = self.context.connections.get(self.end.connection)
        return await connector.list_changes(
            self.end.record_type, scope=self.end.scope, cursor=cursor, limit=size
        )

    async def _tell_behind(self, page: ChangePage) -> None:
        self.seen |= {notice.ref.id for notice in page.notices if notice.kind != "deleted"}
        async with self.context.database.begin() as tx:
            missed = await unread.unread(tx, self.end.connection, self.end.record_type, page.notices)
            self.behind += await deliveries.keep_each(
                tx, self.end.connection, [_swept(one) for one in missed]
            )

    async def _tell_unlisted(self) -> None:
        """Have pairs look whose record isn't listed; where that is true of many, the listing is what a person must look at."""
        alert = short_alert(self.rules.name, self.end.connection)
        async with self.context.database.begin() as tx:
            linked = await pairs.in_step(tx, self.rules.name, self.end.connection, self.end.record_type)
            missing = [ref for ref in linked if ref.id not in self.seen]
            if len(missing) > max(FEW, self.rules.limits.brake * len(linked)):
                await alerts.raise_(tx, alert, "listing_short", None, self._short(len(missing), len(linked)))
                return
            await alerts.clear(tx, [alert])
            notices = [ChangeNotice(ref=ref, source="sweep") for ref in missing]
            self.unlisted += await deliveries.keep_each(tx, self.end.connection, notices)

    def _short(self, missing: int, linked: int) -> str:
        return (
            f"{self.rules.name}: {self.end.connection} lists {missing} of {linked} linked {self.end.record_type} records "
            "no more; nothing is taken for deleted on that account. Has the account lost rights, or does the scope differ?"
        )


def short_alert(integration: str, connection: str) -> str:
    """The key of the alert that a listing lacks many linked records."""
    return f"listing/{integration}/{connection}"


def _swept(notice: ChangeNotice) -> ChangeNotice:
    """Without its version: that somebody told of it before has not helped, or the pair would have read it."""
    ref = RecordRef.model_validate(notice.ref)
    return ChangeNotice(ref=ref, source="sweep", kind=notice.kind)
