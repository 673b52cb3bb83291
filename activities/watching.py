"""What of a connection somebody has declared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from activities.context import Context
from domain.integration import End, Integration
from domain.values import digest
from store import integrations


@dataclass(frozen=True, slots=True)
class Watched:
    """Records that an integration has an end in."""

    connection: str
    record_type: str
    scope: str | None

    @classmethod
    def at(cls, end: End) -> Self:
        """What is to be watched for this end of an integration."""
        return cls(end.connection, end.record_type, end.scope)

    @property
    def query(self) -> str:
        """Names the question that a poll asks: another scope is another one, with a cursor of its own."""
        return digest({"record_type": self.record_type, "scope": self.scope})


async def watched(context: Context) -> list[Watched]:
    """All that the current declarations have ends in, each once."""
    async with context.database.begin() as tx:
        versions = await integrations.versions(tx)
        rules = [await context.rules.at(tx, *version) for version in versions.items()]
    return list(dict.fromkeys(_ends(rule.integration for rule in rules)))


def _ends(declared: Iterable[Integration]) -> Iterable[Watched]:
    for rules in declared:
        for end in rules.ends:
            yield Watched.at(end)
