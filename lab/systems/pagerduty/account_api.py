"""Users, services, priorities, escalation policies."""

from starlette.responses import JSONResponse, Response

from lab.systems.call import Call
from lab.systems.pagerduty.request import Ask
from lab.systems.refusals import Refused
from lab.systems.system import PublicRoute


class AccountApi:
    """The handlers."""

    def routes(self) -> list[PublicRoute]:
        return [
            PublicRoute("GET", "/users", "meta", self.users),
            PublicRoute("GET", "/users/me", "meta", self.me),
            PublicRoute("GET", "/users/{id}", "meta", self.user),
            PublicRoute("GET", "/services", "meta", self.services),
            PublicRoute("GET", "/services/{id}", "meta", self.service),
            PublicRoute("GET", "/priorities", "meta", self.priorities),
            PublicRoute("GET", "/escalation_policies", "meta", self.escalation_policies),
        ]

    async def users(self, call: Call) -> Response:
        ask = Ask(call)
        return ask.page(ask.account.users(ask.text("query") or ""), "users")

    async def me(self, call: Call) -> Response:
        ask = Ask(call)
        return JSONResponse({"user": ask.account.user(ask.settings.user)})

    async def user(self, call: Call) -> Response:
        ask = Ask(call)
        name = ask.account.person_by_id(call.path["id"])
        if name is None:
            raise Refused("not_found", "Not Found")
        return JSONResponse({"user": ask.account.user(name)})

    async def services(self, call: Call) -> Response:
        ask = Ask(call)
        return ask.page([ask.account.service(service_id) for service_id in ask.settings.services], "services")

    async def service(self, call: Call) -> Response:
        ask = Ask(call)
        if call.path["id"] not in ask.settings.services:
            raise Refused("not_found", "Not Found")
        return JSONResponse({"service": ask.account.service(call.path["id"])})

    async def priorities(self, call: Call) -> Response:
        ask = Ask(call)
        return ask.page([ask.account.priority(name) for name in ask.settings.priorities], "priorities")

    async def escalation_policies(self, call: Call) -> Response:
        ask = Ask(call)
        policy = ask.account.escalation_policy() | {"type": "escalation_policy", "name": "Default"}
        return ask.page([policy], "escalation_policies")
