"""Deliveries of `business_rule.js`, which the customer installs: ServiceNow sends no webhooks by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel

from connectors.servicenow.rows import version_of
from domain.records import ChangeNotice, RecordRef

SCRIPT = Path(__file__).with_name("business_rule.js")

KINDS: dict[str, Literal["changed", "created", "deleted"]] = {
    "insert": "created",
    "update": "changed",
    "delete": "deleted",
}


class Delivery(BaseModel):
    """The body. It says which record changed; what it holds now is read from the instance."""

    event_id: str
    table: str
    sys_id: str
    operation: str
    sys_mod_count: str | int = ""
    sys_updated_on: str = ""

    def notices(self, connection: str, observed_at: AwareDatetime) -> list[ChangeNotice]:
        """The notice in it; none for an operation that we don't know."""
        kind = KINDS.get(self.operation)
        if kind is None:
            return []
        shown = {"sys_mod_count": str(self.sys_mod_count), "sys_updated_on": self.sys_updated_on}
        return [
            ChangeNotice(
                ref=RecordRef(connection=connection, record_type=self.table, id=self.sys_id),
                source="webhook",
                kind=kind,
                version=version_of(shown) if self.sys_updated_on else None,
                delivery_id=self.event_id,
                observed_at=observed_at,
            )
        ]


def webhook_steps(url: str) -> tuple[str, ...]:
    """How a ServiceNow administrator has an instance tell Accord of changes."""
    return (
        f"System Properties > New: `accord.webhook.url`, type string, value {url}",
        (
            "System Properties > New: `accord.webhook.secret`, type password, at least 32 random characters, the same as in "
            "webhook_secrets of the connection."
        ),
        (
            "System Definition > Business Rules > New, for each table that is synchronised: Advanced, When: after; Insert, "
            "Update and Delete; Order 10000."
        ),
        f"Paste this file as its script: {SCRIPT}",
        "Edit a record, then run `accord webhooks check` again: it shows when the last delivery came.",
    )
