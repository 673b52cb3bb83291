"""Make a record's counterpart, exactly once (semantics §7).

A key is reserved, sent along as the marker, and looked for before another request goes out. Used where nothing
matches, and where a lost record is created anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import JsonValue

from activities.context import Context
from activities.rulebook import Rules
from domain.errors import LookAgain, RateLimited, StopRecord, TryAgain
from domain.integration import FieldMap
from domain.mapping import UNMAPPED, mapped
from domain.records import RecordRef, Snapshot
from domain.sides import Side
from domain.values import MISSING
from store import creations
from store.creations import Creation
from store.plans import ABANDONED_AFTER


@dataclass(frozen=True, slots=True)
class Creator:
    """Makes counterparts of one integration's records."""

    context: Context
    rules: Rules

    async def make(self, side: Side, record: Snapshot, *, instead_of: RecordRef | None = None) -> Snapshot:
        """The counterpart of this record on the other side: found again, if an earlier attempt made it.

        Args:
            side: Where the record stands.
            record: The one that gets a counterpart.
            instead_of: Its counterpart until now, which is proved to be gone: that creation is closed.

        Raises:
            RateLimited: An earlier attempt may still arrive, or be found late; wait.
            RecordRejected: The system refuses the create.
            TryAgain: It doesn't answer; the outcome is unknown.
        """
        name = self.rules.integration.name
        async with self.context.database.begin() as tx:
            if instead_of is not None:
                await creations.forget(tx, name, record.ref, instead_of)
            creation = await creations.reserve(tx, name, record.ref)
        made = await self._find_made(side, creation) if creation.state != "reserved" else None
        return made or await self._send(side, record, creation)

    async def _find_made(self, side: Side, creation: Creation) -> Snapshot | None:
        """An earlier attempt may have arrived: look for its marker before another request goes out."""
        connector = self.context.connectors(self.rules.integration)[side.other]
        if creation.created is not None:
            return await connector.read(creation.created)
        record_type = self.rules.integration.ends[side.other].record_type
        hits = await connector.find_marked(record_type, creation.key)
        if hits:
            async with self.context.database.begin() as tx:
                await creations.settle(tx, creation.key, "adopted", hits[0].ref)
            return hits[0]
        left = _left_of_wait(creation, connector.capabilities.index_lag, self.context.now())
        if left > timedelta(0):
            raise RateLimited("an earlier create may still arrive, or be found late", retry_after=left)
        return None

    async def _send(self, side: Side, record: Snapshot, creation: Creation) -> Snapshot:
        declared = self.rules.integration
        connector, end = self.context.connectors(declared)[side.other], declared.ends[side.other]
        fields = first_values(declared.fields, side, record)
        extra = declared.create.with_.get(side.other, {}) if declared.create else {}
        async with self.context.database.begin() as tx:
            await creations.send(tx, creation.key)
        try:
            made = await connector.create(
                end.record_type, {**fields, **extra}, marker=creation.key, scope=end.scope
            )
        except StopRecord:
            async with self.context.database.begin() as tx:
                await creations.refuse(tx, creation.key)
            raise
        except (TryAgain, LookAgain):
            async with self.context.database.begin() as tx:
                await creations.lose(tx, creation.key)
            raise
        async with self.context.database.begin() as tx:
            await creations.settle(tx, creation.key, "created", made.ref)
        return made


def first_values(fields: Sequence[FieldMap], side: Side, record: Snapshot) -> dict[str, JsonValue]:
    """What a new record on the other side starts with: every mapped value that may flow there and has a counterpart."""
    found: dict[str, JsonValue] = {}
    for field in fields:
        shown = record.value(field.native(side))
        if shown is MISSING or shown is None or not field.flow.allows(side):
            continue
        there = mapped(field, shown, side.other)
        if there is not UNMAPPED and there is not None:
            found[field.native(side.other)] = there
    return found


def _left_of_wait(creation: Creation, lag: timedelta, now: datetime) -> timedelta:
    """How long until the last attempt is dead for certain and its record would be found."""
    if creation.attempted_at is None:
        return timedelta(0)
    alive = ABANDONED_AFTER if creation.state == "sent" else timedelta(0)
    return creation.attempted_at + alive + lag - now
