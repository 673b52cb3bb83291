"""The JSON API: pairs, conflicts, reviews, decisions, alerts. Pairs are named by a ticket's key or by their id."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from domain.backfilling import OnDifferences
from domain.sides import Pair
from gateway.admission import admit
from gateway.answers import (
    AlertShown,
    BackfillShown,
    ConflictShown,
    ConnectionShown,
    DecisionAnswer,
    HeldShown,
    Linked,
    PairHistory,
    PairLine,
    PairParity,
    PairShown,
    ParityShown,
    RatesShown,
    ReviewShown,
    StoppedShown,
    Told,
)
from gateway.operations import Operations

router = APIRouter(prefix="/api", dependencies=[Depends(admit)])


def operations(request: Request) -> Operations:
    found: Operations = request.app.state.operations
    return found


Desk = Annotated[Operations, Depends(operations)]
Most = Annotated[int, Query(ge=1, le=1000)]
Hours = Annotated[float, Query(gt=0, le=24 * 366)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")

    by: str = Field(min_length=1, max_length=200)
    """Who asks; kept in the audit trail."""


class Wish(Body):
    reason: str = Field(default="", max_length=1000)


class RetryBody(Body):
    cause: str = Field(min_length=1, max_length=200)
    """quarantined, refused, flap, unreachable, braked; or words of the reason."""
    integration: str | None = None


class DecisionBody(Body):
    choice: Literal["approve", "side", "value"]
    side: str | None = None
    """A system's name, a record's key, `a` or `b`."""
    value: JsonValue = None
    unit: str | None = None
    """Which field or group, where a pair is named that has several open reviews."""
    note: str | None = Field(default=None, max_length=4000)


class LinkBody(Body):
    integration: str
    a: str
    """Key or id of the record on the declaration's first side."""
    b: str


class BackfillBody(Body):
    dry_run: bool = False
    on_differences: OnDifferences | None = None
    rate: float | None = Field(default=None, gt=0)
    """Records a second at most."""


class MatchBody(Body):
    integration: str | None = None
    """Where records of several go by this name."""


@router.get("/pairs", tags=["pairs"])
async def list_pairs(
    desk: Desk,
    *,
    integration: str | None = None,
    state: str | None = None,
    link: Literal["active", "detached", "closed"] = "active",
    limit: Most = 100,
    after: str = "",
) -> list[PairLine]:
    """A page of pairs in the order of their ids; the next one begins after the last id."""
    return await desk.pairs.listed(integration=integration, state=state, link=link, limit=limit, after=after)


@router.get("/pairs/{named}", tags=["pairs"])
async def show_pair(desk: Desk, named: str) -> PairShown:
    """Both sides live, baseline, state per field, reviews, last writes."""
    return await desk.pairs.show(named)


@router.get("/pairs/{named}/history", tags=["pairs"])
async def pair_history(desk: Desk, named: str, limit: Most = 100) -> PairHistory:
    """Changes, conflicts, decisions, writes and acts, oldest first."""
    return await desk.pairs.history(named, limit=limit)


@router.get("/parity", tags=["parity"])
async def list_parity(desk: Desk) -> list[ParityShown]:
    """How much of each integration is in step."""
    return await desk.parity.shares()


@router.get("/parity/{integration}", tags=["parity"])
async def show_parity(desk: Desk, integration: str, limit: Most = 100) -> ParityShown:
    """One integration, with the pairs that differ and why, those first that differ longest."""
    return await desk.parity.of_integration(integration, limit=limit)


@router.get("/rates", tags=["parity"])
async def list_rates(desk: Desk, integration: str | None = None, hours: Hours = 1) -> list[RatesShown]:
    """How often conflicts arose, reviews opened and values were held, by field and system; what declared alerts count."""
    return await desk.rates.listed(integration, window=timedelta(hours=hours))


@router.get("/pairs/{named}/parity", tags=["parity"])
async def pair_parity(desk: Desk, named: str) -> PairParity:
    """Whether one pair is in step, since when, and why not."""
    return await desk.parity.of_pair(named)


@router.post("/pairs/{named}/sync", tags=["pairs"], status_code=202)
async def sync_pair(desk: Desk, named: str, wish: Wish) -> Told:
    """Look at both sides now."""
    return await desk.controls.sync(named, by=wish.by)


@router.post("/pairs/{named}/{what}", tags=["pairs"], status_code=202)
async def tell_pair(
    desk: Desk, named: str, what: Literal["pause", "resume", "retry", "unlink"], wish: Wish
) -> Told:
    """Pause, resume, retry after a cause was mended, or end the link."""
    return await desk.controls.tell(named, what, by=wish.by, reason=wish.reason)


@router.get("/stopped", tags=["pairs"])
async def list_stopped(desk: Desk, cause: str | None = None, integration: str | None = None) -> StoppedShown:
    """What stands still, by cause: what a retry of that cause would reach."""
    return await desk.retrying.preview(cause, integration)


@router.post("/retry", tags=["pairs"], status_code=202)
async def retry_cause(desk: Desk, body: RetryBody) -> Told:
    """A cause is mended: every pair that stands still for it looks again."""
    return await desk.retrying.retry(body.cause, body.integration, by=body.by)


@router.get("/candidates", tags=["matching"])
async def list_candidates(desk: Desk, named: str | None = None, limit: Most = 1000) -> list[HeldShown]:
    """Held matches, the longest waiting first; of an integration or of a record, if one is named."""
    return await desk.matches.listed(named, limit=limit)


@router.post("/candidates/{named}/{decision}", tags=["matching"], status_code=202)
async def decide_match(
    desk: Desk, named: str, decision: Literal["create", "ignore"], body: MatchBody
) -> Told:
    """Have a counterpart created whatever was found, or leave the record alone. To link one, POST /links."""
    return await desk.matches.say(named, decision, by=body.by, integration=body.integration)


@router.post("/links", tags=["pairs"], status_code=201)
async def link(desk: Desk, body: LinkBody) -> Linked:
    """Link two records by hand."""
    return await desk.links.link(body.integration, Pair(body.a, body.b), by=body.by)


@router.get("/backfills/{integration}", tags=["backfills"])
async def show_backfill(desk: Desk, integration: str, run: str | None = None) -> BackfillShown:
    """How far this initial load is, or the integration's newest one; a plan is one, too."""
    return await desk.backfills.show(integration, run)


@router.post("/backfills/{integration}", tags=["backfills"], status_code=202)
async def start_backfill(desk: Desk, integration: str, body: BackfillBody) -> BackfillShown:
    """Begin the initial load, or its plan (`dry_run`)."""
    run = await desk.backfills.start(
        integration, by=body.by, dry_run=body.dry_run, on_differences=body.on_differences, rate=body.rate
    )
    return await desk.backfills.show(integration, run)


@router.get("/conflicts", tags=["conflicts"])
async def list_conflicts(
    desk: Desk,
    *,
    pair: str | None = None,
    integration: str | None = None,
    unit: str | None = None,
    since: datetime | None = None,
    limit: Most = 50,
) -> list[ConflictShown]:
    """The conflict log, newest first."""
    return await desk.pairs.conflicts(
        named=pair, integration=integration, unit=unit, since=since, limit=limit
    )


@router.get("/reviews", tags=["reviews"])
async def list_reviews(
    desk: Desk, pair: str | None = None, integration: str | None = None, limit: Most = 100
) -> list[ReviewShown]:
    """Open reviews, the longest waiting first."""
    return await desk.reviews.listed(named=pair, integration=integration, limit=limit)


@router.post(
    "/reviews/{named}/decision",
    tags=["reviews"],
    responses={202: {"model": DecisionAnswer}, 409: {"model": DecisionAnswer}},
)
async def decide(desk: Desk, named: str, body: DecisionBody, response: Response) -> DecisionAnswer:
    """Decide a review, named by its token or by its pair: 200 accepted, 202 not judged yet, 409 refused."""
    answer = await desk.reviews.decide(
        named,
        body.choice,
        by=body.by,
        side=body.side,
        value=body.value,
        unit=body.unit,
        note=body.note,
    )
    response.status_code = {"accepted": 200, "queued": 202, "refused": 409}[answer.outcome]
    return answer


@router.get("/alerts", tags=["alerts"])
async def list_alerts(desk: Desk) -> list[AlertShown]:
    """Alerts that stand, oldest first."""
    return await desk.pairs.alerts()


@router.get("/connections", tags=["connections"])
async def list_connections(desk: Desk) -> list[ConnectionShown]:
    """Does each connection work, since when, why not, and how many requests may still be made."""
    return await desk.connections.listed()


@router.post("/connections/{name}/pause", tags=["connections"], status_code=202)
async def pause_connection(desk: Desk, name: str, wish: Wish) -> Told:
    """Stop all requests on one connection; what is heard of it meanwhile is kept."""
    return await desk.connections.pause(name, by=wish.by, reason=wish.reason)


@router.post("/connections/{name}/resume", tags=["connections"], status_code=202)
async def resume_connection(desk: Desk, name: str, wish: Wish) -> Told:
    """Let requests go again, and wake what waited."""
    return await desk.connections.resume(name, by=wish.by)
