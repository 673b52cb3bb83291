"""A request's body, read within bounds: JSON by its own word, so many bytes, so much time."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from fastapi import HTTPException, Request, status
from starlette.requests import ClientDisconnect

MOST_BYTES = 1 << 20
"""Deliveries of the systems we know stay far below: Jira's, the largest, are cut by Jira at 25 kB–1 MB."""

PATIENCE = timedelta(seconds=10)


def require_json(request: Request) -> None:
    """Refuse what says that it is something else, before its body is read.

    Raises:
        HTTPException: 415.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise HTTPException(
            status.HTTP_415_UNSUPPORTED_MEDIA_TYPE,
            "say `Content-Type: application/json`",
        )


async def read_body(request: Request, *, most: int = MOST_BYTES, patience: timedelta | None = None) -> bytes:
    """The raw body.

    Raises:
        HTTPException: 413 too large, told before the whole is read; 408 too slow; 400 broken off.
    """
    try:
        async with asyncio.timeout((patience or PATIENCE).total_seconds()):
            return await _collected(request, most)
    except TimeoutError:
        raise HTTPException(
            status.HTTP_408_REQUEST_TIMEOUT, "the body took too long", headers={"connection": "close"}
        ) from None
    except ClientDisconnect:
        raise HTTPException(status.HTTP_400_BAD_REQUEST, "the body broke off") from None


async def _collected(request: Request, most: int) -> bytes:
    announced = request.headers.get("content-length", "0")
    _refuse_above(most, int(announced) if announced.isdecimal() else 0)
    collected = bytearray()
    async for part in request.stream():
        collected += part
        _refuse_above(most, len(collected))
    return bytes(collected)


def _refuse_above(most: int, size: int) -> None:
    if size > most:
        raise HTTPException(
            status.HTTP_413_CONTENT_TOO_LARGE,
            f"at most {most} bytes are taken",
        )
