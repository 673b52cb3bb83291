"""Where a change ends, seen without disturbing what is measured.

A write ends in a system's journal, which holds the time of every request; what writes nowhere notes its end in a file.
Both carry the moment itself, so that how often one looks doesn't change the latency.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from lab.systems.control import LabControl


class Finish(NamedTuple):
    """The end of a lane's change, in seconds of the epoch."""

    lane: int
    at: float


class FinishLine(Protocol):
    """Tells which lanes came in since it was last asked."""

    async def passed(self) -> list[Finish]: ...


@dataclass(frozen=True, slots=True)
class Notes:
    """Lines of `lane time` in a file that another process follows."""

    path: Path

    def add(self, lane: int, at: float) -> None:
        with self.path.open("a") as file:
            file.write(f"{lane} {at}\n")


@dataclass(slots=True)
class NotedEnds:
    """Follows such a file."""

    path: Path
    _read: int = 0
    """Characters so far."""

    async def passed(self) -> list[Finish]:
        text = self.path.read_text() if self.path.exists() else ""
        new, self._read = text[self._read :], len(text)
        return [_finish(line) for line in new.splitlines()]


def _finish(line: str) -> Finish:
    lane, at = line.split()
    return Finish(int(lane), float(at))


@dataclass(slots=True)
class JournaledWrites:
    """Writes that a system took on the records of these lanes."""

    control: LabControl
    lanes: Mapping[str, int]
    """`type/id` → lane."""
    _since: int = 0

    async def passed(self) -> list[Finish]:
        entries = await self.control.journal(self._since)
        self._since = entries[-1].n if entries else self._since
        return [
            Finish(self.lanes[record], entry.at)
            for entry in entries
            if entry.operation == "write" and entry.applied
            for record in entry.records
            if record in self.lanes
        ]
