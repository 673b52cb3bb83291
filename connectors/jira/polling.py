"""Polling by JQL, which is late and forgetful, without missing a change.

The search index lags behind by seconds to minutes. Whoever asks only for what is newer than the newest change seen
loses an issue that was indexed late for good. So each round reads again from `look_back` behind the newest change, and
the cursor carries what was told already, so that a quiet site stays quiet. A change younger than `SETTLED` isn't
noted as told: a second one may bear the same stamp.

Deletions, and hits that left the scope, don't show here.

Source: the lag is documented under "Search for hits using JQL enhanced search"; the loss is described in
activepieces PR 14869.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from pydantic import JsonValue, TypeAdapter

from connectors.jira import jql
from connectors.jira.hits import Hit

SETTLED = timedelta(seconds=5)
"""Well above the granularity of `updated` and the uncertainty of a measured clock."""
MOST_TOLD = 500
"""Bounds the cursor to some 12 KB; what is forgotten is told again, which costs a look."""


def _millis(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


@dataclass(frozen=True, slots=True)
class Round:
    """One walk through all pages of one query: the position of a cursor."""

    since: int = 0
    """Epoch ms; 0 reads from the beginning."""
    page: str | None = None
    newest: int = 0
    told: Mapping[str, int] = field(default_factory=dict)
    """Issue id → `updated` (epoch ms) of what was told and has settled."""

    def as_json(self) -> JsonValue:
        return {"since": self.since, "page": self.page, "newest": self.newest, "told": dict(self.told)}

    def query(self, record_type: str, scope: str | None) -> str:
        conditions = jql.of_type(record_type, scope)
        window = [f"updated >= {self.since}"] if self.since else []
        return f"{jql.both(conditions + window)} ORDER BY updated ASC, key ASC"

    def news(self, hits: Sequence[Hit]) -> list[str]:
        """The ids that this round hasn't told in their present state."""
        return [hit.id for hit in hits if self.told.get(hit.id) != hit.updated]

    def after(self, hits: Sequence[Hit], page: str | None, now: datetime) -> Round:
        """The position behind this page. `now` is the system's time."""
        settled = _millis(now - SETTLED)
        seen = {hit.id: hit.updated for hit in hits if 0 < hit.updated <= settled}
        newest = max([self.newest, *(hit.updated for hit in hits)])
        return replace(self, page=page, newest=newest, told=most_recent({**self.told, **seen}))

    def next_round(self, look_back: timedelta) -> Round:
        """The start of the next walk."""
        since = max(self.newest - int(look_back.total_seconds() * 1000), 0)
        return Round(since=since, newest=self.newest, told={i: u for i, u in self.told.items() if u >= since})


def most_recent(told: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(told.items(), key=lambda known: known[1])[-MOST_TOLD:])


def read_round(position: JsonValue) -> Round:
    return TypeAdapter(Round).validate_python(position)
