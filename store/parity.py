"""Whether both sides agree: per pair since when, or why not; per integration, how many do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import ARRAY, Text, bindparam, func, literal, select, true

from store.database import Tx
from store.documents import built, keyed, listed
from store.pairs import PAIR, PairRow
from store.schema import pairs, parked_units, reviews

IN_STEP = literal(["in_sync"], ARRAY(Text))


@dataclass(frozen=True, slots=True)
class ShareRow:
    """One integration's active pairs."""

    integration: str
    pairs: int
    in_step: int
    oldest: datetime | None
    """Since when the pair that differs longest does; None if none differs."""
    states: dict[str, int]
    """How many pairs are in each state that isn't in step; one with several counts in each."""


@dataclass(frozen=True, slots=True)
class StandingRow:
    """One pair: in step, or what of it isn't."""

    pair: PairRow
    contested: list[str]
    """Units that wait for a person."""
    parked: dict[str, str]
    """Unit → why it is stopped."""

    @property
    def is_in_step(self) -> bool:
        return self.pair.state == ["in_sync"]


_ACTIVE = pairs.c.link == "active"
SHARES = (
    select(
        pairs.c.integration,
        func.count().label("pairs"),
        func.count().filter(pairs.c.state == IN_STEP).label("in_step"),
        func.min(pairs.c.state_since).filter(pairs.c.state != IN_STEP).label("oldest"),
    )
    .where(_ACTIVE)
    .group_by(pairs.c.integration)
    .order_by(pairs.c.integration)
)

_each = func.unnest(pairs.c.state).table_valued("state").render_derived().lateral("each_state")
STATES = (
    select(pairs.c.integration, _each.c.state, func.count())
    .select_from(pairs.join(_each, true()))
    .where(_ACTIVE, pairs.c.state != IN_STEP)
    .group_by(pairs.c.integration, _each.c.state)
)

STANDING = built(
    pair=PAIR,
    contested=listed(
        reviews.c.unit, reviews.c.pair_id == pairs.c.id, reviews.c.state == "open", order=reviews.c.unit
    ),
    parked=keyed(parked_units.c.unit, parked_units.c.reason, parked_units.c.pair_id == pairs.c.id),
)
OF_PAIR = select(STANDING).where(pairs.c.id == bindparam("pair"))
DIFFERING = (
    select(STANDING)
    .where(_ACTIVE, pairs.c.integration == bindparam("name"), pairs.c.state != IN_STEP)
    .order_by(pairs.c.state_since, pairs.c.id)
    .limit(bindparam("most"))
)

ROW = TypeAdapter(StandingRow)


async def shares(tx: Tx) -> list[ShareRow]:
    """Every integration that has active pairs."""
    states: dict[str, dict[str, int]] = {}
    for integration, state, number in await tx.execute(STATES):
        states.setdefault(integration, {})[state] = number
    return [
        ShareRow(row.integration, row.pairs, row.in_step, row.oldest, states.get(row.integration, {}))
        for row in await tx.execute(SHARES)
    ]


async def of_pair(tx: Tx, pair_id: str) -> StandingRow:
    """One pair.

    Raises:
        KeyError: There is no pair with this id.
    """
    document = await tx.scalar(OF_PAIR, {"pair": pair_id})
    if document is None:
        raise KeyError(pair_id)
    return ROW.validate_python(document)


async def differing(tx: Tx, integration: str, limit: int) -> list[StandingRow]:
    """Active pairs of an integration that aren't in step; those that differ longest come first."""
    found = await tx.scalars(DIFFERING, {"name": integration, "most": limit})
    return [ROW.validate_python(document) for document in found]
