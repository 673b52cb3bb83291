"""A webhook receiver for tests of simulated systems: keeps what it gets and answers as told."""

import asyncio
import json
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseRequestHandler, TCPServer
from threading import Thread
from time import monotonic, sleep
from typing import Any


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came; header names in lower case."""

    headers: dict[str, str]
    body: bytes

    @property
    def payload(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.body)
        return content


@dataclass(slots=True)
class Receiver:
    """Where to send to, what came, and the statuses of the next answers; 204 when there are none left."""

    url: str
    received: list[Received] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def take(self, request: Received) -> int:
        """Keep a request; the status to answer with."""
        self.received.append(request)
        return self.answers.pop(0) if self.answers else 204

    async def wait_for(self, count: int, seconds: float = 10) -> list[Received]:
        """What came, once it is that many.

        Raises:
            TimeoutError: It didn't come.
        """
        await until(lambda: len(self.received) >= count, seconds)
        return self.received


async def until(holds: Callable[[], bool], seconds: float = 10) -> None:
    """Look every few milliseconds until a condition holds.

    Raises:
        TimeoutError: It never did.
    """
    deadline = monotonic() + seconds
    while not holds():
        if monotonic() > deadline:
            raise TimeoutError
        await asyncio.sleep(0.005)


@contextmanager
def listening() -> Iterator[Receiver]:
    """A receiver on a free port of 127.0.0.1, on threads of its own."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}/hook")
    server.RequestHandlerClass = _handler(receiver)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


async def turned_until(holds: Callable[[], bool], busy_at: int) -> None:
    """Turn the event loop until a condition holds. At that turn it is busy, so that what happens meanwhile is heard of at once."""
    turn = 0
    while not holds():
        if turn == busy_at:
            sleep(0.05)  # noqa: ASYNC251 - what is asked for
        await asyncio.sleep(0)
        turn += 1


@contextmanager
def hanging_up() -> Iterator[str]:
    """The address of somebody who resets each connection as soon as it is made, as a process that dies may do."""

    class HangUp(BaseRequestHandler):
        def handle(self) -> None:
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.request.close()

    with TCPServer(("127.0.0.1", 0), HangUp) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.send_response(receiver.take(Received(headers, body)))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Silence: the default writes each request to stderr."""

    return Handler
