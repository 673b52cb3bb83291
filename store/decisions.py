"""Decisions of people and what became of each. Append only; refusals are on record too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import bindparam, insert, select

from domain.outcome import Decision, DecisionVerdict
from store.database import Tx
from store.documents import whole
from store.schema import decisions


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """One decision with its verdict. `n` rises with every decision."""

    n: int
    pair_id: str
    token: str
    decision: Decision
    verdict: DecisionVerdict
    at: datetime


ROW = TypeAdapter(DecisionRow)

RECORD = insert(decisions).returning(decisions.c.n)

OF_TOKEN = (
    select(whole(decisions))
    .where(decisions.c.token == bindparam("token"), decisions.c.n > bindparam("after"))
    .order_by(decisions.c.n)
    .limit(1)
)


async def record(tx: Tx, pair_id: str, decision: Decision, verdict: DecisionVerdict) -> int:
    """Keep a decision and its verdict; the number it is kept under."""
    values = {
        "pair_id": pair_id,
        "token": decision.token,
        "unit": verdict.unit,
        "accepted": verdict.accepted,
        "decision": decision.model_dump(mode="json"),
        "verdict": verdict.model_dump(mode="json"),
    }
    number: int = await tx.scalar(RECORD, values)
    return number


async def verdict_of(tx: Tx, token: str, *, after: int = 0) -> DecisionRow | None:
    """The first decision on this review that was recorded after number `after`; None while there is none."""
    document = await tx.scalar(OF_TOKEN, {"token": token, "after": after})
    return None if document is None else ROW.validate_python(document)
