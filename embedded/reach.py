"""Whether a service answers: the cheapest honest question, for readiness and for services that others run."""

import asyncio
import contextlib
from collections.abc import Coroutine
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, urlsplit

from embedded.errors import SettingRefused, Unreachable

PATIENCE_SECONDS = 5.0
POSTGRES_PORT = 5432
TEMPORAL_PORT = 7233


async def accepts_connections(host: str, port: int) -> bool:
    """Something listens on that TCP port."""
    return await _opens(asyncio.open_connection(host, port))


async def accepts_local_connections(path: Path) -> bool:
    """Something listens on that unix socket."""
    return await _opens(asyncio.open_unix_connection(path))


async def require_database(url: str) -> None:
    """Check a database that somebody else runs.

    Raises:
        Unreachable: Nothing listens there. The message repeats host and port, never the password.
        SettingRefused: The URL's port is no number.
    """
    parts = urlsplit(url)
    host = parse_qs(parts.query).get("host", [parts.hostname or "127.0.0.1"])[0]
    port = _port(parts, "ACCORD_DATABASE_URL") or POSTGRES_PORT
    is_local = host.startswith("/")
    place = f"{host}/.s.PGSQL.{port}" if is_local else f"{host}:{port}"
    answers = accepts_local_connections(Path(place)) if is_local else accepts_connections(host, port)
    if not await answers:
        raise Unreachable(_message("PostgreSQL", place, "ACCORD_DATABASE_URL"))


async def require_temporal(address: str) -> None:
    """Check a Temporal server that somebody else runs.

    Raises:
        Unreachable: Nothing listens there.
        SettingRefused: The address's port is no number.
    """
    parts = urlsplit(f"//{address}")
    port = _port(parts, "ACCORD_TEMPORAL_ADDRESS") or TEMPORAL_PORT
    if not await accepts_connections(parts.hostname or address, port):
        raise Unreachable(_message("Temporal", address, "ACCORD_TEMPORAL_ADDRESS"))


def _port(parts: SplitResult, setting: str) -> int | None:
    try:
        return parts.port
    except ValueError as error:
        raise SettingRefused(f"{setting}: {error}") from error


def _message(service: str, place: str, setting: str) -> str:
    return (
        f"{service} does not answer at {place}; start it, correct {setting}, or unset {setting} "
        f"to run {service} embedded"
    )


async def _opens(opening: Coroutine[None, None, tuple[asyncio.StreamReader, asyncio.StreamWriter]]) -> bool:
    try:
        _, writer = await asyncio.wait_for(opening, PATIENCE_SECONDS)
    except OSError:  # refused, unknown host, or out of time: TimeoutError is one
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True
