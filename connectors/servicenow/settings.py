"""How an instance is reached, as whom, and what is known of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Self

from pydantic import Field, SecretStr, model_validator

from connectors.base import Capabilities
from connectors.settings import HttpSettings
from domain.durations import Duration


class ServiceNowSettings(HttpSettings):
    """Basic authentication by `user` and `password`, or OAuth client credentials by `client_id` and `client_secret`."""

    user: str
    """The integration's user_name: what `sys_updated_by` says of our own writes."""
    password: SecretStr | None = None
    client_id: str | None = None
    client_secret: SecretStr | None = None
    automations: list[str] = Field(default_factory=lambda: ["system"])
    """User names that aren't people."""
    fields: dict[str, list[str]] = Field(default_factory=dict)
    """Table → the columns to read; all of them for a table that isn't named."""
    marker_field: str = "correlation_id"
    """Column that carries our link id."""
    merged_field: str | None = None
    """Column that holds the sys_id of the record of which this one is a duplicate (`duplicate_of`, or the instance's own).
    ServiceNow has none for every table, so nothing is taken for a merge unless it is named."""
    audited: bool | None = None
    """Whether the tables are audited and `sys_audit` may be read. None: found out from the first record with edits."""
    overlap: Duration = timedelta(seconds=2)
    """How far polling looks back: a record's stamp is set before its transaction commits."""

    @model_validator(mode="after")
    def _has_credentials(self) -> Self:
        if self.password is None and (self.client_id is None or self.client_secret is None):
            raise ValueError("give password, or client_id and client_secret")
        return self

    def capabilities(self, *, is_audited: bool) -> Capabilities:
        """Deletions leave a tombstone where the table is audited.

        Updates made with autoSysFields(false) raise no counter and no stamp: no poll and no version shows them.
        """
        return Capabilities(
            change_history=is_audited,
            write_marker=True,
            merges=self.merged_field is not None,
            version_exact=True,
            sequence=True,
            creates_with_marker=True,
            granularity=timedelta(seconds=1),
            deletes=frozenset({"event", "flag"} if is_audited else {"event"}),
        )
