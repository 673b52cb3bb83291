"""One HTTP connection to one system: kept alive, bounded in time and size, bound to the configured host.

Every answer is either a `Reply` or one of the errors of `domain/errors.py`, found in the table of `refusals.py`. Each
answer's `Date` header also tells how far the system's clock stands from ours.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import JsonValue, TypeAdapter, ValidationError

from connectors.addresses import is_forbidden
from connectors.base import ClockReading
from connectors.clock import ClockWatch
from connectors.gate import OPEN, Gate
from connectors.refusals import TEXT_CAP, Aim, Call, Dialect, Refusal, Trouble, build_error, pause_after
from connectors.settings import HttpSettings
from domain.errors import ConfigError, RecordHidden, SyncError, SystemUnavailable
from domain.records import RecordRef

CONNECT_TIMEOUT = 5.0
"""Seconds."""
KEEPALIVE = 4.0
"""Seconds an idle connection is kept: less than the 5 s after which common servers close theirs."""
MAX_BYTES = 16 * 1024 * 1024
"""Of one answer, after decompression."""

T = TypeVar("T")


def path_of(*parts: str) -> str:
    """`/a/b/c` with every part quoted whole, so that an id can't leave its place.

    Raises:
        RecordHidden: A part is empty or a dot segment, which no record's id is.
    """
    if any(part in {"", ".", ".."} for part in parts):
        raise RecordHidden(f"no record can be named by {'/'.join(parts)!r}")
    return "/" + "/".join(quote(part, safe="") for part in parts)


async def refuse_forbidden(event: str, info: Mapping[str, Any]) -> None:
    """Hang up where a name has led to an address that is never asked. Nothing was sent yet.

    Raises:
        ConfigError: The name resolves to a link-local or metadata address.
        httpx.ConnectError: The other side hung up at once.
    """
    if event != "connection.connect_tcp.complete":
        return
    stream = info["return_value"]
    try:
        address = stream.get_extra_info("server_addr")
    except AttributeError as error:  # uvloop has no socket left that anyio could ask
        raise httpx.ConnectError("the connection was closed as soon as it was made") from error
    if address and is_forbidden(str(address[0])):
        await stream.aclose()
        raise ConfigError(f"the connection's host resolves to {address[0]}, which is never asked")


@dataclass(frozen=True, slots=True)
class Reply:
    """A successful answer."""

    call: Call
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: JsonValue
    """None where the answer is empty (204)."""
    dialect: Dialect

    def read_as(self, shape: type[T]) -> T:
        """The body in this shape (a pydantic model, or any type it knows).

        Raises:
            SystemUnavailable: The system answered in another shape.
        """
        try:
            return TypeAdapter(shape).validate_python(self.body)
        except ValidationError as error:
            first = error.errors()[0]
            text = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
            raise build_error(self.dialect, self.call, Refusal(Trouble.UNEXPECTED), text) from None


@dataclass(slots=True)
class HttpConnection:
    """The requests of one connection. Safe to use from many tasks at once."""

    dialect: Dialect
    client: httpx.AsyncClient
    timeout: timedelta
    secrets: tuple[str, ...] = ()
    """Blotted out of whatever the system says."""
    max_bytes: int = MAX_BYTES
    clock: ClockWatch = field(default_factory=ClockWatch)
    gate: Gate = OPEN
    """Passed by every request."""

    async def call(
        self,
        method: str,
        path: str,
        *,
        aim: Aim,
        ref: RecordRef | None = None,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send one request.

        Args:
            method: In capitals.
            path: Below the configured address, beginning with a slash; build it by `path_of`.
            aim: What it is for; decides what a refusal means.
            ref: The record concerned; needed for READ and WRITE.
            params: Query string.
            body: Sent as JSON, unless None.
            headers: In addition to the connection's own.

        Raises:
            SyncError: By the dialect's table. A lost answer to a write is SystemUnavailable with the evidence
                `sent=True`: its outcome is unknown.
        """
        call = Call(method, path, aim, ref)
        request = self.client.build_request(
            method, path, params=params, json=body, headers=headers, extensions={"trace": refuse_forbidden}
        )
        await self.gate.enter(aim)
        try:
            reply = await self._exchange(call, request)
            if reply.status >= 300:
                raise self._refused(call, Refusal(reply.status, reply.headers, reply.body))
        except SyncError as error:
            await self.gate.failed(aim, error)
            raise
        self.gate.answered(pause_after(self.dialect, reply.headers))
        return reply

    def reading(self) -> ClockReading:
        """The best recent comparison of clocks.

        Raises:
            SystemUnavailable: No answer has carried a `Date` header yet.
        """
        if self.clock.best is None:
            raise SystemUnavailable(f"{self.dialect.system} sends no Date header: declare clock_bound")
        return self.clock.best

    async def aclose(self) -> None:
        await self.client.aclose()

    # ------------------------------------------------------------------------------------------------ exchanging
    async def _exchange(self, call: Call, request: httpx.Request) -> Reply:
        try:
            async with asyncio.timeout(self.timeout.total_seconds()):
                return await self._send(call, request)
        except (httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
            raise ConfigError(f"{self.dialect.system} {call.method} {call.path}: {error}") from error
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
            raise self._trouble(call, Trouble.NOT_SENT, error, sent=False) from error
        except (httpx.HTTPError, TimeoutError) as error:
            raise self._trouble(call, Trouble.NO_ANSWER, error, sent=True) from error

    async def _send(self, call: Call, request: httpx.Request) -> Reply:
        started = time.perf_counter()
        response = await self.client.send(request, stream=True)
        try:
            self.clock.hear(response.headers, timedelta(seconds=time.perf_counter() - started))
            content = await self._read_bounded(call, response)
        finally:
            await response.aclose()
        body = self._decode(call, response, content)
        return Reply(call, response.status_code, response.headers, body, self.dialect)

    async def _read_bounded(self, call: Call, response: httpx.Response) -> bytes:
        content = bytearray()
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > self.max_bytes:
                raise self._refused(call, Refusal(Trouble.OVERSIZED))
        return bytes(content)

    def _decode(self, call: Call, response: httpx.Response, content: bytes) -> JsonValue:
        """JSON, or None for nothing. Only a refusal may speak otherwise: then its text, so that people can read it."""
        if not content.strip():
            return None
        try:
            return json.loads(content)  # type: ignore[no-any-return] # JSON's own shape
        except ValueError as error:
            if response.is_success:
                raise self._trouble(call, Trouble.NOT_JSON, None, sent=True) from error
            return content[:TEXT_CAP].decode(errors="replace")

    # ------------------------------------------------------------------------------------------------- refusing
    def _refused(self, call: Call, refusal: Refusal) -> SyncError:
        text = self.dialect.explain(refusal.body) if refusal.body is not None else ""
        return build_error(self.dialect, call, refusal, self._blot(text))

    def _trouble(self, call: Call, trouble: Trouble, cause: Exception | None, *, sent: bool) -> SyncError:
        text = f"{type(cause).__name__} {cause}".strip() if cause else ""
        error = build_error(self.dialect, call, Refusal(trouble), self._blot(text))
        error.evidence["sent"] = sent
        return error

    def _blot(self, text: str) -> str:
        """The text on one line, capped, with no secret of this connection in it."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return " ".join(text.split())[:TEXT_CAP]


def open_http(
    dialect: Dialect,
    settings: HttpSettings,
    *,
    auth: httpx.Auth | None = None,
    headers: Mapping[str, str] | None = None,
    secrets: Iterable[str] = (),
    transport: httpx.AsyncBaseTransport | None = None,
) -> HttpConnection:
    """Open a connection; nothing is sent yet.

    The environment's proxies and `.netrc` are not consulted: what a connection talks to stands in its settings.
    """
    total = settings.timeout.total_seconds()
    client = httpx.AsyncClient(
        base_url=settings.url,
        auth=auth,
        headers={"Accept": "application/json", "User-Agent": "accord", **(headers or {})},
        timeout=httpx.Timeout(total, connect=min(CONNECT_TIMEOUT, total)),
        limits=httpx.Limits(max_connections=settings.max_connections, keepalive_expiry=KEEPALIVE),
        follow_redirects=False,
        trust_env=False,
        proxy=settings.proxy,
        verify=ssl.create_default_context(cafile=settings.ca_file) if settings.ca_file else True,
        transport=transport,
    )
    return HttpConnection(dialect, client, settings.timeout, tuple(s for s in secrets if s))
