"""What a PagerDuty connection is configured with."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field, SecretStr

from connectors.settings import HttpSettings, Url
from domain.durations import Duration


class PagerDutySettings(HttpSettings):
    """One account. Its write actor should be a user of its own: that is how own writes are told."""

    url: Url = "https://api.pagerduty.com"
    """Of the service region; European accounts live at `https://api.eu.pagerduty.com`."""
    token: SecretStr
    bearer: bool = False
    """Whether `token` is an OAuth access token; an API key otherwise."""
    from_email: str = Field(pattern=r"^\S+@\S+$")
    """Of the user who stands as the actor of our writes."""
    service: str | None = None
    """Id of the service for new incidents, where neither the declaration nor the scope names one."""
    custom_fields: frozenset[str] = frozenset()
    """Names of the custom fields to read: an incident doesn't carry them, so any costs one request per read."""
    marker_field: str | None = None
    """Custom field that carries the marker of incidents which were linked, not created, by us."""
    merges: bool = False
    """Whether an incident that was merged into another says so by `resolve_reason`. Not proved on a real account."""
    priority_logged: bool = False
    """Whether the log tells each change of the priority. Not proved on a real account."""
    backfill: Duration = Field(default=timedelta(days=180), le=timedelta(days=180))
    """How old an incident may be to be found by the first poll; the API spans six months at most."""
    look_back: Duration = timedelta(minutes=1)
    """How far each round of polling reads again what the previous one has read."""
    index_lag: Duration = timedelta(seconds=5)
    """How late a list may show a change. Not documented."""

    @property
    def read_custom_fields(self) -> frozenset[str]:
        return self.custom_fields | ({self.marker_field} if self.marker_field else set())
