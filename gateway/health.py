"""`/health`: this process lives. `/ready`: it can do its work. Open to everybody; they tell no more than that."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from fastapi import APIRouter, Request, Response, status
from pydantic import BaseModel

from domain.errors import SyncError
from gateway.assembly import Accord
from gateway.temporal import check_temporal

router = APIRouter(tags=["health"])


class Ready(BaseModel):
    """Which of the two answer."""

    database: bool
    temporal: bool


@router.get("/health")
async def live() -> dict[str, str]:
    return {"status": "alive"}


@router.get("/ready", responses={503: {"model": Ready}})
async def ready(request: Request, response: Response) -> Ready:
    """200 if database and Temporal answer, else 503; deliveries are kept even while Temporal doesn't."""
    accord: Accord = request.app.state.accord
    database, temporal = await asyncio.gather(
        _answers(accord.database.check()), _answers(check_temporal(accord.temporal))
    )
    if not (database and temporal):
        response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    return Ready(database=database, temporal=temporal)


async def _answers(check: Awaitable[None]) -> bool:
    try:
        await check
    except SyncError:
        return False
    return True
