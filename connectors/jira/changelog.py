"""Jira's change history: entries of one save each, and what they say of a field.

The log keeps ids and texts, not values: `{"field": "status", "from": "1", "fromString": "Open", …}`. Fields whose log
is not the whole value (versions and components are logged one by one, lists of options as joined text) give the text
of the log: enough to see *that* somebody changed them.

Source: Jira Cloud REST, "Get changelogs", read 2026-11.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, Field, JsonValue, field_validator

from connectors.jira.fields import Catalogue, Schema, find_info, is_text_set
from domain.records import FieldVersion, Origin

METADATA_TYPE = "accord"
"""Of the history metadata that our writes carry."""

ORIGINS = {"atlassian": Origin.PERSON, "customer": Origin.PERSON, "app": Origin.AUTOMATION}
"""By account type."""


def parse_stamp(written: Any) -> datetime | None:
    """`2026-01-06T10:38:52.004+0000`, or epoch milliseconds; None if it can't be read."""
    if isinstance(written, int | float):
        return datetime.fromtimestamp(written / 1000, UTC)
    try:
        return datetime.fromisoformat(written)
    except (TypeError, ValueError):
        return None


class Author(BaseModel):
    account: str | None = Field(default=None, alias="accountId")
    kind: str | None = Field(default=None, alias="accountType")


class Metadata(BaseModel):
    type: str | None = None
    extra: dict[str, JsonValue] = Field(default_factory=dict, alias="extraData")


class Item(BaseModel):
    """One field in one save."""

    field: str
    field_id: str | None = Field(default=None, alias="fieldId")
    old_id: str | None = Field(default=None, alias="from")
    old_text: str | None = Field(default=None, alias="fromString")
    new_id: str | None = Field(default=None, alias="to")
    new_text: str | None = Field(default=None, alias="toString")

    @property
    def native(self) -> str:
        return self.field_id or self.field


class Entry(BaseModel):
    """One save."""

    id: int
    author: Author | None = None
    at: AwareDatetime | None = Field(default=None, alias="created")
    items: list[Item] = Field(default_factory=list)
    metadata: Metadata | None = Field(default=None, alias="historyMetadata")

    @field_validator("at", mode="before")
    @classmethod
    def _read_stamp(cls, written: Any) -> datetime | None:
        return parse_stamp(written)

    @property
    def by(self) -> str | None:
        return self.author.account if self.author else None

    def is_ours(self, account: str) -> bool:
        """Whether Accord made it: it says so, or our own account did. Rules of the site run as other accounts."""
        return self.by == account or (self.metadata is not None and self.metadata.type == METADATA_TYPE)

    def is_write_of(self, marker: str, account: str) -> bool:
        """Whether a write with this marker made it; by the account alone where the log keeps no marker."""
        kept = self.metadata.extra.get("marker") if self.metadata else None
        return kept == marker if kept is not None else self.is_ours(account)

    def origin(self, account: str) -> Origin:
        if self.is_ours(account):
            return Origin.ACCORD
        kind = self.author.kind if self.author else None
        return ORIGINS.get(kind or "", Origin.UNKNOWN)


def history_metadata(marker: str) -> dict[str, JsonValue]:
    """What a write of ours leaves in the change history."""
    return {
        "type": METADATA_TYPE,
        "activityDescription": "Accord",
        "description": "Accord keeps this issue in step",
        "extraData": {"marker": marker},
    }


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads entries as one connection sees them."""

    catalogue: Catalogue
    account: str
    hidden_label: str | None
    """Labels with this prefix carry the marker and are no one's value."""

    def versions(self, entries: Iterable[Entry]) -> list[FieldVersion]:
        """The fields' versions, oldest first."""
        ordered = sorted(entries, key=lambda entry: entry.id)
        return [version for entry in ordered for version in self._versions_of(entry)]

    def _versions_of(self, entry: Entry) -> list[FieldVersion]:
        versions = [self._version(entry, item) for item in entry.items]
        return [version for version in versions if version.value != version.old]

    def _version(self, entry: Entry, item: Item) -> FieldVersion:
        schema = find_info(self.catalogue, item.native).schema_
        return FieldVersion(
            field=item.native,
            value=self._value(item.new_id, item.new_text, schema),
            old=self._value(item.old_id, item.old_text, schema),
            at=entry.at,
            by=entry.by,
            origin=entry.origin(self.account),
        )

    def _value(self, logged_id: str | None, text: str | None, schema: Schema) -> JsonValue:
        if is_text_set(schema):
            return list(self.visible((text or "").split()))
        if schema.type == "user":
            return logged_id or None
        return as_number(text) if schema.type == "number" else text or None

    def visible(self, labels: Sequence[JsonValue]) -> list[JsonValue]:
        """The labels without our marker."""
        prefix = self.hidden_label
        return [label for label in labels if not (prefix and str(label).startswith(prefix))]


def as_number(text: str | None) -> JsonValue:
    """The number that the log's text spells, whole where it is whole; the text itself if it spells none."""
    try:
        number = float(text or "")
    except ValueError:
        return text or None
    return int(number) if number.is_integer() else number
