"""Log entries, of one incident or of the account: the best feed of changes that PagerDuty has."""

import math

from starlette.responses import Response

from lab.systems.call import Call
from lab.systems.pagerduty.log import Log
from lab.systems.pagerduty.request import Ask
from lab.systems.pagerduty.shapes import INCIDENT
from lab.systems.records import Save
from lab.systems.system import PublicRoute


class LogApi:
    """The handlers. Newest first; `since` is part of the span, `until` isn't."""

    def routes(self) -> list[PublicRoute]:
        return [
            PublicRoute("GET", "/log_entries", "search", self.of_account),
            PublicRoute("GET", "/incidents/{id}/log_entries", "history", self.of_incident),
        ]

    async def of_incident(self, call: Call) -> Response:
        ask = Ask(call)
        since, until = _span(ask)
        saves = await call.history(INCIDENT, ask.incident_id())
        return _page(ask, [save for save in saves if since <= (save.record.modified_at or save.at) < until])

    async def of_account(self, call: Call) -> Response:
        ask = Ask(call)
        await call.suffer()
        saves = [] if call.finds_nothing else call.system.records.stamped(INCIDENT, *_span(ask))
        lag = ask.settings.search_lag
        known = call.system.clock.true_time() - lag if lag else math.inf
        return _page(ask, [save for save in saves if save.applied_at <= known])


def _span(ask: Ask) -> tuple[float, float]:
    return ask.time("since", -math.inf), ask.time("until", math.inf)


def _page(ask: Ask, saves: list[Save]) -> Response:
    entries = Log(ask.shapes).entries(saves, overview=ask.text("is_overview") == "true")
    return ask.page(list(entries)[::-1], "log_entries")
