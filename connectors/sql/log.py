"""The log as batches of change notices, each with the position that its reader may take up again.

A position is a place in the log, up to which every transaction has been read whole, and how many changes of the
transaction after it have been read: a transaction of a million rows comes in many batches, and is taken up in its
middle. The log decodes to the same changes each time it is read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import timedelta
from math import inf
from typing import Literal, TypeAlias

from pydantic import BaseModel, ValidationError

from connectors.base import StreamBatch
from connectors.sql.pgoutput import Begin, Change, Commit, Row
from connectors.sql.slot import Slot
from connectors.sql.tables import RecordTable
from domain.errors import ConfigError
from domain.records import ChangeNotice, RecordRef

Kind: TypeAlias = Literal["changed", "created", "deleted"]

NOTICES = 500
"""In one batch at most."""
HELD = 16 * 2**20
"""Bytes of log (one segment) that concern others and that we let the slot keep before it is moved on."""


class Position(BaseModel, frozen=True):
    """`place`: every transaction whose commit record lies before it was read. `done`: changes read of the next."""

    place: int
    done: int = 0


@dataclass(slots=True)
class Transaction:
    """The one that is being read."""

    xid: int
    known: float
    """How many of its changes were read before."""
    seen: int = 0

    def is_new(self) -> bool:
        """Count a change; whether it wasn't read before."""
        self.seen += 1
        return self.seen > self.known


class LogReader:
    """Reads one slot."""

    def __init__(self, slot: Slot, connection: str, tables: Sequence[RecordTable], every: timedelta) -> None:
        self._slot = slot
        self._connection = connection
        self._published = tables
        self._tables = {known.place: known for known in tables}
        self._every = every
        self._at = Position(place=0)
        self._quiet = True

    async def read(self, position: str | None) -> AsyncGenerator[StreamBatch, None]:
        """Batches without end from this position on (None: from now on); an empty one after each quiet look.

        Asking for the next batch says that this one is kept: only then is the slot moved on.
        """
        yield await self._begin(position)
        while True:
            await self._slot.advance(self._at.place)
            end = await self._slot.end()  # before the look: it shows whatever was committed until here
            async with aclosing(self._look()) as batches:
                async for batch in batches:
                    yield batch
            if self._quiet:
                self._pass_over(end)
                yield self._batch([])
                await asyncio.sleep(self._every.total_seconds())

    async def _begin(self, position: str | None) -> StreamBatch:
        """Find the place to go on from, and say so at once: a slot that is lost later must be missed."""
        asked = None if position is None else open_position(position)
        confirmed = await self._slot.ensure(self._published)
        gap = gap_between(asked, confirmed, await self._slot.end()) if asked else ""
        self._at = Position(place=confirmed) if asked is None or gap else asked
        return replace(self._batch([]), gap=gap)

    async def _look(self) -> AsyncGenerator[StreamBatch, None]:
        """What one peek shows; ends at a commit."""
        self._quiet, current, waiting = True, Transaction(xid=0, known=0), list[ChangeNotice]()
        async with aclosing(self._slot.peek()) as messages:
            async for message in messages:
                self._quiet = False
                match message:
                    case Begin():
                        current = Transaction(message.xid, self._known_of(message))
                    case Change() if current.is_new():
                        waiting += self._notices(message, current)
                    case Commit():
                        self._close(message)
                if len(waiting) >= NOTICES:
                    self._reach(message, current)
                    yield self._batch(waiting)
                    waiting = []
        if not self._quiet:
            yield self._batch(waiting)

    def _known_of(self, begun: Begin) -> float:
        """All changes of a transaction that the slot only repeats; else those of the one we were in the middle of."""
        return inf if begun.commit_at < self._at.place else self._at.done

    def _close(self, commit: Commit) -> None:
        if commit.end > self._at.place:
            self._at = Position(place=commit.end)

    def _reach(self, message: Begin | Change | Commit, current: Transaction) -> None:
        if isinstance(message, Change):
            self._at = Position(place=self._at.place, done=current.seen)

    def _pass_over(self, end: int) -> None:
        """Leave log that concerns others behind, a segment at a time: each step costs its reader a commit."""
        if end - self._at.place > HELD:
            self._at = Position(place=end)

    # ------------------------------------------------------------------------------------------------- notices
    def _batch(self, notices: Sequence[ChangeNotice]) -> StreamBatch:
        return StreamBatch(list(dict.fromkeys(notices)), self._at.model_dump_json())

    def _notices(self, change: Change, current: Transaction) -> Iterator[ChangeNotice]:
        known = self._tables.get(change.table)
        if known is None:
            return
        before, after = _id_of(known, change.old), _id_of(known, change.new)
        if before is not None and before != after:
            yield self._notice(known, before, "deleted", None)
        if after is not None:
            kind: Kind = "created" if change.kind == "insert" or before not in {None, after} else "changed"
            yield self._notice(known, after, kind, _version(known, change, current))

    def _notice(self, known: RecordTable, record_id: str, kind: Kind, version: str | None) -> ChangeNotice:
        ref = RecordRef(connection=self._connection, record_type=known.record_type, id=record_id)
        return ChangeNotice(ref=ref, source="stream", kind=kind, version=version)


def _id_of(known: RecordTable, row: Row | None) -> str | None:
    return None if row is None else row.get(known.id)


def _version(known: RecordTable, change: Change, current: Transaction) -> str | None:
    """As a read would show it. A transaction's number is its rows' `xmin`, but for what its savepoints wrote."""
    return (change.new or {}).get(known.version) if known.counts else str(current.xid)


def open_position(written: str) -> Position:
    """The position of an earlier batch.

    Raises:
        ConfigError: It is none.
    """
    try:
        return Position.model_validate_json(written)
    except ValidationError as error:
        raise ConfigError(f"not a position in a log: {written[:80]!r}; start again without one") from error


def gap_between(at: Position, confirmed: int, end: int) -> str:
    """Why the slot can't go on exactly where we stopped; empty if it can."""
    if at.place < confirmed:
        return "the slot was lost, made anew or read by another since"
    if at.place > end:
        return "the database's log ends before our place in it: it was restored, or another took its place"
    return ""
