"""Links made by hand."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from activities.holding import release
from activities.rulebook import Rules
from domain.integration import End
from domain.records import Snapshot
from domain.sides import Pair
from gateway.answers import Linked
from gateway.desks.desk import Desk
from gateway.finding import Unknown
from store import audit, held_matches, pairs
from store.pairs import EndRow


@dataclass(frozen=True, slots=True)
class LinkDesk:
    desk: Desk

    async def link(self, integration: str, keys: Pair[str], *, by: str) -> Linked:
        """Link two records, named by their keys or ids in the order of the declaration, and start their workflow.

        Raises:
            Unknown: There is no such integration, or one of the records can't be seen.
            AlreadyLinked: One of them has another partner in this integration.
            SystemUnavailable: A system or Temporal doesn't answer.
        """
        async with self.desk.accord.database.begin() as tx:
            rules = await self.desk.rules(tx, integration)
        return await self.link_records(rules, await self.records(rules, keys), by=by)

    async def link_records(self, rules: Rules, records: Pair[Snapshot], *, by: str) -> Linked:
        """Link two records as they have just been read, and start their workflow.

        Raises:
            AlreadyLinked: One of them has another partner in this integration.
            SystemUnavailable: Temporal doesn't answer.
        """
        integration, (a, b) = rules.integration.name, records
        async with self.desk.accord.database.begin() as tx:
            before = await pairs.of_record(tx, a.ref.connection, a.ref.id, a.ref.record_type)
            pair = await pairs.create(tx, integration, rules.version, records.map(_end))
            created = pair.id not in {known.id for known in before}
            if created:
                await audit.append(tx, by, "link", pair_id=pair.id, a=a.key, b=b.key)
            await release(tx, integration, [record.ref for record in records])
            for record in records:
                await held_matches.forget(tx, integration, record.ref)
        await self.desk.signaller.look(pair, rules, f"linked by {by}")
        return Linked(pair=self.desk.line(pair), created=created)

    async def records(self, rules: Rules, keys: Pair[str]) -> Pair[Snapshot]:
        """Both records as they are now.

        Raises:
            Unknown: One of them can't be seen.
        """
        ends = rules.integration.ends
        a, b = await asyncio.gather(self._record(ends.a, keys.a), self._record(ends.b, keys.b))
        return Pair(a, b)

    async def _record(self, end: End, key: str) -> Snapshot:
        connector = self.desk.accord.connections.get(end.connection)
        found = await connector.by_key(end.record_type, key)
        if found is None:
            raise Unknown(
                f"{connector.system} ({end.connection}) has no {end.record_type} {key} that we may see"
            )
        return found


def _end(snapshot: Snapshot) -> EndRow:
    return EndRow(snapshot.ref, snapshot.key, snapshot.url)
