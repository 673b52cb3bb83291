"""Write plans and their steps: durable before the first request, claimed by one attempt at a time (semantics §4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

from psycopg.errors import UniqueViolation
from pydantic import JsonValue, TypeAdapter
from sqlalchemy import Integer, Interval, Text, and_, bindparam, func, insert, or_, select, true, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError

from domain.outcome import WritePlan
from domain.sides import Pair, Side
from store.database import Tx
from store.documents import Document, built, given, listed, whole
from store.errors import Fenced, PlanOpen
from store.schema import plan_steps, plans

StepState: TypeAlias = Literal["pending", "claimed", "done", "skipped", "refused", "overtaken"]
PlanEnd: TypeAlias = Literal["done", "overtaken", "refused", "partial"]

ABANDONED_AFTER = timedelta(seconds=60)
"""A claim this old belongs to a dead attempt: a step is one request, and its time-out is shorter."""


@dataclass(frozen=True, slots=True)
class NewStep:
    """One request to make."""

    side: Side
    fields: dict[str, JsonValue]
    """Native name → value to write."""
    expect: dict[str, JsonValue]
    """Native name → the value it was decided on."""


@dataclass(frozen=True, slots=True)
class StepRow:
    """One request and what became of it."""

    id: int
    n: int
    side: Side
    fields: dict[str, JsonValue]
    expect: dict[str, JsonValue]
    state: StepState
    holder: str | None
    claimed_at: datetime | None
    response: dict[str, JsonValue] | None
    """What the write's own response showed."""


@dataclass(frozen=True, slots=True)
class OpenPlan:
    """The pair's one open plan."""

    id: int
    version: int
    """Of the declaration that it was made by."""
    snapshots: Pair[int]
    """Ids of the snapshots that it was decided on."""
    plan: WritePlan
    steps: list[StepRow]
    """In the order in which they are sent."""
    created_at: datetime


ROW = TypeAdapter(OpenPlan)


def _document(plan: Any, steps: Document) -> Document:
    return built(
        id=plan.c.id,
        version=plan.c.version,
        snapshots=built(a=plan.c.snapshot_a, b=plan.c.snapshot_b),
        plan=plan.c.body,
        created_at=plan.c.created_at,
        steps=steps,
    )


PLAN = _document(plans, listed(whole(plan_steps), plan_steps.c.plan_id == plans.c.id, order=plan_steps.c.n))


def _create() -> Any:
    names = ("pair_id", "version", "snapshot_a", "snapshot_b", "body")
    plan = insert(plans).values({name: bindparam(name) for name in names}).returning(plans).cte("plan")
    new = given("steps", n=Integer, side=Text, fields=JSONB, expect=JSONB)
    step = (
        insert(plan_steps)
        .from_select(
            ["plan_id", "n", "side", "fields", "expect"],
            select(plan.c.id, new.c.n, new.c.side, new.c.fields, new.c.expect).select_from(
                plan.join(new, true())
            ),
        )
        .returning(plan_steps)
        .cte("step")
    )
    return select(_document(plan, listed(func.to_jsonb(step.table_valued()), order=step.c.n)))


CREATE = _create()

ATTEMPT = bindparam("attempt", type_=Text)

CLAIM = (
    update(plan_steps)
    .where(
        plan_steps.c.id == bindparam("step_id"),
        or_(
            plan_steps.c.state == "pending",
            and_(
                plan_steps.c.state == "claimed",
                or_(
                    plan_steps.c.holder == ATTEMPT,
                    plan_steps.c.claimed_at < func.now() - bindparam("abandoned_after", type_=Interval),
                ),
            ),
        ),
    )
    .values(state="claimed", holder=ATTEMPT, claimed_at=func.now())
    .returning(plan_steps.c.id)
)

RELEASE = (
    update(plan_steps)
    .where(
        plan_steps.c.id == bindparam("step_id"),
        plan_steps.c.state == "claimed",
        plan_steps.c.holder == ATTEMPT,
    )
    .values(claimed_at=func.to_timestamp(0))
)

FINISH = (
    update(plan_steps)
    .where(
        plan_steps.c.id == bindparam("step_id"),
        plan_steps.c.state == "claimed",
        plan_steps.c.holder == ATTEMPT,
    )
    .values(state=bindparam("end"), response=bindparam("answer"), finished_at=func.now())
    .returning(plan_steps.c.id)
)


def _close() -> Any:
    left = (
        update(plan_steps)
        .where(plan_steps.c.plan_id == bindparam("plan"), plan_steps.c.state.in_(["pending", "claimed"]))
        .values(state="overtaken", finished_at=func.now())
        .cte("left_over")
    )
    return (
        update(plans)
        .add_cte(left)
        .where(plans.c.id == bindparam("plan"), plans.c.state == "open")
        .values(state=bindparam("end"), closed_at=func.now())
    )


CLOSE = _close()


async def create(  # noqa: PLR0917 - the parts of one row, in the order of its columns
    tx: Tx, pair_id: str, version: int, snapshot_ids: Pair[int], steps: Sequence[NewStep], plan: WritePlan
) -> OpenPlan:
    """Keep the plan and its steps; they are durable once the transaction has committed.

    Raises:
        PlanOpen: The pair has one already; the transaction is lost.
    """
    values = {
        "pair_id": pair_id,
        "version": version,
        "snapshot_a": snapshot_ids.a,
        "snapshot_b": snapshot_ids.b,
        "body": plan.model_dump(mode="json"),
        "steps": [{"n": n, **asdict(step)} for n, step in enumerate(steps, 1)],
    }
    try:
        return ROW.validate_python(await tx.scalar(CREATE, values))
    except IntegrityError as error:
        if not isinstance(error.orig, UniqueViolation):
            raise
        raise PlanOpen(f"pair {pair_id} has an open plan; finish or overtake it first") from error


async def claim(tx: Tx, step_id: int, holder: str, *, abandoned_after: timedelta = ABANDONED_AFTER) -> bool:
    """Whether this attempt may send the step now: nobody else holds it, or only a dead attempt does.

    Commit before sending. Claiming again by the same holder renews the claim.
    """
    values = {"step_id": step_id, "attempt": holder, "abandoned_after": abandoned_after}
    return await tx.scalar(CLAIM, values) is not None


async def release(tx: Tx, step_id: int, holder: str) -> None:
    """Let go of a step whose request failed: its claim counts as a dead attempt's, so the next one may try at once.

    It stays claimed: whoever takes it over must first look whether the request arrived after all.
    """
    await tx.execute(RELEASE, {"step_id": step_id, "attempt": holder})


async def finish_step(
    tx: Tx,
    step_id: int,
    holder: str,
    response: dict[str, JsonValue] | None,
    state: Literal["done", "skipped", "refused", "overtaken"],
) -> None:
    """Keep what became of a claimed step.

    Raises:
        Fenced: Another attempt holds the step by now, or the plan was overtaken: commit nothing.
    """
    values = {"step_id": step_id, "attempt": holder, "answer": response, "end": state}
    if await tx.scalar(FINISH, values) is None:
        raise Fenced(f"step {step_id} is not held by {holder}", step_id=step_id, holder=holder)


async def close(tx: Tx, plan_id: int, state: PlanEnd) -> None:
    """End the plan. Steps not finished are overtaken, so that a late attempt at them is refused."""
    await tx.execute(CLOSE, {"plan": plan_id, "end": state})
