"""Groups of twins as they stand now, and the closing of one that is a record too many.

Called by the gateway's desk, person by person; nothing here runs by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from activities.context import Context
from activities.display import HIDDEN, sensitive_fields, shown
from activities.holding import release
from activities.races import edits_hit
from activities.rulebook import Rules
from activities.sending import Sent, send
from connectors.base import Connector
from domain.duplicates import Cluster, Group, Twin
from domain.errors import LookAgain, RecordRejected, SyncError
from domain.integration import Integration
from domain.proposing import Proposal
from domain.records import RecordRef, Snapshot
from domain.sides import SIDES, Side
from domain.values import digest
from domain.view import Overwritten
from store import audit, duplicates, first_links, held_matches
from store.database import Tx

READ_AT_ONCE = 100
"""Records read together: a system's own reads of many split them further."""


async def look_at(context: Context, rules: Rules, clusters: Sequence[Cluster]) -> list[Group]:
    """Each cluster with its records as they stand now; those that can't be seen any more are left out."""
    twins = {side: await _twins(context, rules, side, clusters) for side in SIDES}
    return [
        Group(
            one.by,
            tuple(twins[s][found] for s in SIDES for found in one.records[s] if found in twins[s]),
            size=one.size,
            is_crossed=one.is_crossed,
        )
        for one in clusters
    ]


async def _twins(context: Context, rules: Rules, side: Side, clusters: Sequence[Cluster]) -> dict[str, Twin]:
    ids = list(dict.fromkeys(found for one in clusters for found in one.records[side]))
    found: dict[str, Twin] = {}
    for start in range(0, len(ids), READ_AT_ONCE):
        records = await _read(context, rules.integration, side, ids[start : start + READ_AT_ONCE])
        found |= await _known(context, rules.integration.name, side, records)
    return found


async def _read(context: Context, declared: Integration, side: Side, ids: Iterable[str]) -> list[Snapshot]:
    end = declared.ends[side]
    refs = [RecordRef(connection=end.connection, record_type=end.record_type, id=one) for one in ids]
    return list((await context.connectors(declared)[side].read_many(refs)).values())


async def _known(
    context: Context, integration: str, side: Side, records: Sequence[Snapshot]
) -> dict[str, Twin]:
    async with context.database.begin() as tx:
        known = await first_links.known_of(tx, integration, records)
        elsewhere = await duplicates.linked_elsewhere(tx, integration, [one.ref for one in records])
    return {
        record.ref.id: Twin(
            side=side,
            record=record,
            pair_id=(of := known[record.ref.id]).pair_id,
            partner=of.partner.key if of.partner else None,
            said=of.decision,
            elsewhere=elsewhere.get(record.ref.id, ()),
            is_source=of.is_source,
            made_for=of.made_for,
            former=of.former,
        )
        for record in records
    }


@dataclass(slots=True)
class Closing:
    """One twin that is being closed."""

    context: Context
    rules: Rules
    twin: Twin
    kept: Twin
    proposal: Proposal
    by: str
    accepted: dict[str, Any] = field(default_factory=dict)

    async def run(self) -> None:
        """Write the closing values. The record is left alone by matching from before the first request on.

        What is about to be lost from sight is in the audit trail before any request: which fields hold values that the
        record that stays doesn't hold. If a request fails, the record is matched again as before.

        Raises:
            LookAgain: Somebody changed it meanwhile.
            RecordRejected: The system takes no such value.
            TryAgain: It doesn't answer.
        """
        async with self.context.database.begin() as tx:
            await held_matches.decide(tx, self._name, self.twin.record.ref, "ignore", self.by)
            await release(tx, self._name, [self.twin.record.ref])
            await self._note(tx, "close_duplicate", fields=list(self.proposal.closing), own=self._own())
        try:
            await self._send()
        except (SyncError, asyncio.CancelledError) as error:
            async with self.context.database.begin() as tx:
                await held_matches.forget(tx, self._name, self.twin.record.ref)
                said = {"reason": str(error) or "interrupted", "written": list(self.accepted)}
                await self._note(tx, "close_duplicate_failed", **said)
            raise

    async def _send(self) -> None:
        record = self.twin.record
        connector = self.context.connectors(self.rules.integration)[self.twin.side]
        marker = digest("duplicate", self._name, str(record.ref))
        for number, part in enumerate(connector.parts(self.proposal.closing)):
            before = await connector.read(record.ref) if number else record
            sent = await send(connector, before, part, dict.fromkeys(part, "closing"), marker=marker)
            if sent.refused:
                raise RecordRejected(f"{connector.system} refuses to close it: {sent.refused['closing']}")
            self.accepted |= sent.fields
            await self._keep_hit(connector, before, sent)

    async def _keep_hit(self, connector: Connector, before: Snapshot, sent: Sent) -> None:
        """An edit that came between our look and our write is named: it was replaced by the closing value."""
        hit = await edits_hit(connector, before, sent)
        if hit:
            async with self.context.database.begin() as tx:
                await self._note(tx, "close_duplicate_race", overwritten=[self._edit(one) for one in hit])

    def _edit(self, one: Overwritten) -> dict[str, Any]:
        version, hidden = one.version, sensitive_fields(self.rules.integration)
        names = {f.name for f in self.rules.integration.fields if f.native(self.twin.side) == version.field}
        value = HIDDEN if names & hidden else shown(version.value)
        return {"field": version.field, "value": value, "by": version.by}

    def _own(self) -> dict[str, str]:
        """What only this record holds, in short form."""
        hidden = sensitive_fields(self.rules.integration)
        natives = {one.name: one.native(self.twin.side) for one in self.rules.integration.fields}
        return {
            name: HIDDEN if name in hidden else shown(self.twin.record.fields.get(natives[name]))
            for name in self.proposal.own
        }

    async def _note(self, tx: Tx, what: str, **detail: Any) -> None:
        about = {"integration": self._name, "record": str(self.twin.record.ref), "key": self.twin.record.key}
        stays = self.kept.record.key
        await audit.append(tx, self.by, what, pair_id=self.kept.pair_id, **about, kept=stays, **detail)

    @property
    def _name(self) -> str:
        return self.rules.integration.name


def find(group: Group, ref: RecordRef | None) -> Twin:
    """A record of the group.

    Raises:
        LookAgain: It can't be seen any more.
    """
    found = next((one for one in group.twins if one.record.ref == ref), None)
    if found is None:
        raise LookAgain(f"{ref} can't be seen any more")
    return found
