"""How a plain system is reached, and what it can do."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, SecretStr

from connectors.base import Capabilities
from connectors.settings import ConnectionSettings, HttpSettings
from domain.durations import Duration


class DeclaredSwitches(ConnectionSettings):
    """What the owner knows better than `GET /capabilities`. None leaves the system's own word."""

    cas: bool | None = None
    history: bool | None = None
    returns_record: bool | None = None
    field_stamps: bool | None = None
    version_exact: bool | None = None
    search_lag: Duration | None = None
    granularity: Duration | None = None
    feed: Literal["saves", "stamps"] | None = None
    feed_step: Duration | None = None


class PlainSettings(HttpSettings):
    token: SecretStr
    user: str | None = None
    """The account behind the token, so that our writes are known even where they carry no marker."""
    marker_field: str = "correlation_id"
    """The field that carries our link id, to be found again by a search."""
    merged_field: str = "merged_into"
    """The field that holds the id of the record into which this one was merged; empty on all others."""
    tells_deletions: bool = True
    """A deleted record answers 410. Set it to false for a system that answers 404 to everything it doesn't show."""
    capabilities: DeclaredSwitches = DeclaredSwitches()


class Switches(BaseModel):
    """`GET /capabilities`. What a system doesn't mention counts as absent."""

    cas: bool = False
    history: bool = False
    returns_record: bool = False
    field_stamps: bool = False
    version_exact: bool = False
    search_lag: timedelta = timedelta(0)
    """Seconds on the wire."""
    granularity: timedelta = timedelta(seconds=1)
    feed: Literal["saves", "stamps"] = "saves"
    """What the change feed counts by."""
    feed_step: timedelta = timedelta(0)
    """By stamps: the finest time that can be asked for."""
    tells_deletions: bool = True

    def overruled_by(self, settings: PlainSettings) -> Switches:
        declared = settings.capabilities.model_dump(exclude_none=True)
        return self.model_copy(update={**declared, "tells_deletions": settings.tells_deletions})

    def capabilities(self) -> Capabilities:
        """A write's own version is known from its answer, or found by its marker in the history."""
        return Capabilities(
            compare_and_set=self.cas and self.version_exact,
            change_history=self.history,
            field_stamps=self.field_stamps,
            write_marker=self.history,
            version_exact=self.version_exact and (self.returns_record or self.history),
            sequence=self.version_exact,
            creates_with_marker=True,
            granularity=max(self.granularity, timedelta(milliseconds=1)),
            index_lag=self.search_lag,
            merges=True,
            deletes=frozenset({"event", "status_410"} if self.tells_deletions else {"event"}),
        )
