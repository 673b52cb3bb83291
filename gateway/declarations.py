"""Declarations as people name them: a file, or an integration by name. No store, no running stack needed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from domain.errors import ConfigError
from domain.integration import Integration
from domain.sides import Pair
from gateway.assembly import read_connections
from integrations.loader import parse_integration
from integrations.policies import custom_policies
from integrations.settings import Settings


@dataclass(frozen=True, slots=True)
class Declaration:
    """A declaration's text and what it says."""

    path: Path
    text: str
    rules: Integration

    @property
    def expectations(self) -> Path:
        """Where the outcomes of its rehearsal are recorded."""
        return self.path.with_name(f"{self.path.stem}.rehearsal.yaml")


def read_declaration(named: str, settings: Settings) -> Declaration:
    """The file with this path, or of this name in the folder of integrations.

    Raises:
        DeclarationError: It is wrong: every mistake with its line.
        ConfigError: There is no such file.
    """
    path = _path(named, settings)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: can't be read: {error}") from error
    return Declaration(
        path, text, parse_integration(text, origin=str(path), custom_policies=custom_policies())
    )


def _path(named: str, settings: Settings) -> Path:
    tried = [Path(named), settings.integrations_dir / named, settings.integrations_dir / f"{named}.yaml"]
    for path in tried:
        if path.is_file():
            return path
    known = sorted(path.stem for path in settings.integrations_dir.glob("*.yaml"))
    there = f"; in {settings.integrations_dir} there are: {', '.join(known)}" if known else ""
    raise ConfigError(f"there is no declaration {named!r}{there}")


def called(rules: Integration, settings: Settings) -> Pair[str]:
    """What people call the systems, as far as the connections are configured here."""
    configs = read_connections(settings)
    return rules.ends.map(
        lambda end: configs[end.connection].system if end.connection in configs else end.connection
    )
