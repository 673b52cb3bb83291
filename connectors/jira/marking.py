"""The correlation marker in a place that JQL can search: a text field of its own, or a label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from connectors.jira.fields import edit_verbs


@dataclass(frozen=True, slots=True)
class Marking:
    """Exactly one of the two is set; the field goes before."""

    field: str | None
    label_prefix: str | None

    def as_fields(self, marker: str) -> dict[str, JsonValue]:
        """Native field → the value that finds the marker."""
        if self.field:
            return {self.field: marker}
        return {"labels": [f"{self.label_prefix}{marker}"]}

    def added_to(self, fields: Mapping[str, JsonValue], marker: str) -> dict[str, JsonValue]:
        """The fields of a new issue, with the marker among them."""
        marking = self.as_fields(marker)
        if self.field:
            return {**fields, **marking}
        return {**fields, "labels": _listed(fields.get("labels")) + _listed(marking["labels"])}

    def as_edit(self, marker: str) -> dict[str, JsonValue]:
        """The edit that marks an existing issue and leaves its labels alone."""
        marking = self.as_fields(marker)
        return (
            {"fields": marking} if self.field else {"update": {"labels": edit_verbs(marking["labels"], [])}}
        )


def _listed(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []
