"""How often things happened lately, by integration and unit: counts of lines of the conflict log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Interval, and_, bindparam, func, select

from domain.outcome import LogKind, LogStage, Winner
from store.database import Tx
from store.documents import built
from store.schema import conflicts


@dataclass(frozen=True, slots=True)
class RateRow:
    """What was logged of one unit within a window that ends now."""

    integration: str
    unit: str
    conflicts: int
    """Contests that arose, each once, however it went on."""
    reviews: int
    """Questions to a person."""
    unmapped: int
    """Values held for want of a counterpart."""
    stood_a: int
    """Conflicts that ended with side A's value."""
    stood_b: int


ROWS = TypeAdapter(list[RateRow])

_CONTESTS = conflicts.c.kind.in_([LogKind.CONFLICT, LogKind.RACE])
_OPENED = conflicts.c.stage == LogStage.OPENED


def _number(*where: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count(conflicts.c.conflict_id.distinct()).filter(and_(*where))


WITHIN = (
    select(
        built(
            integration=conflicts.c.integration,
            unit=conflicts.c.unit,
            conflicts=_number(_CONTESTS, conflicts.c.n == 1),
            reviews=_number(_OPENED, conflicts.c.kind != LogKind.UNMAPPED),
            unmapped=_number(_OPENED, conflicts.c.kind == LogKind.UNMAPPED),
            stood_a=_number(_CONTESTS, conflicts.c.winner == Winner.A),
            stood_b=_number(_CONTESTS, conflicts.c.winner == Winner.B),
        )
    )
    .where(
        conflicts.c.integration == bindparam("integration"),
        conflicts.c.at >= func.now() - bindparam("window", type_=Interval),
    )
    .group_by(conflicts.c.integration, conflicts.c.unit)
    .order_by(conflicts.c.unit)
)


async def within(tx: Tx, integration: str, window: timedelta) -> list[RateRow]:
    """Every unit of the integration of which something was logged within this time, by name."""
    found = await tx.scalars(WITHIN, {"integration": integration, "window": window})
    return ROWS.validate_python(list(found))
