"""What an in-process system can do; every capability can be switched off to stand for a poorer one."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field, JsonValue, SecretStr

from connectors.base import Capabilities
from connectors.settings import ConnectionSettings
from domain.durations import Duration


class MemorySettings(ConnectionSettings):
    user: str = "accord"
    """The account that our own writes are made by."""
    compare_and_set: bool = True
    change_history: bool = True
    field_stamps: bool = False
    write_marker: bool = True
    returns_record: bool = True
    """A write answers with what it left on the record."""
    tells_deletions: bool = True
    """Reading a deleted record proves the deletion; else it looks like any that can't be seen."""
    granularity: Duration = timedelta(seconds=1)
    index_lag: Duration = timedelta(0)
    skew: Duration = timedelta(0)
    """System time minus true time; set it on the system itself for a clock that runs behind."""
    allowed: dict[str, list[JsonValue]] = Field(default_factory=dict)
    refused: dict[str, str] = Field(default_factory=dict)
    """Native field → the reason why it can't be written."""
    webhook_secrets: list[SecretStr] = Field(default_factory=list, max_length=2)

    def capabilities(self) -> Capabilities:
        return Capabilities(
            compare_and_set=self.compare_and_set,
            change_history=self.change_history,
            field_stamps=self.field_stamps,
            write_marker=self.write_marker,
            version_exact=True,
            sequence=True,
            creates_with_marker=True,
            granularity=self.granularity,
            index_lag=self.index_lag,
            merges=True,
            deletes=frozenset({"event", "flag"}) if self.tells_deletions else frozenset({"event"}),
        )
