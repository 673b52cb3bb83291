"""Errors as answers: one table from what happens next to a status, one shape for all of them."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from domain.errors import LookAgain, RateLimited, StopIntegration, StopRecord, SyncError, TryAgain
from gateway.finding import Ambiguous, Unknown

STATUSES: tuple[tuple[type[SyncError], int], ...] = (
    (Unknown, 404),
    (Ambiguous, 409),
    (LookAgain, 409),
    (StopRecord, 422),
    (StopIntegration, 422),
    (RateLimited, 503),
    (TryAgain, 503),
)


def explain_errors(app: FastAPI) -> None:
    """Answer our errors as `{"error": {"type", "message"}}`."""

    @app.exception_handler(SyncError)
    async def answer(_: Request, error: SyncError) -> JSONResponse:
        body = {"error": {"type": type(error).__name__, "message": error.message}}
        return JSONResponse(body, status_of(error))


def status_of(error: SyncError) -> int:
    return next((status for kind, status in STATUSES if isinstance(error, kind)), 500)
