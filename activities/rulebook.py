"""Declarations by version, parsed once per process."""

from __future__ import annotations

from dataclasses import dataclass, field

from domain.errors import ConfigError
from domain.integration import Integration
from integrations.loader import parse_integration
from store import integrations
from store.database import Tx


@dataclass(frozen=True, slots=True)
class Rules:
    """One version of a declaration. Versions are immutable, so a parsed one stays true."""

    version: int
    integration: Integration


@dataclass(frozen=True, slots=True)
class RuleBook:
    _parsed: dict[tuple[str, int], Rules] = field(default_factory=dict)

    async def at(self, tx: Tx, name: str, version: int) -> Rules:
        """The declaration in this version.

        Raises:
            ConfigError: The store has no such version.
        """
        known = self._parsed.get((name, version))
        if known is None:
            source = await integrations.get(tx, name, version)
            if source is None:
                raise ConfigError(
                    f"integration {name} has no version {version}: run `accord apply` with its file"
                )
            known = self._parsed[(name, version)] = Rules(
                version, parse_integration(source, origin=f"{name} v{version}")
            )
        return known
