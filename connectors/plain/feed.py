"""A change feed that counts by stamps, read without missing a change and without telling one twice.

Stamps are coarse, the question is coarser still, and the index is late: whoever goes on from the newest stamp seen
loses what lies beside it. So each round reads again from `look_back` behind the newest stamp, and the cursor names what
was told of that time. Where the stamp is all the version there is, only what has settled is remembered: a second edit
may still come to bear the same stamp.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Self

from pydantic import AwareDatetime, BaseModel, JsonValue

from connectors.plain.records import Changed, Feed

MOST_TOLD = 500
"""Bounds the cursor; what is forgotten is told again, which costs a look."""
START = datetime.fromtimestamp(0, UTC)


class Round(BaseModel, frozen=True):
    """One walk through all pages of one question: the position of a cursor."""

    since: AwareDatetime = START
    page: str = ""
    newest: AwareDatetime = START
    told: Mapping[str, str] = {}
    """Record id → what was told of it since `since`."""

    @property
    def asked(self) -> dict[str, str]:
        page = {"cursor": self.page} if self.page else {}
        return {"since": str(self.since.timestamp()), **page}

    def news(self, found: Sequence[Changed]) -> list[Changed]:
        """What wasn't told yet."""
        return [changed for changed in found if self.told.get(changed.id) != _token(changed)]

    def after(self, feed: Feed, look_back: timedelta, settled: datetime) -> Self:
        """The position behind this page; behind the last one, where the next round begins.

        Args:
            feed: The page.
            look_back: How far behind the newest stamp a change may still come to light.
            settled: By the system's clock: a stamp up to here gets no second change any more.
        """
        newest = max([self.newest, *(_at(changed) for changed in feed.records)])
        seen = {changed.id: _token(changed) for changed in feed.records if _at(changed) <= settled}
        told = {**self.told, **seen}
        told = dict(list(told.items())[-MOST_TOLD:])
        if feed.more:
            return self.model_copy(update={"page": feed.cursor, "newest": newest, "told": told})
        since = max(newest - look_back, START)
        # The system cuts the question down to its step, and answers with what is older than asked for.
        oldest = (newest - 2 * look_back).timestamp() if newest > START else 0
        recent = {known: token for known, token in told.items() if _stamp(token) >= oldest}
        return type(self)(since=since, newest=newest, told=recent)

    def as_json(self) -> JsonValue:
        return self.model_dump(mode="json")


def _token(changed: Changed) -> str:
    """Stamp and version, so that the cursor knows how old it is."""
    return f"{_at(changed).timestamp()}#{changed.version}#{changed.deleted}"


def _at(changed: Changed) -> datetime:
    return changed.modified_at or START


def _stamp(token: str) -> float:
    return float(token.partition("#")[0])
