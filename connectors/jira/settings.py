"""What a Jira connection is configured with."""

from __future__ import annotations

from datetime import timedelta
from typing import Self

from pydantic import Field, JsonValue, SecretStr, model_validator

from connectors.base import Capabilities
from connectors.jira.walk import STATUS
from connectors.settings import HttpSettings
from domain.durations import Duration


class JiraSettings(HttpSettings):
    """Jira Cloud: `url` is the site, `https://example.atlassian.net`."""

    email: str | None = None
    """Of the account that owns `token`; without it, `token` is an OAuth bearer token."""
    token: SecretStr
    project: str | None = None
    """Key of the project for new issues, where the declaration names none."""
    marker_field: str | None = Field(default=None, pattern=r"^customfield_\d+$")
    """A text custom field that carries the correlation marker. It must be on the create and edit screens."""
    correlation_label: str | None = Field(default="accord-", pattern=r"^\S+$", max_length=100)
    """Without a marker field, this prefix and the marker form a label, which no snapshot shows."""
    transition_fields: dict[str, JsonValue] = Field(default_factory=dict)
    """Values for screen fields that a transition demands and nobody maps: `resolution: Done`."""
    look_back: Duration = timedelta(minutes=15)
    """How far behind the newest change each round of polling reads again; must exceed the index lag."""
    index_lag: Duration = timedelta(minutes=1)
    granularity: Duration = timedelta(seconds=1)
    """Of `updated`: written with milliseconds, not known to be kept with them."""
    version_exact: bool = False
    """The version in a webhook equals the one in the answer of the write. Not proved on a real site."""
    webhooks_by_api: bool = False
    """Whether admin webhooks may be managed over the API. Only its address is documented; what it takes and tells
    (name, filters, secret, enabled) is not proved on a real site. Without it, the steps for a person are printed."""

    @model_validator(mode="after")
    def _marker_has_a_place(self) -> Self:
        if self.marker_field is None and self.correlation_label is None:
            raise ValueError("set marker_field or correlation_label: a create could not be found again")
        if self.look_back <= self.index_lag:
            raise ValueError("look_back must be longer than index_lag: changes would be missed for good")
        return self

    def capabilities(self) -> Capabilities:
        return Capabilities(
            change_history=True,
            field_stamps=True,
            write_marker=True,
            version_exact=self.version_exact,
            creates_with_marker=True,
            granularity=self.granularity,
            index_lag=self.index_lag,
            deletes=frozenset({"event"}),
            transitions=frozenset({STATUS}),
        )
