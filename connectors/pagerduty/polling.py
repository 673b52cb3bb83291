"""Polling PagerDuty, which can't list incidents by their last change.

Each round has two halves. First the list of incidents: in the first round all of them back to `backfill`, later only
those that are open, since an edit of the title or urgency shows nowhere else. Then the account's log, in closed
windows up to the moment the round began: pages don't shift under the reader, because nothing new falls into a closed
window. Each round reads the last `look_back` of the one before again and leaves out what was told, for a list may be
late.

Not seen: an edit of the title or urgency of a resolved incident. The sweep finds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import JsonValue, TypeAdapter

from connectors.pagerduty.incidents import Incident
from connectors.pagerduty.log import LogEntry

WINDOW = 3600
"""Seconds of the log at a time, so that a long outage doesn't make a list beyond the API's reach."""
SETTLED = 5
"""Seconds after which a stamp of a whole second gets no second change any more, whatever our clocks say."""
MOST_TOLD = 500
"""Bounds the cursor; what is forgotten is told again, which costs a look."""


@dataclass(frozen=True, slots=True)
class News:
    """That something happened to an incident."""

    name: str
    """Equal for the same thing met again."""
    at: datetime
    incident: str


@dataclass(frozen=True, slots=True)
class Position:
    """How far a cursor has come. Times are epoch seconds by the system's clock."""

    half: Literal["list", "log"]
    since: int
    """Where the round began to read."""
    end: int
    """Where the round ends: the moment it began."""
    start: int
    """Where the log's present window begins."""
    first: bool = False
    """Whether this is the first round, which lists every incident."""
    offset: int = 0
    told: tuple[str, ...] = ()
    """What was told within the last `look_back` and has settled."""

    def as_json(self) -> JsonValue:
        return {**asdict(self), "told": list(self.told)}

    @property
    def stop(self) -> int:
        """Where the log's present window ends."""
        return min(self.start + WINDOW, self.end)

    def list_query(self) -> dict[str, Any]:
        """The incidents to list, oldest first."""
        if self.first:
            span: dict[str, Any] = {"since": iso(self.since), "until": iso(self.end + 1)}
        else:
            span = {"date_range": "all", "statuses[]": ["triggered", "acknowledged"]}
        return {**span, "sort_by": "created_at:asc"}

    def log_query(self) -> dict[str, Any]:
        return {"since": iso(self.start), "until": iso(self.stop)}

    def following(self, count: int, *, more: bool) -> Position | None:
        """The position behind a page of this many entries; None at the end of the round."""
        if more and count:
            return replace(self, offset=self.offset + count)
        if self.half == "list":
            return None if self.first else replace(self, half="log", offset=0)
        return replace(self, start=self.stop, offset=0) if self.stop < self.end else None

    def begun(self, now: datetime) -> Position:
        """The same, but a round that is about to start ends now."""
        is_start = self.half == "list" and self.offset == 0
        return replace(self, end=seconds(now)) if is_start else self

    def next_round(self, look_back: timedelta) -> Position:
        since = self.end - int(look_back.total_seconds())
        return Position("list", since=since, end=self.end, start=since, told=self.told)

    def untold(self, news: Iterable[News]) -> list[News]:
        return [item for item in news if item.name not in self.told]

    def telling(self, news: Iterable[News], look_back: timedelta) -> Position:
        """The position that also remembers these, as far as a later round could meet them again."""
        recent = self.end - int(look_back.total_seconds())
        names = [item.name for item in news if recent <= item.at.timestamp() <= self.end - SETTLED]
        return replace(self, told=tuple(dict.fromkeys([*self.told, *names]))[-MOST_TOLD:])


def first_position(now: datetime, backfill: timedelta) -> Position:
    since, end = seconds(now - backfill), seconds(now)
    return Position("list", since=since, end=end, start=since, first=True)


def read_position(position: JsonValue) -> Position:
    return TypeAdapter(Position).validate_python(position)


def listed_news(position: Position, incidents: Sequence[Incident]) -> list[News]:
    """The listed incidents that changed in this round; all of them in the first."""
    stamped = [(i, i.updated_at or datetime.fromtimestamp(position.end, UTC)) for i in incidents]
    changed = [(i, at) for i, at in stamped if position.first or at.timestamp() >= position.since]
    return [News(f"{i.id}@{int(at.timestamp())}", at, i.id) for i, at in changed]


def logged_news(entries: Sequence[LogEntry], service: str | None) -> list[News]:
    """What the log's entries tell, oldest first, of one service's incidents or of all."""
    within = [e for e in reversed(entries) if service is None or (e.service and e.service.id == service)]
    return [News(e.id, e.created_at, e.incident.id) for e in within if e.incident]


def seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def iso(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
