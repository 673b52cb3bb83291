"""Held matches: unlinked records that wait for a person to say which belong together, or for a create to be taken.

Two holds never share a record: whoever looks last knows best, and its hold takes the place of those before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

from pydantic import TypeAdapter
from sqlalchemy import Text, and_, bindparam, delete, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, insert

from domain.records import RecordRef
from domain.sides import SIDES, Pair
from store.database import Tx
from store.documents import whole
from store.pairs import EndRow
from store.schema import held_matches, match_decisions, pair_ends

HeldKind: TypeAlias = Literal["duplicate_candidate", "refused"]
MatchDecision: TypeAlias = Literal["create", "ignore"]


@dataclass(frozen=True, slots=True)
class HeldMatch:
    """Records that may belong together, or one whose counterpart was refused."""

    id: str
    integration: str
    kind: HeldKind
    found_by: str
    reason: str
    records: Pair[tuple[EndRow, ...]]
    tried: str = ""
    """What was refused: the record's version and the declaration's."""
    opened_at: datetime | None = None

    @property
    def refs(self) -> list[RecordRef]:
        return [end.ref for side in SIDES for end in self.records[side]]

    @property
    def alert(self) -> str:
        """The key of its alert."""
        return alert_key(self.integration, self.id)


def alert_key(integration: str, held_id: str) -> str:
    return f"match/{integration}/{held_id}"


ROW = TypeAdapter(HeldMatch)
RECORDS = TypeAdapter(dict[str, tuple[EndRow, ...]])

_new = insert(held_matches)
HOLD = _new.on_conflict_do_update(
    index_elements=["id"],
    set_={name: _new.excluded[name] for name in ("reason", "tried", "records", "found_by")},
)

_SHARING = and_(
    held_matches.c.integration == bindparam("name"),
    held_matches.c.members.overlap(bindparam("refs", type_=ARRAY(Text))),
)
RELEASE = delete(held_matches).where(_SHARING, held_matches.c.id != bindparam("keep"))
OF_RECORDS = select(whole(held_matches)).where(_SHARING)
REFUSED = (
    select(whole(held_matches))
    .where(
        held_matches.c.kind == "refused",
        or_(bindparam("of", type_=Text).is_(None), held_matches.c.integration == bindparam("of")),
        or_(
            func.coalesce(bindparam("cause", type_=Text), "refused") == "refused",
            func.strpos(func.lower(held_matches.c.reason), func.lower(bindparam("cause"))) > 0,
        ),
    )
    .order_by(held_matches.c.opened_at, held_matches.c.id)
)
ONE_AT_A_TIME = select(func.pg_advisory_xact_lock(func.hashtext(bindparam("lock"))))

_OF_RECORD = (
    match_decisions.c.integration == bindparam("name"),
    match_decisions.c.connection == bindparam("of_connection"),
    match_decisions.c.record_type == bindparam("of_type"),
    match_decisions.c.record_id == bindparam("of_id"),
)
DECISION = select(match_decisions.c.decision, match_decisions.c.by).where(*_OF_RECORD)
FORGET = delete(match_decisions).where(*_OF_RECORD)

_said = insert(match_decisions)
DECIDE = _said.on_conflict_do_update(
    constraint="pk_match_decisions",
    set_={"decision": _said.excluded.decision, "by": _said.excluded.by, "at": func.now()},
)


def _former() -> Any:
    mine, other = pair_ends.alias("mine"), pair_ends.alias("other")
    return (
        select(other.c.connection, other.c.record_type, other.c.record_id.label("id"))
        .select_from(mine.join(other, and_(other.c.pair_id == mine.c.pair_id, other.c.side != mine.c.side)))
        .where(
            ~mine.c.active,
            mine.c.integration == bindparam("name"),
            mine.c.connection == bindparam("of_connection"),
            mine.c.record_type == bindparam("of_type"),
            mine.c.record_id == bindparam("of_id"),
        )
    )


FORMER = _former()


async def hold(tx: Tx, held: HeldMatch) -> bool:
    """Keep it in the place of every other one that shares a record; False if it stands already."""
    await tx.execute(ONE_AT_A_TIME, {"lock": f"held_matches/{held.integration}"})
    known = {one.id for one in await of_records(tx, held.integration, held.refs)}
    await tx.execute(RELEASE, _sharing(held.integration, held.refs) | {"keep": held.id})
    await tx.execute(HOLD, _values(held))
    return held.id not in known


async def of_records(tx: Tx, integration: str, refs: Sequence[RecordRef]) -> list[HeldMatch]:
    """Those that one of these records waits in."""
    return [
        ROW.validate_python(document)
        for document in await tx.scalars(OF_RECORDS, _sharing(integration, refs))
    ]


async def release(tx: Tx, integration: str, refs: Sequence[RecordRef]) -> list[HeldMatch]:
    """End every one that one of these records waits in; those that ended."""
    ended = await of_records(tx, integration, refs)
    if ended:
        await tx.execute(RELEASE, _sharing(integration, refs) | {"keep": ""})
    return ended


async def listing(tx: Tx, integration: str | None = None, *, limit: int = 1000) -> list[HeldMatch]:
    """All that wait, the longest waiting first."""
    query = select(whole(held_matches)).order_by(held_matches.c.opened_at, held_matches.c.id).limit(limit)
    wanted = query if integration is None else query.where(held_matches.c.integration == integration)
    return [ROW.validate_python(document) for document in await tx.scalars(wanted)]


async def refused(tx: Tx, *, integration: str | None = None, cause: str | None = None) -> list[HeldMatch]:
    """All records whose counterpart was refused; `cause` is `refused`, or words that the reason holds, in any case."""
    documents = await tx.scalars(REFUSED, {"of": integration, "cause": cause})
    return [ROW.validate_python(document) for document in documents]


async def decide(tx: Tx, integration: str, ref: RecordRef, decision: MatchDecision, by: str) -> None:
    """Keep what a person said of an unlinked record, until it is linked."""
    values = {
        "integration": integration,
        "connection": ref.connection,
        "record_type": ref.record_type,
        "record_id": ref.id,
        "decision": decision,
        "by": by,
    }
    await tx.execute(DECIDE, values)


async def decision_of(tx: Tx, integration: str, ref: RecordRef) -> tuple[MatchDecision, str] | None:
    """What was said of this record, and by whom."""
    row = (await tx.execute(DECISION, _of_record(integration, ref))).one_or_none()
    return None if row is None else (row.decision, row.by)


async def forget(tx: Tx, integration: str, ref: RecordRef) -> None:
    """What was said of this record holds no longer: it is linked, or somebody wants it matched again."""
    await tx.execute(FORGET, _of_record(integration, ref))


async def former_partners(tx: Tx, integration: str, ref: RecordRef) -> set[RecordRef]:
    """Records that this one was linked with once, by links that have ended."""
    rows = await tx.execute(FORMER, _of_record(integration, ref))
    return {RecordRef(connection=row.connection, record_type=row.record_type, id=row.id) for row in rows}


def _sharing(integration: str, refs: Sequence[RecordRef]) -> dict[str, Any]:
    return {"name": integration, "refs": [str(ref) for ref in refs]}


def _of_record(integration: str, ref: RecordRef) -> dict[str, Any]:
    return {
        "name": integration,
        "of_connection": ref.connection,
        "of_type": ref.record_type,
        "of_id": ref.id,
    }


def _values(held: HeldMatch) -> dict[str, Any]:
    return {
        "id": held.id,
        "integration": held.integration,
        "kind": held.kind,
        "found_by": held.found_by,
        "reason": held.reason,
        "records": RECORDS.dump_python({s.value: held.records[s] for s in SIDES}, mode="json"),
        "members": [str(ref) for ref in held.refs],
        "tried": held.tried,
    }
