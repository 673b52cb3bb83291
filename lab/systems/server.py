"""A simulated system as an ASGI application on a loopback socket."""

import asyncio
import json
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Thread

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from lab.systems.control_api import Control
from lab.systems.door import ABORT, Door
from lab.systems.settings import Settings
from lab.systems.system import System

LOGGER = logging.getLogger(__name__)

KEPT_IDLE = 60
"""Seconds that an idle connection is kept: longer than clients keep theirs (httpx: 5 s), or both would end it at the same moment and
a request that was just sent would get lost."""


def application(system: System[Settings], kind: str) -> Starlette:
    """The public API and, under `/_lab`, the control API; the webhook sender lives as long as the application."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        sending = asyncio.create_task(system.sender.run(), name="webhook sender")
        sending.add_done_callback(_stop_if_broken)
        yield
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        system.database.close()

    control = Mount("/_lab", Control(system, kind).application())
    return Starlette(routes=[control, *Door(system).routes()], lifespan=lifespan)


def _stop_if_broken(sending: asyncio.Task[None]) -> None:
    if not sending.cancelled() and sending.exception():
        LOGGER.critical("the webhook sender broke", exc_info=sending.exception())
        os.kill(os.getpid(), signal.SIGTERM)  # a system that can't send must not look healthy


class AbortableProtocol(HttpToolsProtocol):
    """Lets the application abort the socket, which ASGI has no message for."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {ABORT: {"abort": self.transport.abort}}


class AnnouncingServer(uvicorn.Server):
    """Prints one JSON line with the base URL once it listens: a parent process reads it."""

    def __init__(self, config: uvicorn.Config, url: str) -> None:
        super().__init__(config)
        self._url = url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(json.dumps({"url": self._url}), flush=True)


def serve(
    system: System[Settings], kind: str, port: int, *, die_with_parent: bool, certificate: Path | None = None
) -> None:
    """Serve until SIGTERM or, if asked to, until standard input ends.

    Args:
        system: Gets its `url` here.
        kind: Told by the control API.
        port: On 127.0.0.1; 0 takes a free one.
        die_with_parent: Standard input is a pipe whose other end the parent holds: it ends even if the parent is killed.
        certificate: A PEM file with key and certificate, for https: some vendors' clients speak nothing else.
    """
    listener = _listen(port)
    system.url = f"{'https' if certificate else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
    config = uvicorn.Config(
        application(system, kind), http=AbortableProtocol, ws="none", loop="uvloop", log_level="warning",
        access_log=False, date_header=False, server_header=False, timeout_graceful_shutdown=1,
        timeout_keep_alive=KEPT_IDLE, ssl_certfile=certificate,
    )  # fmt: skip
    server = AnnouncingServer(config, system.url)
    if die_with_parent:
        Thread(target=_stop_at_end_of_input, args=(server,), daemon=True).start()
    server.run(sockets=[listener])


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    return listener


def _stop_at_end_of_input(server: uvicorn.Server) -> None:
    while os.read(
        0, 1024
    ):  # not sys.stdin: its lock, held by a daemon thread, would abort the interpreter's exit
        pass
    server.should_exit = True
