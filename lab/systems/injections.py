"""An edit that gets in between: done just before the next read or write of a record, once."""

from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class Injection(BaseModel):
    """Before the next API read or write of `record` (that writes `on_field`, if given), `by` sets `fields` or deletes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    before: Literal["read", "write"]
    record_type: str
    record: str
    on_field: str | None = None
    fields: dict[str, Any] = {}
    delete: bool = False
    by: str = "person"

    def meets(self, before: str, record_type: str, record: str, fields: dict[str, Any]) -> bool:
        same = (self.before, self.record_type, self.record) == (before, record_type, record)
        return same and (self.on_field is None or self.on_field in fields)


@dataclass(slots=True)
class Injections:
    """Those that wait for their moment, in memory."""

    waiting: list[Injection] = field(default_factory=list)

    def take(self, before: str, record_type: str, record: str, fields: dict[str, Any]) -> list[Injection]:
        taken = [one for one in self.waiting if one.meets(before, record_type, record, fields)]
        self.waiting = [one for one in self.waiting if one not in taken]
        return taken
