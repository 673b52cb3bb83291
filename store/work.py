"""All that one pass needs to know of a pair, in one statement."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import TypeAdapter
from sqlalchemy import Text, bindparam, cast, exists, func, select

from domain.sides import Pair, Side
from domain.view import Overwritten
from store.baselines import BASELINE, BaselineRow
from store.connections import CONNECTION, ConnectionRow
from store.database import Tx
from store.documents import Document, built, keyed, listed, sided, single
from store.pairs import PAIR, PairRow
from store.parked import Cause
from store.plans import PLAN, OpenPlan
from store.reviews import REVIEW, ReviewRow
from store.schema import (
    alerts,
    baselines,
    brakes,
    connections,
    integrations,
    overwritten,
    pair_ends,
    pairs,
    parked_units,
    plans,
    reviews,
    snapshots,
)
from store.snapshots import SNAPSHOT, SnapshotRow


@dataclass(frozen=True, slots=True)
class StoppedUnit:
    """A unit that is parked, or that only a person may decide."""

    cause: Cause
    reason: str


@dataclass(frozen=True, slots=True)
class PairWork:
    """A pair as its last commit left it."""

    pair: PairRow
    newest_version: int
    """Of the declaration; the pair takes it up with this pass."""
    brake: str | None
    """Why the whole integration stands still; None if it doesn't."""
    connections: Pair[ConnectionRow | None]
    """None for one that was never used."""
    baselines: dict[str, BaselineRow]
    """By field."""
    plan: OpenPlan | None
    reviews: list[ReviewRow]
    """The open ones."""
    stopped: dict[str, StoppedUnit]
    """Units that don't simply flow."""
    alerted: bool
    """An alert about this pair stands."""
    overwritten: Pair[dict[str, Overwritten]]
    """By native field: edits that our own writes hit."""
    last: Pair[SnapshotRow | None]
    """Both records as last read; None before the first pass."""

    @property
    def parked(self) -> dict[str, str]:
        """Unit → why it is stopped."""
        return {unit: one.reason for unit, one in self.stopped.items() if one.cause != "torn"}

    @property
    def torn(self) -> dict[str, str]:
        """Unit → why a person must decide it: a merge stands on one side only."""
        return {unit: one.reason for unit, one in self.stopped.items() if one.cause == "torn"}


ROW = TypeAdapter(PairWork)


def _connection(side: Side) -> Document:
    end = pair_ends.c.pair_id == pairs.c.id, pair_ends.c.side == side.value
    named = select(CONNECTION).join(pair_ends, pair_ends.c.connection == connections.c.name)
    return single(named.where(*end))


def _overwritten(side: Side) -> Document:
    edit = built(version=overwritten.c.version, ours=overwritten.c.ours)
    return keyed(
        overwritten.c.field, edit, overwritten.c.pair_id == pairs.c.id, overwritten.c.side == side.value
    )


def _last(side: Side) -> Document:
    end = pair_ends.c.pair_id == pairs.c.id, pair_ends.c.side == side.value
    return single(select(SNAPSHOT).join(pair_ends, pair_ends.c.snapshot_id == snapshots.c.id).where(*end))


WORK = built(
    pair=PAIR,
    newest_version=single(
        select(func.max(integrations.c.version)).where(integrations.c.name == pairs.c.integration)
    ),
    brake=single(
        select(brakes.c.reason).where(
            brakes.c.integration == pairs.c.integration, brakes.c.what == "everything"
        )
    ),
    connections=sided(_connection),
    baselines=keyed(baselines.c.field, BASELINE, baselines.c.pair_id == pairs.c.id),
    plan=single(select(PLAN).where(plans.c.pair_id == pairs.c.id, plans.c.state == "open")),
    reviews=listed(REVIEW, reviews.c.pair_id == pairs.c.id, reviews.c.state == "open", order=reviews.c.unit),
    stopped=keyed(
        parked_units.c.unit,
        built(cause=parked_units.c.cause, reason=parked_units.c.reason),
        parked_units.c.pair_id == pairs.c.id,
    ),
    alerted=exists().where(alerts.c.pair_id == pairs.c.id, alerts.c.cleared_at.is_(None)),
    overwritten=sided(_overwritten),
    last=sided(_last),
)

# As text, so that the document is parsed once, by pydantic.
LOAD = select(cast(WORK, Text)).where(pairs.c.id == bindparam("pair_id"))


async def load(tx: Tx, pair_id: str) -> PairWork:
    """The pair with everything that a pass looks at.

    Raises:
        KeyError: There is no pair with this id.
    """
    document = await tx.scalar(LOAD, {"pair_id": pair_id})
    if document is None:
        raise KeyError(pair_id)
    return ROW.validate_json(document)
