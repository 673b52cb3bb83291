"""The one place where records change: people's edits, API writes and automations all pass here."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from lab.systems.clock import Clock
from lab.systems.database import Database
from lab.systems.records import Author, Change, Event, Origin, Record, Records, Save
from lab.systems.rules import as_stored, triggered
from lab.systems.settings import AutomationRule, Settings, Switches

AUTOMATION: Literal["automation"] = "automation"
CASCADE_LIMIT = 10  # automations that fire each other stop here, as real systems cut such loops


class Identify(Protocol):
    """A system's scheme of ids and keys: (record type, fields, next number of a series) → (id, key)."""

    def __call__(
        self, record_type: str, fields: dict[str, Any], next_number: Callable[[str], int]
    ) -> tuple[str, str]: ...


@dataclass(frozen=True, slots=True)
class Desk:
    """Creates, edits, moves and deletes. Each call is one transaction: saves, automations and queued webhooks together."""

    database: Database
    records: Records
    clock: Clock
    switches: Switches[Settings]
    identify: Identify
    announce: Callable[[Save], None]
    settle: Callable[[Record, dict[str, Any], Author], dict[str, Any]]

    def create(self, record_type: str, fields: dict[str, Any], author: Author) -> Save:
        record_id, key = self.identify(record_type, fields, self.records.next_number)
        stamp = self.clock.stamp(author.at)
        blank = Record(record_type, record_id, key, 0, {}, False, stamp, author.by, stamp, author.by)
        with self.database.transaction():
            return self._save(blank, "created", self._stored(blank, fields, author), author)

    def edit(self, record: Record, fields: dict[str, Any], author: Author) -> Save | None:
        """Change the named fields only; None if nothing would change: then there is no save, no version, no webhook."""
        with self.database.transaction():
            return self._edit(record, fields, author, depth=0)

    def delete(self, record: Record, author: Author) -> Save:
        with self.database.transaction():
            return self._keep(replace(record, deleted=True), "deleted", (), author)

    def move(self, record: Record, key: str, author: Author) -> Save:
        """Give the record another key, as a Jira issue gets when it changes project; its id stays."""
        change = Change("key", record.key, key, author.by, author.origin)
        with self.database.transaction():
            return self._keep(replace(record, key=key), "moved", (change,), author)

    def _edit(self, record: Record, fields: dict[str, Any], author: Author, depth: int) -> Save | None:
        stored = self._stored(record, fields, author)
        if all(field in record.fields and record.fields[field] == value for field, value in stored.items()):
            return None
        return self._save(record, "updated", stored, author, depth)

    def _save(
        self, record: Record, event: Event, stored: dict[str, Any], author: Author, depth: int = 0
    ) -> Save:
        changes = list(_changes(record.fields, stored, author.by, author.origin))
        after = record.fields | stored
        rules = list(triggered(self._settings.automation, record.record_type, record.fields, after))
        for rule in (rule for rule in rules if rule.same_save):
            looked_at = replace(record, fields=after, version=record.version + 1)
            ruled = self._stored(looked_at, rule.set, Author(AUTOMATION, AUTOMATION, author.at))
            changes += _changes(after, ruled, AUTOMATION, AUTOMATION)
            after |= ruled
        save = self._keep(replace(record, fields=after), event, tuple(changes), author)
        self._automate([rule for rule in rules if not rule.same_save], save, depth)
        return save

    def _stored(self, record: Record, fields: dict[str, Any], author: Author) -> dict[str, Any]:
        return as_stored(self._settings, self.settle(record, fields, author))

    def _automate(self, rules: list[AutomationRule], save: Save, depth: int) -> None:
        author = Author(AUTOMATION, AUTOMATION, save.at)
        for rule in rules if depth < CASCADE_LIMIT else []:
            head = self.records.head(save.record.record_type, save.record.id)
            assert head is not None
            self._edit(head, rule.set, author, depth + 1)

    def _keep(self, record: Record, event: Event, changes: tuple[Change, ...], author: Author) -> Save:
        saved = replace(
            record,
            version=record.version + 1,
            modified_at=self.clock.stamp(author.at),
            modified_by=author.by,
        )
        now = self.clock.true_time()
        save = self.records.append(
            Save(0, saved, event, changes, author.origin, author.marker, author.at, now)
        )
        self.announce(save)
        return save

    @property
    def _settings(self) -> Settings:
        return self.switches.now


def _changes(before: dict[str, Any], written: dict[str, Any], by: str, origin: Origin) -> Iterator[Change]:
    for field, value in written.items():
        if field not in before or before[field] != value:
            yield Change(field, before.get(field), value, by, origin)
