"""A connection that sends no whole request head in time is closed, so that idle senders can't use up the gateway.

uvicorn bounds how many connections stand, and how long one may idle *after* an answer. Before the first request, and
within a half sent head, it would wait for ever, and a few hundred sockets that say one byte a minute would keep
everybody else out. The same holds for a body that goes on after it was answered, by a refusal: it is read and thrown
away, since closing at once would reset the connection and the sender might never see the answer; but not for long.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_PATIENCE = 10.0
"""Seconds from a connection's first byte of a request, or from its opening, until the head must be whole."""


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1, with a bound on the time a request's head may take, and what comes after its answer."""

    head_patience = HEAD_PATIENCE

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._deadline: asyncio.TimerHandle | None = None
        self._is_sending = False  # the other side: the request isn't whole yet

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_sending = True
        self._wait()

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._is_sending = False
        self._stop_waiting()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._is_sending:
            self._wait()

    def _wait(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.head_patience, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
