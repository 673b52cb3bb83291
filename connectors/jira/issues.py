"""Issues as the API sends them, turned into snapshots.

Version token: `<updated, epoch ms>/<id of the newest change history entry>`. Both halves are needed: an attachment
moves only `updated`, and two saves within one tick of `updated` differ only in the entry. A webhook tells both.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import AwareDatetime, BaseModel, Field, JsonValue

from connectors.jira.changelog import Entry, Reader, parse_stamp
from connectors.jira.fields import natural
from domain.records import RecordRef, Snapshot

FIELDS = ("*all", "-comment", "-worklog", "-attachment")
"""What is read of an issue: comments, work logs and files have calls of their own and no bound."""
PROPERTY = "accord"
"""Issue property that carries the marker. Anyone who may edit the issue may edit it."""
STAMP_SLACK = timedelta(seconds=1)
"""`updated` and the entry's `created` of one save need not be the same instant."""


class Histories(BaseModel):
    """The newest entries of the change history, at most 100, as `expand=changelog` carries them."""

    entries: list[Entry] = Field(default_factory=list, alias="histories")


class IssueBody(BaseModel):
    """An issue as the API sends it."""

    id: str
    key: str
    fields: dict[str, JsonValue] = Field(default_factory=dict)
    properties: dict[str, JsonValue] = Field(default_factory=dict)
    changelog: Histories = Field(default_factory=Histories)


class IssueList(BaseModel):
    """Answer of bulkfetch: what could be seen."""

    issues: list[IssueBody] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Issue:
    """A snapshot and the newest entries of the history that came with it."""

    snapshot: Snapshot
    entries: Sequence[Entry]

    def shows_write(self, marker: str, account: str, *, since: int) -> bool:
        """Whether these fields are as our write left them: the newest save is ours, or the write changed nothing.

        `since` is the newest save known before the write.
        """
        newest = newest_of(self.entries)
        return newest is None or newest.id <= since or newest.is_write_of(marker, account)


def newest_of(entries: Iterable[Entry]) -> Entry | None:
    """The last save among these; the API's own order isn't relied on."""
    return max(entries, key=lambda entry: entry.id, default=None)


def version_of(updated: Any, entry: int | None) -> str:
    """The version token. `updated` is normalised: its zone is the account's, which may change."""
    stamp = parse_stamp(updated)
    return f"{int(stamp.timestamp() * 1000) if stamp else 0}/{entry or 0}"


def entry_in(version: str) -> int:
    """The newest entry that a version token knows of; 0 for none."""
    return int(version.partition("/")[2] or 0)


def marker_in(body: IssueBody, marker_field: str | None, label_prefix: str | None) -> str | None:
    """The marker that the issue carries: in our property, else where it can be searched."""
    kept = body.properties.get(PROPERTY)
    if isinstance(kept, dict) and isinstance(kept.get("marker"), str):
        return str(kept["marker"])
    if marker_field:
        value = body.fields.get(marker_field)
        return value if isinstance(value, str) else None
    return _labelled(body.fields.get("labels"), label_prefix)


def _labelled(labels: JsonValue, prefix: str | None) -> str | None:
    if not prefix or not isinstance(labels, list):
        return None
    return next((str(label).removeprefix(prefix) for label in labels if str(label).startswith(prefix)), None)


def modifier(updated: AwareDatetime | None, newest: Entry | None) -> str | None:
    """Who made the last change; None if it left no entry, as a comment doesn't."""
    if newest is None or newest.at is None or updated is None:
        return None
    return newest.by if newest.at >= updated - STAMP_SLACK else None


@dataclass(frozen=True, slots=True)
class IssueParser:
    """Turns bodies into issues, as one connection sees them."""

    connection: str
    site: str
    reader: Reader
    marker_field: str | None

    def parse(self, body: IssueBody, record_type: str) -> Issue:
        entries = body.changelog.entries
        newest = newest_of(entries)
        stamp: datetime | None = parse_stamp(body.fields.get("updated"))
        snapshot = Snapshot(
            ref=RecordRef(connection=self.connection, record_type=record_type, id=body.id),
            key=body.key,
            fields=self._fields(body),
            version=version_of(body.fields.get("updated"), newest.id if newest else None),
            modified_at=stamp,
            modified_by=modifier(stamp, newest),
            created_at=parse_stamp(body.fields.get("created")),
            changes={version.field: version for version in self.reader.versions(entries)},
            marker=marker_in(body, self.marker_field, self.reader.hidden_label),
            url=f"{self.site}/browse/{body.key}",
        )
        return Issue(snapshot, entries)

    def _fields(self, body: IssueBody) -> dict[str, JsonValue]:
        fields = {name: natural(name, value) for name, value in body.fields.items()}
        labels = fields.get("labels")
        if isinstance(labels, list):
            fields["labels"] = self.reader.visible(labels)
        return fields
