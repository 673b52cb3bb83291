"""The way of a request through a simulated system: faults, limit, who is it, handler, journal, answer."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from lab.systems.call import Call, Outage, as_refusal
from lab.systems.refusals import Refused
from lab.systems.settings import Settings
from lab.systems.system import PublicRoute, System

ABORT = "lab.abort"  # the ASGI extension in which the server hands over its transport's `abort`


class LostConnection(Response):
    """No answer: the socket is aborted."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - nothing is sent
        scope["extensions"][ABORT]["abort"]()
        while (await receive())["type"] != "http.disconnect":
            pass


class Door:
    """Turns a system's public routes into routes of the web framework."""

    def __init__(self, system: System[Settings]) -> None:
        self._system = system

    def routes(self) -> list[Route]:
        """The public API, and an answer for every address that isn't in it."""
        known = [self._route(route) for route in self._system.routes()]
        unknown = self._endpoint(PublicRoute("ANY", "", "meta", _no_such_address))
        methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        return [*known, Route("/{address:path}", unknown, methods=methods)]

    def _route(self, route: PublicRoute) -> Route:
        return Route(route.path, self._endpoint(route), methods=[route.method])

    def _endpoint(self, route: PublicRoute) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            call = Call(self._system, request, route.operation)
            response = await self._answer(call, route)
            self._system.journal.add(call.entry(response))
            if response is None:
                return LostConnection()
            response.headers["date"] = self._system.clock.http_date()
            return response

        return answer

    async def _answer(self, call: Call, route: PublicRoute) -> Response | None:
        try:
            response = await self._handle(call, route)
        except Refused as refused:
            response = self._refusal(refused)
        except Outage:
            return None
        if call.is_lost:
            return None
        if call.answer_instead is not None:
            return self._refusal(as_refusal(call.answer_instead))
        return response

    async def _handle(self, call: Call, route: PublicRoute) -> Response:
        call.expect_outage()
        limits = self._limit_headers()
        call.actor = self._system.authenticate(call.request)
        response = await route.handler(call)
        await call.suffer()
        response.headers.update(limits)
        return response

    def _limit_headers(self) -> dict[str, str]:
        limit = self._system.switches.now.rate_limit
        if limit is None:
            return {}
        wait = self._system.bucket.take(limit)
        headers = self._system.limit_headers(wait)
        if wait:
            raise Refused("rate_limited", "too many requests", headers=headers)
        return headers

    def _refusal(self, refused: Refused) -> Response:
        response = self._system.refuse(refused) if refused.body is None else _verbatim(refused)
        response.headers.update(refused.headers)
        return response


def _verbatim(refused: Refused) -> Response:
    if isinstance(refused.body, str):
        return Response(refused.body, refused.status)
    return JSONResponse(refused.body, refused.status)


async def _no_such_address(call: Call) -> Response:
    raise Refused("no_route", f"no {call.request.method} {call.request.url.path} here")
