"""The log: what happened to an incident, derived from its saves. Edits of title, body and resolution leave no entry.

Source: PagerDuty REST API v2, "Log entries". How priority, urgency and a reopening are logged is unverified; here a priority is a
`field_value_change`, an urgency an `urgency_change` whose channel names both, and a reopening what its new status says.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from lab.systems.pagerduty.account import Account, Json
from lab.systems.pagerduty.shapes import Shapes
from lab.systems.pagerduty.times import time_text
from lab.systems.records import Change, Save

_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_STATUS_TYPES: Final = {"triggered": "unacknowledge", "acknowledged": "acknowledge", "resolved": "resolve"}
_OVERVIEW: Final = {"trigger", "acknowledge", "unacknowledge", "resolve", "assign", "annotate"}

Entry = tuple[str, Json, str]
"""Type without its suffix, channel, summary."""


@dataclass(frozen=True, slots=True)
class Log:
    """Turns saves into log entries, oldest first."""

    shapes: Shapes

    @property
    def account(self) -> Account:
        return self.shapes.account

    def entries(self, saves: list[Save], *, overview: bool) -> Iterator[Json]:
        for save in saves:
            for place, (kind, channel, summary) in enumerate(self._of(save)):
                if not overview or kind in _OVERVIEW:
                    yield self._shape(save, place, kind, channel, summary)

    def _of(self, save: Save) -> Iterator[Entry]:
        """What one save puts in the log."""
        if save.event == "created":
            yield "trigger", {"type": "api"}, "Triggered through the API."
            yield from self._assigned(save.record.fields["assignees"])
            return
        readers: dict[str, Callable[[Change], Iterator[Entry]]] = {
            "status": self._status,
            "urgency": self._urgency,
            "priority": self._priority,
            "service": self._service,
            "assignees": lambda change: self._assigned(change.new),
            "notes": self._note,
        }
        for change in save.changes:
            if change.field in readers:
                yield from readers[change.field](change)
        yield from self._custom_fields(save.changes)

    def _status(self, change: Change) -> Iterator[Entry]:
        kind = _STATUS_TYPES[change.new]
        yield kind, {"type": "api"}, f"{kind.title()}d through the API."

    def _urgency(self, change: Change) -> Iterator[Entry]:
        channel = {"type": "api", "old_urgency": change.old, "new_urgency": change.new}
        yield "urgency_change", channel, f"Urgency changed to {change.new}."

    def _priority(self, change: Change) -> Iterator[Entry]:
        old, new = self.account.priority_id(change.old), self.account.priority_id(change.new)
        yield "field_value_change", _application_field("priority", old, new), "Priority changed."

    def _service(self, change: Change) -> Iterator[Entry]:
        yield "field_value_change", _application_field("service", change.old, change.new), "Service changed."

    def _assigned(self, names: list[str]) -> Iterator[Entry]:
        for name in names:
            yield "assign", {"type": "auto"}, f"Assigned to {self.account.person(name).name}."

    def _note(self, change: Change) -> Iterator[Entry]:
        known = {note["id"] for note in change.old or []}
        for note in change.new:
            if note["id"] not in known:
                yield "annotate", {"type": "note", "summary": note["content"]}, "Note added."

    def _custom_fields(self, changes: tuple[Change, ...]) -> Iterator[Entry]:
        definitions = self.account.settings.custom_fields
        changed = [
            {
                "id": definitions[change.field].id,
                "name": change.field,
                "namespace": "incidents",
                "value": change.new,
                "old_value": change.old,
            }
            for change in changes
            if change.field in definitions
        ]
        if changed:
            channel = {"type": "api", "changeset": {"customer_fields": changed}}
            yield "custom_field_value_change", channel, "Custom fields changed."

    def _shape(self, save: Save, place: int, kind: str, channel: Json, summary: str) -> Json:
        fields = save.record.fields
        entry_type = f"{kind}_log_entry"
        return self.account.reference(entry_type, "log_entries", _entry_id(save.n, place), summary) | {
            "created_at": time_text(save.record.modified_at),
            "agent": self.account.agent(save.record.modified_by),
            "channel": channel,
            "incident": self.shapes.reference(save.record),
            "service": self.account.service_reference(fields["service"]),
            "teams": [],
            "contexts": [],
        }


def _application_field(name: str, old: Any, new: Any) -> Json:
    change = {"id": new or old, "name": name, "namespace": "incidents", "value": new, "old_value": old}
    return {"type": "api", "changeset": {"application_fields": [change]}}


def _entry_id(n: int, place: int) -> str:
    """`R` and 13 digits of base 36; rises with every entry of the account."""
    number, digits = n * 100 + place, ""
    for _ in range(13):
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return f"R{digits}"
