"""What every activity works with. Built once in the composition root, passed in; nothing is opened at import."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from activities.notifying import Notifier
from activities.reading import clock_of
from activities.rulebook import RuleBook
from connectors.base import Connector
from connectors.registry import Connections
from domain.integration import Integration
from domain.records import Clock
from domain.sides import Pair
from store.database import Database


def real_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Context:
    """Database, connections, rules, custom policies, and the clock."""

    database: Database
    connections: Connections
    rules: RuleBook = field(default_factory=RuleBook)
    custom: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    notifier: Notifier = field(default_factory=Notifier)
    decide_by_signal: bool = False
    """Whether plain Temporal signals may decide reviews, where the declaration doesn't say."""
    now: Callable[[], datetime] = real_now

    def connectors(self, rules: Integration) -> Pair[Connector]:
        return rules.ends.map(lambda end: self.connections.get(end.connection))

    def systems(self, rules: Integration) -> Pair[str]:
        return self.connectors(rules).map(lambda connector: connector.system)

    def clock(self, connection: str) -> Clock:
        """How far this connection's stamps can be trusted now."""
        config = self.connections.configs[connection]
        bound = None if config.clock_bound is None else Clock(uncertainty=config.clock_bound)
        return clock_of(self.connections.get(connection), bound)
