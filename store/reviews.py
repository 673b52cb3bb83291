"""Reviews: conflicts that wait for a person. The token is the conflict id, so a decision can't be stale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, TypeAlias

from pydantic import TypeAdapter
from sqlalchemy import DateTime, Select, Text, bindparam, func, or_, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert

from domain.outcome import ReviewRequest
from store.database import Tx
from store.documents import given, whole
from store.pairs import lock
from store.schema import pairs, reviews

ReviewState: TypeAlias = Literal["open", "decided", "closed", "withdrawn"]


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """One review. Deadlines count from `opened_at`: the unit's first opening, kept while the conflict moves on."""

    token: str
    pair_id: str
    unit: str
    state: ReviewState
    opened_at: datetime
    request: ReviewRequest
    reminded_at: datetime | None = None
    escalated_at: datetime | None = None
    closed_at: datetime | None = None
    closed_because: str = ""
    moved_to: str | None = None
    """The token of the review that took this one's place."""
    decided_by: str | None = None


@dataclass(frozen=True, slots=True)
class ReviewChanges:
    """What a pass did to a pair's reviews, for those who are to be told."""

    opened: list[ReviewRow]
    reopened: list[ReviewRow]
    """The conflict returned to an id that had a review before."""
    moved: list[ReviewRow]
    """The unit's conflict moved on to a new token: same review, new question."""
    closed: list[ReviewRow]
    """As they were when open."""
    open: list[ReviewRow]
    """All that are open now."""


ROW = TypeAdapter(ReviewRow)
REVIEW = whole(reviews)

GET = select(REVIEW).where(reviews.c.token == bindparam("token"))

KNOWN = select(REVIEW).where(
    reviews.c.pair_id == bindparam("pair_id"),
    or_(reviews.c.state == "open", reviews.c.token == func.any(bindparam("tokens"))),
)


def _close() -> Any:
    end = given("ends", token=Text, because=Text, moved_to=Text)
    return (
        update(reviews)
        .where(reviews.c.token == end.c.token)
        .values(
            state="closed", closed_at=bindparam("now"), closed_because=end.c.because, moved_to=end.c.moved_to
        )
    )


CLOSE = _close()


def _open() -> Any:
    row = given(
        "rows",
        token=Text,
        unit=Text,
        opened_at=DateTime(timezone=True),
        request=JSONB,
        reminded_at=DateTime(timezone=True),
        escalated_at=DateTime(timezone=True),
    )
    names = ["token", "unit", "opened_at", "request", "reminded_at", "escalated_at"]
    values = select(bindparam("pair", type_=Text), *(row.c[name] for name in names))
    insertion = insert(reviews).from_select(["pair_id", *names], values)
    fresh = {name: insertion.excluded[name] for name in names[2:]}
    reopened = {
        "state": "open",
        "closed_at": None,
        "closed_because": "",
        "moved_to": None,
        "decided_by": None,
    }
    return insertion.on_conflict_do_update(index_elements=["token"], set_={**fresh, **reopened})


OPEN = _open()

SETTLE = (
    update(reviews)
    .where(reviews.c.token == bindparam("review"), reviews.c.state == "open")
    .values(state="decided", decided_by=bindparam("person"), closed_because="decided", closed_at=func.now())
    .returning(reviews.c.token)
)

WITHDRAW = (
    update(reviews)
    .where(reviews.c.pair_id == bindparam("pair"), reviews.c.state == "open")
    .values(state="withdrawn", closed_because=bindparam("reason"), closed_at=func.now())
    .returning(reviews.c.token)
)


def _mark(column: str) -> Any:
    return update(reviews).where(reviews.c.token == bindparam("review")).values({column: bindparam("now")})


MARK = {"reminded": _mark("reminded_at"), "escalated": _mark("escalated_at")}


async def sync(tx: Tx, pair_id: str, requests: Sequence[ReviewRequest], now: datetime) -> ReviewChanges:
    """Make exactly these reviews the pair's open ones. Settle a decided one before, or it closes as settled by itself.

    Needless where a pass asks for none and `PairWork.reviews` is empty.
    """
    await lock(tx, pair_id)
    known = await _known(tx, pair_id, requests)
    open_before = {row.unit: row for row in known.values() if row.state == "open"}
    wanted = [_wanted(pair_id, request, open_before, now) for request in requests]
    ended = [row for row in open_before.values() if row.token not in {review.token for review in wanted}]
    await _write(tx, pair_id, wanted, ended, now)
    return _changes(known, open_before, wanted, ended)


async def get(tx: Tx, token: str) -> ReviewRow | None:
    """The review with this token, in whatever state; None if there never was one."""
    document = await tx.scalar(GET, {"token": token})
    return None if document is None else ROW.validate_python(document)


async def open_reviews(
    tx: Tx, *, integration: str | None = None, pair_id: str | None = None, limit: int = 100
) -> list[ReviewRow]:
    """Open reviews, the longest waiting first."""
    wanted = [
        reviews.c.state == "open",
        *([pairs.c.integration == integration] if integration else []),
        *([reviews.c.pair_id == pair_id] if pair_id else []),
    ]
    of_pair = select(REVIEW).join(pairs, pairs.c.id == reviews.c.pair_id).where(*wanted)
    return await _all(tx, of_pair.order_by(reviews.c.opened_at, reviews.c.token).limit(limit))


async def settle(tx: Tx, token: str, by: str) -> bool:
    """Close the review as decided by this person; False if it isn't open any more."""
    return await tx.scalar(SETTLE, {"review": token, "person": by}) is not None


async def withdraw(tx: Tx, pair_id: str, reason: str) -> list[str]:
    """Take back all open reviews of the pair: its record is gone, or its link has ended. Their tokens."""
    return list(await tx.scalars(WITHDRAW, {"pair": pair_id, "reason": reason}))


async def mark(tx: Tx, token: str, what: Literal["reminded", "escalated"], at: datetime) -> None:
    """Note that the reviewer was reminded, or that the review went on to the next person."""
    await tx.execute(MARK[what], {"review": token, "now": at})


async def _known(tx: Tx, pair_id: str, requests: Sequence[ReviewRequest]) -> dict[str, ReviewRow]:
    tokens = [request.conflict_id for request in requests]
    return {row.token: row for row in await _all(tx, KNOWN, pair_id=pair_id, tokens=tokens)}


def _wanted(
    pair_id: str,
    request: ReviewRequest,
    open_before: dict[str, ReviewRow],
    now: datetime,
) -> ReviewRow:
    """The review as it must stand: the unit's open one goes on with the new question, else one begins now."""
    before = open_before.get(request.unit)
    if before is None:
        return ReviewRow(request.conflict_id, pair_id, request.unit, "open", now, request)
    return replace(before, token=request.conflict_id, request=request)


async def _write(
    tx: Tx, pair_id: str, wanted: list[ReviewRow], ended: list[ReviewRow], now: datetime
) -> None:
    # First the ends: a unit has one open review at most.
    successors = {review.unit: review.token for review in wanted}
    if ended:
        ends = [_given_end(row, successors.get(row.unit)) for row in ended]
        await tx.execute(CLOSE, {"ends": ends, "now": now})
    if wanted:
        rows = ROWS.dump_python(wanted, mode="json")
        await tx.execute(OPEN, {"pair": pair_id, "rows": rows})


ROWS = TypeAdapter(list[ReviewRow])


def _given_end(row: ReviewRow, successor: str | None) -> dict[str, str | None]:
    because = "moved on" if successor else "settled without a decision"
    return {"token": row.token, "because": because, "moved_to": successor}


def _changes(
    known: dict[str, ReviewRow],
    open_before: dict[str, ReviewRow],
    wanted: list[ReviewRow],
    ended: list[ReviewRow],
) -> ReviewChanges:
    kept = {row.token for row in open_before.values()}
    begun = [review for review in wanted if review.unit not in open_before]
    return ReviewChanges(
        opened=[review for review in begun if review.token not in known],
        reopened=[review for review in begun if review.token in known],
        moved=[review for review in wanted if review.unit in open_before and review.token not in kept],
        closed=[row for row in ended if row.unit not in {review.unit for review in wanted}],
        open=wanted,
    )


async def _all(tx: Tx, query: Select[Any], **values: Any) -> list[ReviewRow]:
    return [ROW.validate_python(document) for document in await tx.scalars(query, values)]
