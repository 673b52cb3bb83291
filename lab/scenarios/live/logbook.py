"""What gateway and workers wrote into their logs during a case: never a secret, a body, or a line made by a record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embedded.stack import EmbeddedStack
from lab.scenarios.corpus import Event


@dataclass(slots=True)
class Logbook:
    """The logs from here on."""

    stack: EmbeddedStack
    starts: dict[Path, int] = field(default_factory=dict)
    """Log file → bytes that stood in it before."""

    def open(self) -> None:
        self.starts = {path: path.stat().st_size for path in self._files()}

    def text(self) -> str:
        """All that was written since, file by file."""
        return "\n".join(_read_from(path, self.starts.get(path, 0)) for path in self._files())

    def _files(self) -> list[Path]:
        ours = [one.log_file for one in self.stack.states() if one.name.startswith(("gateway", "worker"))]
        return [path for path in ours if path.exists()]


def forged_lines(text: str, events: Sequence[Event]) -> Iterator[str]:
    """Log lines that some record's value begins: who writes a newline into a ticket must not write our log."""
    lines = text.splitlines()
    for value in dict.fromkeys(found for event in events for found in _texts(event.words)):
        for forged in value.splitlines()[1:]:
            if forged.strip() and any(line.startswith(forged) for line in lines):
                yield forged


def _texts(written: Any) -> Iterator[str]:
    if isinstance(written, str):
        yield written
    elif isinstance(written, dict):
        for value in written.values():
            yield from _texts(value)
    elif isinstance(written, list):
        for value in written:
            yield from _texts(value)


def _read_from(path: Path, start: int) -> str:
    with path.open("rb") as log:
        log.seek(start if path.stat().st_size >= start else 0)
        return log.read().decode(errors="replace")
