"""Accounts on systems: `connections.yaml`, with secrets fetched from the environment or from files.

    servicenow:
      system: servicenow
      url: https://example.service-now.com
      user: accord
      password: ${env:SNOW_PASSWORD}
      webhook_secrets: ["${file:/run/secrets/snow_hook}"]
      clock_bound: 2s
      changes: {mode: both, every: 5m, freeze: [{start: "0 22 * * 5", for: 4h}]}

Whatever came from `${…}`, and every text under a key that names a secret, is a `SecretStr`: it shows as `**********`
in representations, dumps and logs, and only the connector opens it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path as FilePath
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from domain.capture import Capture, Changes
from domain.durations import Duration
from domain.errors import ConfigError
from domain.sides import Pair
from integrations.budget import BudgetGiven
from integrations.document import Document, read_document
from integrations.explain import explained
from integrations.mistakes import DeclarationError
from integrations.references import Expansion, referenced_files

NO_SIDES = Pair("", "")


class ConnectionConfig(BaseModel):
    """One account on one system. `settings` is the connector's own business."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")
    system: str
    """Which connector speaks to it: an entry point of `accord.connectors`."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """Values may be SecretStr, also inside lists and mappings."""
    clock_bound: Duration | None = None
    """How wrong the system's clock may be; measured, if omitted."""
    budget: BudgetGiven | None = None
    """`600 per 1m`: how many requests all processes together may make; not limited by us, if omitted."""
    expires: date | None = None
    """When the credentials end, where the system doesn't tell: an alert comes two weeks before."""
    webhook: bool = False
    """Whether deliveries of this system are accepted; on where `webhook_secrets` are set."""
    changes: Changes = Changes()
    """How its changes are heard of: by webhooks, by polling, by both; and how often is polled."""

    @model_validator(mode="after")
    def _can_hear(self) -> Self:
        if self.changes.mode == "webhook" and not self.webhook:
            raise ValueError("`changes: {mode: webhook}` needs webhook_secrets: nothing could be heard")
        return self

    def capture(self, *, stream: bool) -> Capture:
        """By which ways its changes come; `stream`: whether the system offers them as they happen."""
        return Capture.of(self.changes, webhook=self.webhook, stream=stream)


OWN_KEYS = frozenset(ConnectionConfig.model_fields) - {"name", "settings"}


def load_connections(
    path: FilePath | str, *, environ: Mapping[str, str] | None = None
) -> dict[str, ConnectionConfig]:
    """Read the connections by name, with their secrets.

    Raises:
        DeclarationError: With every mistake and its line: a secret that isn't there, a wrong key.
        ConfigError: The file can't be read.
    """
    file = FilePath(path)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: can't be read: {error}") from error
    return parse_connections(text, origin=str(path), folder=file.parent, environ=environ)


@dataclass(slots=True)
class ConnectionsFile:
    """`connections.yaml` of a running process: read at its start, and again whenever it or a secret's file changes."""

    path: FilePath
    _seen: tuple[tuple[str, int, int], ...] = ()

    def read(self) -> Mapping[str, ConnectionConfig]:
        """The connections by name; none if there is no file yet.

        Raises:
            DeclarationError: With every mistake and its line.
            ConfigError: The file can't be read.
        """
        self._seen = self._look()
        return load_connections(self.path) if self.path.exists() else {}

    def changed(self) -> Mapping[str, ConnectionConfig] | None:
        """As `read`, but None if nothing has changed since. A change that can't be used is told once."""
        return None if self._look() == self._seen else self.read()

    def _look(self) -> tuple[tuple[str, int, int], ...]:
        """Name, size and time of change of each file concerned."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return (_state(self.path),)
        return tuple(_state(file) for file in (self.path, *referenced_files(text, self.path.parent)))


def _state(file: FilePath) -> tuple[str, int, int]:
    try:
        found = file.stat()
    except OSError:
        return str(file), -1, 0
    return str(file), found.st_size, found.st_mtime_ns


def parse_connections(
    text: str,
    *,
    origin: str = "connections.yaml",
    folder: FilePath | None = None,
    environ: Mapping[str, str] | None = None,
) -> dict[str, ConnectionConfig]:
    """Read the text of a connections file; relative `${file:…}` paths start at `folder`.

    Raises:
        DeclarationError: With every mistake and its line. A secret's value is never part of a message.
    """
    document = read_document(text, origin)
    if not isinstance(document.value, dict):
        raise DeclarationError(origin, [document.mistake((), "connections belong here: `name: {system: …}`")])
    expansion = Expansion(document, os.environ if environ is None else environ, folder or FilePath())
    connections = {str(name): _connection(str(name), document, expansion) for name in document.value}
    if expansion.mistakes:
        raise DeclarationError(origin, expansion.mistakes)
    return {name: config for name, config in connections.items() if config}


def _connection(name: str, document: Document, expansion: Expansion) -> ConnectionConfig | None:
    written = document.value[name]
    if not isinstance(written, dict):
        expansion.mistakes.append(document.mistake((name,), "`{system: …}` belongs here"))
        return None
    settings = {
        str(key): expansion.of(value, (name, key)) for key, value in written.items() if key not in OWN_KEYS
    }
    own = {key: value for key, value in written.items() if key in OWN_KEYS}
    webhook = {"webhook": bool(settings.get("webhook_secrets"))} | own
    try:
        return ConnectionConfig.model_validate({**webhook, "name": name, "settings": settings})
    except ValidationError as error:
        expansion.mistakes += explained(error, document, NO_SIDES, below=(name,))
        return None
