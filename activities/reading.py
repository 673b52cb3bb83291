"""Read both ends of a pair fresh, and tell "gone" from "can't be seen"."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from connectors.base import Connector
from connectors.registry import Connections
from domain.errors import RecordGone, RecordHidden
from domain.records import Clock, Evidence, Gone, RecordRef, Snapshot
from domain.sides import Pair, Side

UNKNOWN_CLOCK = Clock(uncertainty=Clock.model_fields["uncertainty"].default * 86_400)
"""A clock nobody has compared yet may be a day off: last-write-wins passes."""


@dataclass(frozen=True, slots=True)
class Unseen:
    """The record can't be read, and nothing proves that it is gone."""

    ref: RecordRef
    reason: str
    is_refused: bool = False
    """The system says that we may not see it: so it is there."""
    retry_in: timedelta | None = None
    """When another look could tell more."""


Seen = Snapshot | Gone | Unseen
FORBIDDEN = 403


async def read_ends(
    refs: Pair[RecordRef], connections: Connections, told_gone: Collection[Side]
) -> Pair[Seen]:
    """Both ends at once. A deletion that an event told counts once the record can't be read any more."""
    a, b = await asyncio.gather(
        *(_read(refs[side], connections, told_gone=side in told_gone) for side in (Side.A, Side.B))
    )
    return Pair(a, b)


async def _read(ref: RecordRef, connections: Connections, *, told_gone: bool) -> Seen:
    connector = connections.get(ref.connection)
    try:
        return await connector.read(ref)
    except RecordGone as error:
        return error.gone
    except RecordHidden as error:
        if told_gone and "event" in connector.capabilities.deletes:
            return Gone(ref=ref, evidence=Evidence.EVENT)
        return Unseen(ref, error.message, is_refused=error.evidence.get("status") == FORBIDDEN)


def clock_of(connector: Connector, bound: Clock | None) -> Clock:
    """What to make of the system's stamps: the declared bound, else the measured clock, else next to nothing."""
    granularity = connector.capabilities.granularity
    if bound is not None:
        return bound.model_copy(update={"granularity": granularity})
    reading = connector.clock
    if reading is None:
        return UNKNOWN_CLOCK.model_copy(update={"granularity": granularity})
    return Clock(offset=reading.offset, uncertainty=reading.uncertainty, granularity=granularity)
