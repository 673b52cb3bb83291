"""The changelog: one entry per save that changed fields. Comments and properties leave none.

Source: Jira Cloud REST v3, "Get changelogs"; single entries carry an ISO time, the bulk call an epoch number.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from lab.systems.jira.fields import Field
from lab.systems.jira.shapes import Shapes, project_of
from lab.systems.jira.site import Json
from lab.systems.jira.times import time_text
from lab.systems.records import Change, Record, Save

UNLOGGED: Final = {"comments", "properties", "resolutiondate"}
FIRST_ID: Final = 10000
EXPANDED: Final = 100
"""The most entries that an expanded issue shows."""


@dataclass(frozen=True, slots=True)
class Changelog:
    """Turns saves into entries."""

    shapes: Shapes

    def entries(self, saves: list[Save]) -> list[Json]:
        """Oldest first."""
        return [entry for save in saves if (entry := self.entry(save))]

    def expanded(self, saves: list[Save], record: Record) -> Json:
        """What `expand=changelog` adds to an issue in this state: the newest entries first."""
        entries = self.entries([save for save in saves if save.record.version <= record.version])
        newest = entries[::-1][:EXPANDED]
        return {"startAt": 0, "maxResults": len(newest), "total": len(newest), "histories": newest}

    def entry(self, save: Save) -> Json | None:
        """None if the save changed nothing that is logged, or made the issue."""
        items = list(self.items(save))
        if not items:
            return None
        shape = {
            "id": entry_id(save),
            "author": self.shapes.site.person(save.record.modified_by),
            "created": time_text(save.record.modified_at),
            "items": items,
        }
        return shape | ({"historyMetadata": json.loads(save.marker)} if save.marker else {})

    def items(self, save: Save) -> Iterator[Json]:
        if save.event == "moved":
            yield from self._moved(save.changes[0])
        if save.event == "updated":
            for change in save.changes:
                if change.field not in UNLOGGED:
                    yield self._item(change)

    def _moved(self, change: Change) -> Iterator[Json]:
        old, new = project_of(change.old), project_of(change.new)
        project = Field("project", "Project", "project")
        if old != new:
            yield self._item_of(project, old, new)
        yield self._item_of(Field("Key", "Key", "key"), change.old, change.new)

    def _item(self, change: Change) -> Json:
        field = self.shapes.fields.get(change.field, Field(change.field, change.field, "text"))
        return self._item_of(field, change.old, change.new)

    def _item_of(self, field: Field, old: Any, new: Any) -> Json:
        return {
            "field": field.name if field.is_custom else field.id,
            "fieldtype": "custom" if field.is_custom else "jira",
            "fieldId": field.id,
            "from": self._id(field, old),
            "fromString": self._text(field, old),
            "to": self._id(field, new),
            "toString": self._text(field, new),
        }

    def _id(self, field: Field, value: Any) -> str | None:
        if value is None or field.kind in {"labels", "components", "options"}:
            return None
        shown = self.shapes.codec.show(field, value)
        if not isinstance(shown, dict) or shown.get("type") == "doc":
            return None
        return str(shown.get("accountId", shown.get("id")))

    def _text(self, field: Field, value: Any) -> str | None:
        match value:
            case None:
                return None
            case list():
                return " ".join(map(str, value))
        return str(self.shapes.site.person(value)["displayName"]) if field.kind == "user" else str(value)


def entry_id(save: Save) -> str:
    """Rises over the whole site."""
    return str(FIRST_ID + save.n)
