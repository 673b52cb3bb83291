"""`${env:NAME}` and `${file:PATH}` in a file's values: fetched, and wrapped as secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from pydantic import SecretStr

from integrations.document import Document
from integrations.mistakes import Mistake, Path

REFERENCE = re.compile(r"\$\{(\w+):([^}]*)\}")
SECRET_KEY = re.compile(r"password|passphrase|token|secret|api_?key|private_?key", re.IGNORECASE)
LARGEST_SECRET = 64 * 1024


@dataclass(slots=True)
class Expansion:
    """Puts secrets in place and collects what is missing, so that one run names everything."""

    document: Document
    environ: Mapping[str, str]
    folder: FilePath
    """Where relative `${file:…}` paths start."""
    mistakes: list[Mistake] = field(default_factory=list)

    def of(self, written: Any, path: Path) -> Any:
        """The value with its references replaced; texts that are secret are wrapped."""
        match written:
            case dict():
                return {key: self.of(value, (*path, key)) for key, value in written.items()}
            case list():
                return [self.of(value, (*path, index)) for index, value in enumerate(written)]
            case str():
                return self._text(written, path)
            case _:
                return written

    def _text(self, written: str, path: Path) -> str | SecretStr:
        expanded = REFERENCE.sub(lambda found: self._fetched(found[1], found[2].strip(), path), written)
        is_secret = bool(REFERENCE.search(written)) or any(SECRET_KEY.search(str(step)) for step in path[1:])
        return SecretStr(expanded) if is_secret else expanded

    def _fetched(self, source: str, name: str, path: Path) -> str:
        try:
            return self._from(source, name)
        except LookupError as missing:
            self.mistakes.append(self.document.mistake(path, str(missing)))
            return ""

    def _from(self, source: str, name: str) -> str:
        match source:
            case "env":
                return _from_environment(name, self.environ)
            case "file":
                return _from_file(self.folder / name)
            case _:
                raise LookupError(f"`${{{source}:…}}` is unknown; write ${{env:NAME}} or ${{file:PATH}}")


def referenced_files(text: str, folder: FilePath) -> list[FilePath]:
    """The files that hold the secrets of this text."""
    found = (match for match in REFERENCE.finditer(text) if match[1] == "file")
    return [folder / match[2].strip() for match in found]


def _from_environment(name: str, environ: Mapping[str, str]) -> str:
    value = environ.get(name)
    if not value:
        state = "not set" if value is None else "empty"
        raise LookupError(f"the environment variable {name} is {state}")
    return value


def _from_file(file: FilePath) -> str:
    try:
        value = file.read_text(encoding="utf-8")[:LARGEST_SECRET].rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no text"
        raise LookupError(f"the file {file} can't be read: {reason}") from error
    if not value:
        raise LookupError(f"the file {file} is empty")
    return value
