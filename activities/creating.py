"""Make a record's counterpart, exactly once (semantics §7).

A key is reserved, sent along as the marker, and looked for before another request goes out. Used where nothing
matches, and where a lost record is created anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import JsonValue

from activities.context import Context
from activities.rulebook import Rules
from connectors.base import Connector
from domain.errors import (
    LookAgain,
    RateLimited,
    RecordGone,
    RecordHidden,
    RecordRejected,
    SyncError,
    TryAgain,
)
from domain.integration import End, FieldMap
from domain.mapping import UNMAPPED, mapped
from domain.records import RecordRef, Snapshot
from domain.sides import Pair, Side
from domain.values import MISSING
from store import creations
from store.baselines import Move
from store.creations import Creation
from store.plans import ABANDONED_AFTER


class CounterpartGone(RecordHidden):
    """The counterpart was made once and can't be seen any more: it isn't made again."""


class OutcomeUnknown(RecordRejected):
    """A create may have arrived, and the system gives no way to tell."""


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
            CounterpartGone: It was made by an earlier attempt, and is there no more.
            OutcomeUnknown: An earlier request may have arrived, and records of this system carry no marker.
            RateLimited: An earlier request may still arrive, or be found late; wait.
            LookAgain: Another attempt is at it.
            RecordRejected: The system refuses the create: nothing was made.
            TryAgain: It doesn't answer; the outcome is unknown.
        """
        name = self.rules.integration.name
        async with self.context.database.begin() as tx:
            if instead_of is not None:
                await creations.forget(tx, name, record.ref, instead_of)
            creation = await creations.reserve(tx, name, record.ref)
        made = None if creation.state == "reserved" else await self._find_made(side, creation)
        return made or await self._send(side, record, creation)

    async def _find_made(self, side: Side, creation: Creation) -> Snapshot | None:
        """What an earlier attempt made; None if it surely made nothing."""
        connector, end = self._there(side)
        if creation.created is not None:
            return await _read_made(connector, creation.created)
        hits = await connector.find_marked(end.record_type, creation.key)
        if hits:
            async with self.context.database.begin() as tx:
                await creations.settle(tx, creation.key, "adopted", hits[0].ref)
            return hits[0]
        left = _left_of_wait(creation, connector.capabilities.index_lag, self.context.now())
        if left > timedelta(0):
            raise RateLimited("an earlier create may still arrive, or be found late", retry_after=left)
        if not connector.capabilities.creates_with_marker:
            raise OutcomeUnknown(
                f"{connector.system} gave no answer to an earlier create, and its records carry no marker: "
                "look whether the record is there; then link it by `accord link`, or say `accord candidates KEY --create`"
            )
        return None

    async def _send(self, side: Side, record: Snapshot, creation: Creation) -> Snapshot:
        declared, (connector, end) = self.rules.integration, self._there(side)
        extra = declared.create.with_.get(side.other, {}) if declared.create else {}
        fields = {**first_values(declared.fields, side, record), **extra}
        halves = _halves(declared.fields, side, record, fields)
        async with self.context.database.begin() as tx:
            if not await creations.claim(tx, creation, halves):
                raise LookAgain(f"another attempt creates the counterpart of {record.key}; look what it made")
        try:
            made = await connector.create(end.record_type, fields, marker=creation.key, scope=end.scope)
        except SyncError as error:
            await self._note_failure(creation, error)
            raise
        async with self.context.database.begin() as tx:
            shown = _halves(declared.fields, side, record, {**fields, **made.fields})
            await creations.settle(
                tx, creation.key, "created", made.ref, {name: shown[name] for name in halves}
            )
        return made

    def _there(self, side: Side) -> tuple[Connector, End]:
        """Where counterparts of this side's records are made."""
        declared = self.rules.integration
        return self.context.connectors(declared)[side.other], declared.ends[side.other]

    async def _note_failure(self, creation: Creation, error: SyncError) -> None:
        """No answer leaves the outcome open; a refusal says that nothing was made."""
        is_open = isinstance(error, TryAgain | LookAgain)
        async with self.context.database.begin() as tx:
            await (creations.lose if is_open else creations.refuse)(tx, creation.key)


def _halves(
    declared: Sequence[FieldMap], side: Side, record: Snapshot, made: Mapping[str, JsonValue]
) -> dict[str, Move]:
    """What both records hold of each field that the new one starts with: it was made in step."""
    found: dict[str, Move] = {}
    for field in declared:
        here, there = record.value(field.native(side)), made.get(field.native(side.other))
        if here is MISSING or field.native(side.other) not in made or not field.flow.allows(side):
            continue
        halves = Pair(here, there) if side is Side.A else Pair(there, here)
        found[field.name] = (field.a, field.b, halves.a, halves.b)
    return found


async def _read_made(connector: Connector, made: RecordRef) -> Snapshot:
    try:
        return await connector.read(made)
    except (RecordGone, RecordHidden) as error:
        raise CounterpartGone(
            f"the counterpart that was created ({made}) is there no more; none is created again, "
            "unless somebody says `accord candidates KEY --create`"
        ) from error


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
