"""`python -m lab.crashes.gateway DIRECTORY`: Accord's gateway with fault points."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from fastapi import FastAPI, Request, Response
from starlette.middleware.base import RequestResponseEndpoint

import gateway.app
from gateway.assembly import Accord, assembled
from gateway.logs import log_as_json
from gateway.relay import Relay
from gateway.serve import serve_app
from integrations.settings import Settings, read_settings
from lab.crashes.lives import live_again
from lab.crashes.points import Points, working
from lab.crashes.ports import mortal, mortal_client
from store.deliveries import DeliveryRow


class SteppingRelay(Relay):
    """Names each delivery that it relays a step."""

    async def _relay(self, delivery: DeliveryRow) -> bool:
        with working("relay", delivery.notices[0].ref.record_type):
            return await super()._relay(delivery)


def build_app(settings: Settings, points: Points) -> FastAPI:
    """The production app, with the ports exchanged and its requests named as steps."""

    @asynccontextmanager
    async def assemble() -> AsyncIterator[Accord]:
        async with assembled(settings, may_close=True) as whole:
            yield replace(mortal(whole, points), temporal=mortal_client(whole.temporal, points))

    setattr(gateway.app, "Relay", SteppingRelay)  # noqa: B010 - the only part that the app builds itself
    app = gateway.app.build_app(assemble)

    @app.middleware("http")
    async def name_step(request: Request, answer: RequestResponseEndpoint) -> Response:
        step = {"webhooks": "webhook", "api": "decision"}.get(request.url.path.split("/")[1], "")
        with working(step, "decision" if step == "decision" else ""):
            points.reach("start")
            response = await answer(request)
            points.reach("end")
            return response

    return app


def live(points: Points) -> None:
    settings = read_settings()
    serve_app(build_app(settings, points), settings)


if __name__ == "__main__":
    log_as_json()
    live_again(lambda: live(Points(Path(sys.argv[1]))))
