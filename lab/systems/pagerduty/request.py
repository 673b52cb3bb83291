"""What the handlers need of a request: lists, pages, times, the incident it names."""

from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse, Response

from lab.systems.call import Call
from lab.systems.pagerduty.account import Account, Json
from lab.systems.pagerduty.settings import PagerDutySettings
from lab.systems.pagerduty.shapes import INCIDENT, Shapes
from lab.systems.pagerduty.times import parse_time
from lab.systems.refusals import Refused

PAGE = 25
LARGEST_PAGE = 100
DEEPEST = 10_000
"""`offset` + `limit` may not be more. Source: PagerDuty developer documentation, "Pagination"."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A request in PagerDuty's words."""

    call: Call

    @property
    def settings(self) -> PagerDutySettings:
        settings = self.call.system.switches.now
        assert isinstance(settings, PagerDutySettings)
        return settings

    @property
    def shapes(self) -> Shapes:
        return Shapes(Account(self.settings, self.call.system.url))

    @property
    def account(self) -> Account:
        return self.shapes.account

    def incident_id(self) -> str:
        """The id behind the id or number of the path."""
        asked = self.call.path["id"]
        found = self.call.system.records.by_key(INCIDENT, asked) if asked.isdecimal() else None
        return found.id if found else asked

    def text(self, name: str) -> str | None:
        return self.call.request.query_params.get(name)

    def several(self, name: str) -> list[str]:
        """`statuses[]=a&statuses[]=b`; the client may leave the brackets out."""
        parameters = self.call.request.query_params
        return parameters.getlist(f"{name}[]") + parameters.getlist(name)

    def time(self, name: str, default: float) -> float:
        """Epoch seconds of a time parameter."""
        given = self.text(name)
        zone = self.text("time_zone") or self.settings.time_zone
        return default if given is None else parse_time(given, zone)

    async def inside(self, name: str) -> Json:
        """The object that the body wraps in `name`.

        Raises:
            Refused: `malformed`.
        """
        content = (await self.call.json()).get(name)
        if not isinstance(content, dict):
            raise Refused("malformed", f"{name} is missing")
        return content

    def page(self, rows: list[Any], name: str) -> Response:
        """One page of rows, in the shape of every list of the API.

        Raises:
            Refused: `malformed`, if the page lies too deep.
        """
        offset, limit = self._number("offset", 0), min(self._number("limit", PAGE), LARGEST_PAGE)
        if offset + limit > DEEPEST:
            raise Refused("malformed", f"Offset must be less than or equal to {DEEPEST} minus limit")
        total = len(rows) if self.text("total") == "true" else None
        shape = {"limit": limit, "offset": offset, "more": offset + limit < len(rows), "total": total}
        return JSONResponse({name: rows[offset : offset + limit], **shape})

    def _number(self, name: str, default: int) -> int:
        given = self.text(name)
        try:
            return default if given is None else max(int(given), 0)
        except ValueError as error:
            raise Refused("malformed", f"{name} is no number") from error
