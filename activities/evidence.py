"""What stands behind a record that can't be read: a deletion, a lost permission, or many deletions at once.

Asked only where a record is missing or gone, never on the way of a clean change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from activities.context import Context
from activities.reading import Seen, Unseen
from connectors.base import Connector
from domain.errors import StopIntegration, StopRecord
from domain.records import Evidence, Gone
from domain.sides import SIDES, Pair, Side
from domain.vanishing import Around, Miss, weigh_miss
from store import losses
from store.siblings import siblings
from store.work import PairWork

SAMPLE = 100
"""Other records asked for at most: one request on the systems that we know."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """Both ends once what can't be read was weighed."""

    seen: Pair[Seen]
    missing: dict[Side, datetime] = field(default_factory=dict)
    """Since when a side is missing though a canary can be read."""


async def weigh(
    context: Context,
    found: PairWork,
    grace: timedelta,
    seen: Pair[Seen],
    missing: Mapping[Side, datetime],
) -> Weighed:
    """Tell which of the unseen ends are gone after all.

    Args:
        context: For the store and the systems.
        found: The pair.
        grace: How long a record must be missing.
        seen: Both ends as read.
        missing: Since when they have been missing, as the pass before said.
    """
    weighed = Weighed(seen)
    for side in SIDES:
        one = seen[side]
        if not isinstance(one, Unseen) or one.is_refused:
            continue
        if await is_deleted_by_us(context, found, side):
            own = Gone(ref=one.ref, evidence=Evidence.OWN_DELETE, by="accord")
            weighed = replace(weighed, seen=weighed.seen.replace(side, own))
            continue
        around = await look_around(context, found, side)
        miss = weigh_miss(found.pair.ends[side].key, around, missing.get(side), context.now(), grace)
        known = weighed.missing if miss.since is None else {**weighed.missing, side: miss.since}
        weighed = Weighed(weighed.seen.replace(side, _judged(one, miss)), known)
    return weighed


def _judged(unseen: Unseen, miss: Miss) -> Seen:
    if miss.is_proof:
        return Gone(ref=unseen.ref, evidence=Evidence.CANARY, at=miss.since)
    return replace(unseen, reason=f"{unseen.reason}; {miss.why}", retry_in=miss.left or None)


async def is_deleted_by_us(context: Context, found: PairWork, side: Side) -> bool:
    """Whether our own request to delete this very record has left and was never refused."""
    async with context.database.begin() as tx:
        known = await losses.of_pair(tx, found.pair.id)
    return any(loss.side is side.other and loss.sent == "delete" for loss in known)


async def look_around(context: Context, found: PairWork, side: Side) -> Around:
    """Ask the system for other records of this side, in one request where it can."""
    async with context.database.begin() as tx:
        others = await siblings(tx, found.pair.integration, side, found.pair.id, limit=SAMPLE)
    if not others:
        return Around({})
    connector: Connector = context.connections.get(found.pair.ends[side].ref.connection)
    try:
        shown = await connector.read_many([other.ref for other in others])
    except (StopRecord, StopIntegration):
        shown = {}  # a lost permission may refuse the question itself: then nothing can be read
    return Around({other.key: other.ref.id in shown for other in others})
