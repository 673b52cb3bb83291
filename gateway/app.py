"""The gateway as one ASGI application: webhooks, the JSON API, health. The relay lives as long as it does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI

from gateway import api, health, webhooks
from gateway.assembly import Accord
from gateway.beside import beside
from gateway.ensuring import keep_running
from gateway.greeting import greet_all
from gateway.lookout import watch_rates, watch_schemas
from gateway.marking import Marking
from gateway.operations import Operations
from gateway.refusals import explain_errors
from gateway.relay import Relay
from gateway.watching import Watch


def build_app(assemble: Callable[[], AbstractAsyncContextManager[Accord]]) -> FastAPI:
    """The application of one gateway process. `assemble` is called when it is served; nothing connects before."""

    @asynccontextmanager
    async def living(app: FastAPI) -> AsyncIterator[None]:
        async with assemble() as accord:
            app.state.accord, app.state.operations = accord, Operations(accord)
            app.state.signaller = app.state.operations.signaller
            app.state.marking = Marking(accord.database)
            relay = Relay(accord, app.state.signaller)
            async with (
                beside(relay.run()),
                beside(app.state.marking.run()),
                beside(greet_all(accord.connections)),
                beside(keep_running(accord)),
                beside(Watch(accord).run()),
                beside(watch_schemas(accord)),
                beside(watch_rates(accord)),
            ):
                yield

    app = FastAPI(
        title="Accord", version="0.1", lifespan=living, docs_url="/api/docs", openapi_url="/api/openapi.json"
    )
    for router in (webhooks.router, health.router, api.router):
        app.include_router(router)
    explain_errors(app)
    return app
