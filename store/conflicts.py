"""The conflict log: every conflict and what was done, append only, each line said once (semantics §4.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import DateTime, Select, bindparam, func, insert, literal_column, select
from sqlalchemy.dialects.postgresql import distinct_on

from domain.outcome import LogLine
from store.database import Tx
from store.documents import whole
from store.pairs import lock
from store.schema import conflicts


@dataclass(frozen=True, slots=True)
class ConflictRow:
    """One line as kept. `n` counts the lines of its conflict id; the last one is what was done."""

    id: int
    n: int
    pair_id: str
    integration: str
    version: int
    """Of the declaration that it was decided by."""
    at: datetime
    line: LogLine


ROW = TypeAdapter(ConflictRow)
CONFLICT = whole(conflicts)

LAST = (
    select(conflicts.c.conflict_id, conflicts.c.n, conflicts.c.line)
    .ext(distinct_on(conflicts.c.conflict_id))
    .where(conflicts.c.conflict_id == func.any(bindparam("ids")))
    .order_by(conflicts.c.conflict_id, conflicts.c.n.desc())
)

DURABLE = select(
    conflicts.c.id,
    func.pg_xact_commit_timestamp(literal_column("xmin"), type_=DateTime(timezone=True)).label("at"),
).where(conflicts.c.pair_id == bindparam("pair_id"))
APPEND = insert(conflicts).returning(conflicts.c.id, sort_by_parameter_order=True)

OF_PAIR = (
    select(CONFLICT)
    .where(conflicts.c.pair_id == bindparam("pair_id"), conflicts.c.id > bindparam("after"))
    .order_by(conflicts.c.id.desc())
    .limit(bindparam("most"))
)


async def append(tx: Tx, pair_id: str, integration: str, version: int, lines: Sequence[LogLine]) -> list[int]:
    """Append the lines that say something new about their conflict; the numbers of those kept.

    Holds the pair's row to the end of the transaction, so that two passes at once say a thing once.
    """
    if not lines:
        return []
    await lock(tx, pair_id)
    new = _numbered(lines, await _last_lines(tx, lines))
    fixed = {"pair_id": pair_id, "integration": integration, "version": version}
    rows = [{**fixed, "n": n, **_columns(line)} for n, line in new]
    if not rows:
        return []
    return list(await tx.scalars(APPEND, rows))


async def of_pair(tx: Tx, pair_id: str, *, after: int = 0, limit: int = 100) -> list[ConflictRow]:
    """The pair's newest lines behind the line with the id `after`, oldest first."""
    return (await _all(tx, OF_PAIR, pair_id=pair_id, after=after, most=limit))[::-1]


async def durable_since(tx: Tx, pair_id: str) -> dict[int, datetime]:
    """Line → when it was committed, as PostgreSQL knows with `track_commit_timestamp`; for who records histories."""
    return {row.id: row.at for row in await tx.execute(DURABLE, {"pair_id": pair_id})}


async def search(
    tx: Tx,
    *,
    integration: str | None = None,
    unit: str | None = None,
    since: datetime | None = None,
    limit: int = 100,
) -> list[ConflictRow]:
    """The newest lines that match, newest first."""
    wanted = [
        *([conflicts.c.integration == integration] if integration else []),
        *([conflicts.c.unit == unit] if unit else []),
        *([conflicts.c.at >= since] if since else []),
    ]
    return await _all(tx, select(CONFLICT).where(*wanted).order_by(conflicts.c.id.desc()).limit(limit))


async def _last_lines(tx: Tx, lines: Sequence[LogLine]) -> dict[str, tuple[int, LogLine]]:
    found = await tx.execute(LAST, {"ids": [line.conflict_id for line in lines]})
    return {row.conflict_id: (row.n, LogLine.model_validate(row.line)) for row in found}


def _numbered(lines: Sequence[LogLine], last: dict[str, tuple[int, LogLine]]) -> list[tuple[int, LogLine]]:
    new = []
    for line in lines:
        n, before = last.get(line.conflict_id, (0, None))
        if before is None or before.says != line.says:
            last[line.conflict_id] = (n + 1, line)
            new.append((n + 1, line))
    return new


def _columns(line: LogLine) -> dict[str, Any]:
    names = ("conflict_id", "unit", "kind", "stage", "policy", "rule", "winner", "by")
    body = line.model_dump(mode="json")
    return {**{name: body[name] for name in names}, "line": body}


async def _all(tx: Tx, query: Select[Any], **values: Any) -> list[ConflictRow]:
    return [ROW.validate_python(document) for document in await tx.scalars(query, values)]
