"""`python -m gateway.serve`: the gateway as a process of its own."""

from __future__ import annotations

import sys

import uvicorn
from fastapi import FastAPI

from domain.errors import SyncError
from gateway.app import build_app
from gateway.assembly import assembled
from gateway.collector import look_less_often
from gateway.logs import log_as_json
from gateway.patience import PatientProtocol
from integrations.settings import Settings, read_settings

MOST_AT_ONCE = 500
"""Requests under way; each holds 1 MiB at most, further ones are told 503 and sent again."""


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    serve_app(build_app(lambda: assembled(settings, may_close=True)), settings)


def serve_app(app: FastAPI, settings: Settings) -> None:
    """Serve this application as the gateway is served."""
    uvicorn.run(
        app,
        host=settings.gateway_host,
        port=settings.gateway_port,
        http=PatientProtocol,
        log_config=None,  # ours is set already
        access_log=False,
        server_header=False,
        proxy_headers=False,  # "from loopback" must not be a matter of what a request says
        limit_concurrency=MOST_AT_ONCE,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=10,
    )


def main() -> None:
    log_as_json()
    look_less_often()
    try:
        serve(read_settings())
    except SyncError as error:
        sys.exit(f"gateway: {error.message}")


if __name__ == "__main__":
    main()
