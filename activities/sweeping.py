"""Compare by listing: what events and polls missed is found, and told to the pairs concerned, who repair it as ever.

Both sides of an integration are listed page by page. A linked record that its pair has not read in the listed version
is told; so is one that the listing doesn't show though its pair says that it is in step: it may be gone, hidden or out
of scope, which the pair finds out. No pair is woken for a record that it knows, so a second sweep tells nothing.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal

from temporalio import activity

from activities.context import Context
from activities.heartbeat import say
from connectors.base import ChangePage
from domain.capture import Changes
from domain.errors import ConfigError
from domain.integration import End, Integration
from domain.records import ChangeNotice, Model, RecordRef
from domain.sides import SIDES, Side
from store import alerts, deliveries, integrations, sweeps, unread
from store.sweeps import SweepPlace

FEW = 10
"""Records that may be missing from a listing, whatever their share."""


class SweepInput(Model):
    integration: str
    sweep: str = ""
    """Names this sweep, so that an attempt after a killed one goes on where that was."""


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
        """List both sides and tell what was missed.

        Safe to run twice, also at once: each page moves the sweep's place in its own transaction, and the attempt that
        doesn't move it goes on from where another one has come to.
        """
        async with self.context.database.begin() as tx:
            current = await integrations.current(tx, asked.integration)
            if current is None:
                return Swept(outcome="ended", story=f"no integration {asked.integration} is declared")
            rules = (await self.context.rules.at(tx, asked.integration, current[0])).integration
        name = f"{asked.sweep}@{current[0]}"  # Under another declaration, another scope: it begins anew.
        places = [await Sweep(self.context, rules, side, name).run() for side in SIDES]
        listed, behind, unlisted = (
            sum(one.listed for one in places),
            sum(one.behind for one in places),
            sum(one.unlisted or 0 for one in places),
        )
        story = f"{listed} listed, {behind} not read as they stand, {unlisted} not listed"
        return Swept(outcome="swept", story=story, listed=listed, behind=behind, unlisted=unlisted)


@dataclass(frozen=True, slots=True)
class Sweep:
    """One side of one integration. It holds a page at a time; what it has listed stands in the store."""

    context: Context
    rules: Integration
    side: Side
    sweep: str

    @property
    def end(self) -> End:
        return self.rules.ends[self.side]

    async def run(self) -> SweepPlace:
        """List everything, then look who wasn't listed."""
        changes = self._changes()
        while not (place := await self._place()).is_listed:
            say(f"{self.end.connection}: {place.listed} listed, {place.behind} not read as they stand")
            page = await self._page(place.cursor, changes.page)
            await self._keep(place, page)
            if page.more:
                await asyncio.sleep(changes.pause.total_seconds())
        if place.unlisted is None:
            await self._tell_unlisted(place)
            return await self._place()
        return place

    async def _place(self) -> SweepPlace:
        async with self.context.database.begin() as tx:
            return await sweeps.begin(tx, self.rules.name, self.side, self.sweep)

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

    async def _keep(self, place: SweepPlace, page: ChangePage) -> None:
        """Tell what was missed and move on, in one transaction; nothing, if another attempt has moved on."""
        ids = {notice.ref.id for notice in page.notices if notice.kind != "deleted"}
        is_listed = not page.more or page.cursor == place.cursor
        async with self.context.database.begin() as tx:
            if not await sweeps.move(tx, place, page.cursor, is_listed=is_listed):
                return
            missed = await unread.unread(tx, self.end.connection, self.end.record_type, page.notices)
            told = await deliveries.keep_each(tx, self.end.connection, [_swept(one) for one in missed])
            await sweeps.note_page(tx, place, sorted(ids), behind=told)

    async def _tell_unlisted(self, place: SweepPlace) -> None:
        """Have pairs look whose record isn't listed; where that is true of many, the listing is what a person must look at."""
        alert, end = short_alert(self.rules.name, self.end.connection), self.end
        async with self.context.database.begin() as tx:
            missing, linked = await sweeps.missing(tx, place, end.connection, end.record_type)
            is_short = len(missing) > max(FEW, self.rules.limits.brake * linked)
            if not await sweeps.finish(tx, place, unlisted=0 if is_short else len(missing)):
                return
            if is_short:
                await alerts.raise_(tx, alert, "listing_short", None, self._short(len(missing), linked))
                return
            await alerts.clear(tx, [alert])
            notices = [ChangeNotice(ref=ref, source="sweep") for ref in missing]
            await deliveries.keep_each(tx, end.connection, notices)

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
