"""Requests that no HTTP client would send: far too large, or a byte now and then."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import urlsplit

PART = b"x" * 65_536
DRIP = 0.25
"""Seconds from byte to byte."""
SLOW_LENGTH = 100_000


async def send_large(url: str, headers: Mapping[str, str], size: int) -> tuple[int | None, int]:
    """Announce and send so many bytes until somebody says stop; the answer's status and how many bytes went out."""
    reader, writer = await _opened(url, headers, size)
    answered = asyncio.create_task(_status(reader))  # read at once: what is left unread dies with a reset
    sent = 0
    with suppress(ConnectionError):
        while sent < size and not answered.done():
            part = PART[: size - sent]
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)
            sent += len(part)
    status = await answered
    writer.close()
    return status, sent


async def send_slowly(url: str, headers: Mapping[str, str], patience: float) -> int | None:
    """Drip a body; the status, or None if nobody loses patience within so many seconds."""
    reader, writer = await _opened(url, headers, SLOW_LENGTH)
    answered = asyncio.create_task(_status(reader))
    with suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(patience):
            while not answered.done():
                writer.write(b"x")
                await writer.drain()
                await asyncio.wait([answered], timeout=DRIP)
    writer.close()
    return answered.result() if answered.done() else None


async def _opened(
    url: str, headers: Mapping[str, str], length: int
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    lines = [f"POST {place.path} HTTP/1.1", f"host: {place.netloc}", f"content-length: {length}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    return reader, writer


async def _status(reader: asyncio.StreamReader) -> int | None:
    try:
        words = (await reader.readline()).split()
    except ConnectionError:
        return None
    return int(words[1]) if len(words) > 1 else None
