"""The audit trail: what people and operators did to Accord itself. Append only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import JsonValue, TypeAdapter
from sqlalchemy import bindparam, insert, select

from store.database import Tx
from store.documents import whole
from store.schema import audit


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One act."""

    id: int
    at: datetime
    who: str
    what: str
    pair_id: str | None
    detail: dict[str, JsonValue]


ROW = TypeAdapter(AuditRow)

APPEND = insert(audit)

OF_PAIR = (
    select(whole(audit))
    .where(audit.c.pair_id == bindparam("pair_id"))
    .order_by(audit.c.id.desc())
    .limit(bindparam("most"))
)


OF_INTEGRATION = (
    select(whole(audit))
    .where(audit.c.what == bindparam("act"), audit.c.detail["integration"].astext == bindparam("name"))
    .order_by(audit.c.id)
)


async def append(tx: Tx, who: str, what: str, *, pair_id: str | None = None, **detail: Any) -> None:
    """Keep an act, for example `append(tx, "ines", "pause", pair_id=…, reason="maintenance")`. No secrets."""
    await tx.execute(APPEND, {"who": who, "what": what, "pair_id": pair_id, "detail": detail})


async def of_pair(tx: Tx, pair_id: str, *, limit: int = 100) -> list[AuditRow]:
    """The newest acts on this pair, oldest first."""
    documents = await tx.scalars(OF_PAIR, {"pair_id": pair_id, "most": limit})
    return [ROW.validate_python(document) for document in documents][::-1]


async def of_integration(tx: Tx, integration: str, what: str) -> list[AuditRow]:
    """All acts of one kind on an integration as a whole, oldest first."""
    documents = await tx.scalars(OF_INTEGRATION, {"act": what, "name": integration})
    return [ROW.validate_python(document) for document in documents]
