"""Connections: are they well, how does their clock run, are they paused, how many requests may still be made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

from pydantic import TypeAdapter
from sqlalchemy import Double, bindparam, case, cast, func, null, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.records import Clock
from store.database import Tx
from store.documents import whole
from store.schema import connections

Health: TypeAlias = Literal["ok", "unreachable", "refused", "limited"]
"""refused: the credentials are; limited: the system asks for a pause, again and again."""

MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    """What all processes share of one connection."""

    name: str
    health: Health
    reason: str
    since: datetime
    """Of this health."""
    clock_offset_ms: float | None
    """System time minus true time; None until measured."""
    clock_uncertainty_ms: float | None
    clock_measured_at: datetime | None
    until: datetime | None = None
    """The end of the pause that the system asked for."""
    budget: float | None = None
    """Requests left when last leased; None if none was ever leased."""
    budget_at: datetime | None = None
    paused_at: datetime | None = None
    """Since when an operator keeps it closed, whatever its health; None if nobody does."""
    paused_by: str | None = None
    paused_for: str | None = None
    """The reason that they gave; may be empty."""

    @property
    def is_paused(self) -> bool:
        """Whether an operator keeps it closed."""
        return self.paused_at is not None

    @property
    def is_open(self) -> bool:
        """Whether requests may be made."""
        return self.health == "ok" and not self.is_paused

    @property
    def story(self) -> str:
        """`doesn't answer since 11:20 UTC: …`, to be said of a closed connection."""
        if self.paused_at is not None:
            why = f": {self.paused_for}" if self.paused_for else ""
            return f"is paused by {self.paused_by} since {self.paused_at:%Y-%m-%d %H:%M} UTC{why}"
        return f"{SAID[self.health]} since {self.since:%Y-%m-%d %H:%M} UTC: {self.reason}"

    def clock(self, granularity: timedelta) -> Clock | None:
        """The measured clock, for stamps of this granularity; None if it was never measured."""
        if self.clock_offset_ms is None or self.clock_uncertainty_ms is None:
            return None
        return Clock(
            offset=self.clock_offset_ms * MILLISECOND,
            uncertainty=self.clock_uncertainty_ms * MILLISECOND,
            granularity=granularity,
        )


SAID: dict[Health, str] = {
    "ok": "works",
    "unreachable": "doesn't answer",
    "refused": "refuses our credentials",
    "limited": "asks for fewer requests",
}

ROW = TypeAdapter(ConnectionRow)
CONNECTION = whole(connections)

ALL = select(CONNECTION).order_by(connections.c.name)
IS_CLOSED = or_(connections.c.health != "ok", connections.c.paused_at.is_not(None))
CLOSED = select(CONNECTION).where(IS_CLOSED).order_by(connections.c.name)
GET = select(CONNECTION).where(connections.c.name == bindparam("name"))

_row = insert(connections)
_new = _row.excluded

HEALTH = _row.on_conflict_do_update(
    constraint="pk_connections",
    set_={
        "health": _new.health,
        "reason": _new.reason,
        "until": _new.until,
        "since": case((connections.c.health == _new.health, connections.c.since), else_=func.now()),
    },
)

# The lock first, so that of many who say it at once only one is told that it is new.
WAS_OPEN = (
    select(connections.c.health == "ok").where(connections.c.name == bindparam("name")).with_for_update()
)
KNOW = _row.on_conflict_do_nothing()

CLOCK = _row.on_conflict_do_update(
    constraint="pk_connections",
    set_={name: _new[name] for name in ("clock_offset_ms", "clock_uncertainty_ms", "clock_measured_at")},
)

# Who paused it first stays: a second word changes nothing.
PAUSE = (
    update(connections)
    .where(connections.c.name == bindparam("connection"), connections.c.paused_at.is_(None))
    .values(paused_at=func.now(), paused_by=bindparam("who"), paused_for=bindparam("why"))
    .returning(connections.c.name)
)
RESUME = (
    update(connections)
    .where(connections.c.name == bindparam("connection"), connections.c.paused_at.is_not(None))
    .values(paused_at=null(), paused_by=null(), paused_for=null())
    .returning(connections.c.name)
)


def _lease() -> Any:
    """A token bucket in one statement: it fills by `rate` up to `burst`, and gives whole requests above the reserve."""
    names = ("rate", "burst", "wanted", "reserve")
    rate, burst, wanted, reserve = (bindparam(name, type_=Double) for name in names)
    elapsed = func.extract("epoch", func.now() - connections.c.budget_at)
    filled = func.least(burst, connections.c.budget + func.greatest(cast(elapsed, Double), 0) * rate)
    bucket = (
        select(connections.c.name, func.coalesce(filled, burst).label("full"))
        .where(connections.c.name == bindparam("connection"))
        .with_for_update()
        .cte("bucket")
    )
    granted = func.least(wanted, func.greatest(func.floor(bucket.c.full - reserve), 0))
    return (
        update(connections)
        .where(connections.c.name == bucket.c.name)
        .values(budget=bucket.c.full - granted, budget_at=func.now())
        .returning(granted)
    )


LEASE = _lease()


async def get_all(tx: Tx) -> list[ConnectionRow]:
    """Every connection that was ever used, by name."""
    return [ROW.validate_python(document) for document in await tx.scalars(ALL)]


async def get(tx: Tx, name: str) -> ConnectionRow | None:
    """What is known of the connection; None if it was never used."""
    document = await tx.scalar(GET, {"name": name})
    return None if document is None else ROW.validate_python(document)


async def closed(tx: Tx) -> list[ConnectionRow]:
    """Connections that aren't well, or that an operator paused; by name."""
    return [ROW.validate_python(document) for document in await tx.scalars(CLOSED)]


async def set_health(
    tx: Tx, name: str, health: Health, reason: str = "", *, until: datetime | None = None
) -> bool:
    """Note how the connection is; `since` moves only when that changes. Whether it was well before."""
    await know(tx, name)
    was_open = bool(await tx.scalar(WAS_OPEN, {"name": name}))
    await tx.execute(HEALTH, {"name": name, "health": health, "reason": reason, "until": until})
    return was_open


async def know(tx: Tx, name: str) -> None:
    """Have a row for it: only then it has a budget."""
    await tx.execute(KNOW, {"name": name})


async def set_clock(
    tx: Tx, name: str, offset: timedelta, uncertainty: timedelta, measured_at: datetime
) -> None:
    """Keep a measurement of the system's clock: its time minus true time, and how far off that may be."""
    values = {
        "name": name,
        "clock_offset_ms": offset / MILLISECOND,
        "clock_uncertainty_ms": uncertainty / MILLISECOND,
        "clock_measured_at": measured_at,
    }
    await tx.execute(CLOCK, values)


async def pause(tx: Tx, name: str, by: str, reason: str = "") -> bool:
    """Stop all requests on this connection, whatever its health; False if it was paused already."""
    await know(tx, name)
    return await tx.scalar(PAUSE, {"connection": name, "who": by, "why": reason}) is not None


async def resume(tx: Tx, name: str) -> bool:
    """Let requests go again, if it is well; False if it wasn't paused."""
    return await tx.scalar(RESUME, {"connection": name}) is not None


async def lease(tx: Tx, name: str, *, wanted: int, rate: float, burst: float, reserve: float = 0) -> int:
    """Lease requests from the budget that all processes share; how many were granted, maybe none.

    The budget grows by `rate` requests per second up to `burst`; `reserve` of it are left to others. A connection
    without a row (`know` makes one) has no budget.
    """
    values = {"connection": name, "wanted": wanted, "rate": rate, "burst": burst, "reserve": reserve}
    return int(await tx.scalar(LEASE, values) or 0)
