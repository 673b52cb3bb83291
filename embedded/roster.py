"""The list of running children on disk: what a watchdog, or the next owner, has to end when the owner was killed."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from embedded.owned_process import OwnedProcess


class Roster:
    """Children in the order of their start, one JSON file, replaced as a whole."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, processes: Iterable[OwnedProcess]) -> None:
        """Replace the list; a reader sees the old one or the new one, never half of it."""
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps([asdict(process) for process in processes]))
        new.replace(self._path)

    def read(self) -> tuple[OwnedProcess, ...]:
        """The list as last written; empty before the first start."""
        if not self._path.exists():
            return ()
        return tuple(OwnedProcess(**entry) for entry in json.loads(self._path.read_text()))
