"""Pairs as operators see them: the list, one in full, its whole history, the conflict log, the alerts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.answers import AlertShown, ConflictShown, PairHistory, PairLine, PairShown
from gateway.desks.desk import Desk
from gateway.desks.histories import tell_history
from gateway.desks.presenting import conflict_shown
from gateway.desks.showing import show_pair
from gateway.finding import find_pair
from store import alerts, conflicts, pairs
from store.pairs import Link, PairRow


@dataclass(frozen=True, slots=True)
class PairDesk:
    desk: Desk

    async def find(self, named: str) -> PairRow:
        """The pair that people mean by a key or an id.

        Raises:
            Unknown: There is none.
            Ambiguous: There are several.
        """
        async with self.desk.accord.database.begin() as tx:
            return await find_pair(tx, named)

    async def listed(
        self,
        *,
        integration: str | None = None,
        state: str | None = None,
        link: Link | None = "active",
        limit: int = 100,
        after: str = "",
    ) -> list[PairLine]:
        """A page of pairs in the order of their ids."""
        async with self.desk.accord.database.begin() as tx:
            found = await pairs.listing(
                tx, integration=integration, state=state, link=link, limit=limit, after=after
            )
        return [self.desk.line(pair) for pair in found]

    async def show(self, named: str) -> PairShown:
        """Both sides live, baseline, state per field, open reviews, parked fields, last writes."""
        return await show_pair(self.desk, await self.find(named))

    async def history(self, named: str, *, limit: int = 100) -> PairHistory:
        """Everything that happened to the pair, oldest first; the newest `limit` lines."""
        return await tell_history(self.desk, await self.find(named), limit)

    async def conflicts(
        self,
        *,
        named: str | None = None,
        integration: str | None = None,
        unit: str | None = None,
        since: datetime | None = None,
        limit: int = 50,
    ) -> list[ConflictShown]:
        """Lines of the conflict log, newest first: of one pair, or all that match."""
        async with self.desk.accord.database.begin() as tx:
            if named is not None:
                rows = (await conflicts.of_pair(tx, (await find_pair(tx, named)).id, limit=limit))[::-1]
            else:
                rows = await conflicts.search(
                    tx, integration=integration, unit=unit, since=since, limit=limit
                )
            owners = {row.pair_id: await pairs.get(tx, row.pair_id) for row in rows}
            rules = {name: await self.desk.rules(tx, name) for name in {row.integration for row in rows}}
        return [
            conflict_shown(row, self.desk.ref(owners[row.pair_id]), rules[row.integration].integration)
            for row in rows
        ]

    async def alerts(self) -> list[AlertShown]:
        """Alerts that stand, oldest first."""
        async with self.desk.accord.database.begin() as tx:
            rows = await alerts.open_alerts(tx)
        return [
            AlertShown(raised_at=row.raised_at, kind=row.kind, message=row.message, pair_id=row.pair_id)
            for row in rows
        ]
