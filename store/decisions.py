"""Decisions of people and what became of each. Append only; refusals are on record too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import bindparam, func, insert, select

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

OF_PAIR = (
    select(whole(decisions))
    .where(decisions.c.pair_id == bindparam("pair_id"))
    .order_by(decisions.c.n.desc())
    .limit(bindparam("most"))
)
LAST_NUMBER = select(func.max(decisions.c.n)).where(decisions.c.token == bindparam("token"))


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


async def last_number(tx: Tx, token: str) -> int:
    """The number of the newest decision on this review, to wait for the next one; 0 if there is none."""
    return await tx.scalar(LAST_NUMBER, {"token": token}) or 0


async def of_pair(tx: Tx, pair_id: str, *, limit: int = 100) -> list[DecisionRow]:
    """The newest decisions on this pair's reviews, oldest first."""
    documents = await tx.scalars(OF_PAIR, {"pair_id": pair_id, "most": limit})
    return [ROW.validate_python(document) for document in documents][::-1]
