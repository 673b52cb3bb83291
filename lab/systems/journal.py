"""Every request of the public API, so that a test can count writes and see who asked for what after a delete."""

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from lab.systems.faults import Operation

KEPT = 100_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One request.

    `records` are named `type/id`; `fields` are those that it would write; `status` is None where the connection was aborted;
    `applied` says whether a mutation took place.
    """

    n: int
    at: float
    method: str
    path: str
    query: str
    operation: Operation
    records: tuple[str, ...]
    fields: tuple[str, ...]
    actor: str | None
    status: int | None
    applied: bool
    after_delete: bool


@dataclass(slots=True)
class Journal:
    """The last hundred thousand requests, and running counters over all, in memory."""

    entries: deque[Entry] = field(default_factory=lambda: deque(maxlen=KEPT))
    _totals: Counter[str] = field(default_factory=Counter)
    _by_record: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        self.entries.append(entry)
        counted = list(_counted(entry))
        self._totals.update(counted)
        for record in entry.records:
            self._by_record.setdefault(record, Counter()).update(counted)

    def next_n(self) -> int:
        return self.entries[-1].n + 1 if self.entries else 1

    def since(self, n: int) -> list[Entry]:
        return [entry for entry in self.entries if entry.n > n]

    def counts(self) -> dict[str, Any]:
        """Counters in all and per `type/id`.

        `requests`; `attempts`: mutating requests, whatever became of them; `writes`: mutations that took place, `creates` and
        `deletes` among them; `after_delete`: requests for a record that was already deleted; each operation by its name.
        """
        return {
            "total": dict(self._totals),
            "records": {name: dict(found) for name, found in self._by_record.items()},
        }

    def clear(self) -> None:
        self.entries.clear()
        self._totals.clear()
        self._by_record.clear()


_MUTATING = {"write", "create", "delete"}


def _counted(entry: Entry) -> list[str]:
    names = ["requests", entry.operation]
    if entry.operation in _MUTATING:
        names.append("attempts")
    if entry.applied:
        names.append("writes")
        if entry.operation != "write":
            names.append(f"{entry.operation}s")
    if entry.after_delete:
        names.append("after_delete")
    return names
