"""`POST /webhooks/{connection}`: verified on the raw bytes, kept, signalled, acknowledged. In that order.

| answer | when |
| --- | --- |
| 200 | signalled, or nothing to signal: unknown event, echo, a delivery that was seen before |
| 202 | kept; Temporal is out, and the relay will signal it. The sender need not send it again |
| 400 | the bytes are signed but no delivery of this system, or nest too deeply; or the body broke off |
| 401 | no valid signature |
| 404 | no connection of that name takes webhooks |
| 408, 413, 415 | the body is too slow, too large, said to be no JSON |
| 503 | it can't be kept: the sender must send it again |

Bodies and secrets are never logged; a body is forgotten once it is parsed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from fastapi import APIRouter, HTTPException, Request, Response, status
from pydantic import BaseModel
from starlette.datastructures import State

from connectors.base import Connector
from domain.errors import StopIntegration, SyncError
from domain.records import ChangeNotice
from gateway.assembly import Accord
from gateway.body import read_body, require_json
from gateway.depth import MOST_DEPTH, is_deeper
from gateway.marking import Marking
from gateway.signaller import Call, Signaller
from store import deliveries
from store.database import Tx

log = structlog.get_logger(__name__)
router = APIRouter(tags=["webhooks"])


class Received(BaseModel):
    """What became of a delivery."""

    outcome: str
    """signalled, kept, ignored, or seen_before."""
    notices: int = 0


@dataclass(frozen=True, slots=True)
class Kept:
    """A delivery in the store, and whom it concerns."""

    number: int
    calls: list[Call] | None
    """None where that can't be told now: a declaration in the store is broken."""


@router.post("/webhooks/{connection}", summary="Take a system's webhook")
async def receive(connection: str, request: Request, response: Response) -> Received:
    accord: Accord = request.app.state.accord
    connector = _connector(accord, connection)
    require_json(request)
    notices = _notices(connector, dict(request.headers), await read_body(request))
    if not notices:
        return Received(outcome="ignored")
    return await _take(accord, request.app.state, notices, response)


def _connector(accord: Accord, name: str) -> Connector:
    config = accord.connections.configs.get(name)
    if config is None or not config.webhook:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "no connection of this name takes webhooks")
    return accord.connections.get(name)


def _notices(connector: Connector, headers: dict[str, str], body: bytes) -> list[ChangeNotice]:
    now = datetime.now(UTC)
    if not connector.verify_webhook(headers, body, now=now):
        log.warning("webhook_refused", connection=connector.connection, reason="signature")
        raise HTTPException(status.HTTP_401_UNAUTHORIZED, "no valid signature")
    if is_deeper(body):
        log.warning("webhook_refused", connection=connector.connection, reason="nested too deeply")
        raise HTTPException(status.HTTP_400_BAD_REQUEST, f"nested more than {MOST_DEPTH} deep")
    try:
        return connector.parse_webhook(headers, body, now=now)
    except ValueError:
        log.warning("webhook_refused", connection=connector.connection, reason="not understood")
        raise HTTPException(
            status.HTTP_400_BAD_REQUEST, "signed, but no delivery that this system sends"
        ) from None


async def _take(accord: Accord, state: State, notices: list[ChangeNotice], response: Response) -> Received:
    signaller, marking = state.signaller, state.marking
    try:
        kept = await keep(accord, signaller, notices)
    except SyncError as error:
        log.warning("webhook_not_kept", reason=error.message)
        raise HTTPException(
            status.HTTP_503_SERVICE_UNAVAILABLE, "it can't be kept now; send it again"
        ) from error
    if kept is None or kept.number in marking:
        return Received(outcome="seen_before")
    if not await signal(signaller, marking, kept):
        response.status_code = status.HTTP_202_ACCEPTED
        return Received(outcome="kept", notices=len(notices))
    return Received(outcome="signalled" if kept.calls else "ignored", notices=len(notices))


async def keep(accord: Accord, signaller: Signaller, notices: list[ChangeNotice]) -> Kept | None:
    """Keep the delivery, durable once this returns; None if it was signalled before.

    What concerns nobody counts as signalled in the same statement: an echo costs one commit.

    Raises:
        SystemUnavailable: The store is out.
    """
    first = notices[0]
    async with accord.database.alone() as tx:
        calls = await _routed(tx, signaller, notices)
        number = await deliveries.keep(
            tx, first.ref.connection, first.delivery_id, notices, concerns_nobody=calls == []
        )
    return None if number is None else Kept(number, calls)


async def _routed(tx: Tx, signaller: Signaller, notices: list[ChangeNotice]) -> list[Call] | None:
    try:
        return await signaller.route(tx, notices)
    except StopIntegration as error:
        log.warning("delivery_not_addressed", reason=error.message)
        return None


async def signal(signaller: Signaller, marking: Marking, kept: Kept) -> bool:
    """Signal a kept delivery; False if it must wait for the relay."""
    if kept.calls is None:
        return False
    if not kept.calls:
        return True
    try:
        await signaller.send(kept.calls)
    except SyncError as error:
        log.warning("delivery_waits", delivery=kept.number, reason=error.message)
        return False
    marking.add(kept.number)
    return True
