"""What was written to the systems on a pair's behalf, for those who look at it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue, TypeAdapter
from sqlalchemy import bindparam, select

from domain.sides import Side
from store.database import Tx
from store.documents import built
from store.plans import StepState
from store.schema import plan_steps, plans


@dataclass(frozen=True, slots=True)
class WriteRow:
    """One request that was made, or was found needless."""

    plan_id: int
    side: Side
    fields: dict[str, JsonValue]
    """Native name → value sent."""
    expect: dict[str, JsonValue]
    """Native name → the value that stood there."""
    state: StepState
    at: datetime


ROW = TypeAdapter(WriteRow)

OF_PAIR = (
    select(
        built(
            plan_id=plan_steps.c.plan_id,
            side=plan_steps.c.side,
            fields=plan_steps.c.fields,
            expect=plan_steps.c.expect,
            state=plan_steps.c.state,
            at=plan_steps.c.finished_at,
        )
    )
    .join(plans, plans.c.id == plan_steps.c.plan_id)
    .where(plans.c.pair_id == bindparam("pair_id"), plan_steps.c.finished_at.is_not(None))
    .order_by(plan_steps.c.finished_at.desc(), plan_steps.c.id.desc())
    .limit(bindparam("most"))
)


async def of_pair(tx: Tx, pair_id: str, *, limit: int = 100) -> list[WriteRow]:
    """The newest finished steps of the pair's plans, oldest first."""
    documents = await tx.scalars(OF_PAIR, {"pair_id": pair_id, "most": limit})
    return [ROW.validate_python(document) for document in documents][::-1]
