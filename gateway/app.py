"""The gateway as one ASGI application: webhooks, the JSON API, health. The relay lives as long as it does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI

from gateway import api, health, webhooks
from gateway.assembly import assembled
from gateway.operations import Operations
from gateway.refusals import explain_errors
from gateway.relay import Relay
from integrations.settings import Settings


def build_app(settings: Settings) -> FastAPI:
    """The application of one gateway process; it connects to nothing before it is served."""

    @asynccontextmanager
    async def living(app: FastAPI) -> AsyncIterator[None]:
        async with assembled(settings) as accord:
            app.state.accord, app.state.operations = accord, Operations(accord)
            app.state.signaller = app.state.operations.signaller
            async with relaying(Relay(accord, app.state.signaller)):
                yield

    app = FastAPI(
        title="Accord", version="0.1", lifespan=living, docs_url="/api/docs", openapi_url="/api/openapi.json"
    )
    for router in (webhooks.router, health.router, api.router):
        app.include_router(router)
    explain_errors(app)
    return app


@asynccontextmanager
async def relaying(relay: Relay) -> AsyncIterator[None]:
    """Run the relay in the background of the block."""
    running = asyncio.create_task(relay.run())
    try:
        yield
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
