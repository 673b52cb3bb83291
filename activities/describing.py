"""Watches what systems say of their record types: a change that hits a declaration raises an alert before a ticket does.

Each record type that a declaration has an end in is described once per interval, by whichever gateway claims it. What
is kept is judged by the checks of `accord check`, again whenever a description or a declaration is new: an alert stands
as long as its finding does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from activities.context import Context
from activities.urgency import BACKGROUND_FROM, set_urgency
from connectors.base import Connector
from domain.description import standing_changes
from domain.errors import ConfigError, SyncError
from domain.integration import Integration
from domain.sides import SIDES, Pair, Side
from integrations.document import read_document
from integrations.findings import Finding, SystemFacts
from integrations.schema_checks import schema_findings
from store import alerts, descriptions, integrations
from store.database import Tx
from store.descriptions import DescriptionRow

log = structlog.get_logger(__name__)

KIND = "schema_drift"
AT_ONCE = 4
"""Record types asked about at the same time."""

Place = tuple[str, str]
"""Connection and record type."""


def listed_fields(rules: Integration, side: Side) -> set[str]:
    """Native fields whose allowed values matter."""
    return {one.native(side) for one in rules.fields if one.values is not None}


async def asked_now(
    connector: Connector, known: DescriptionRow, listed: Iterable[str], at: datetime
) -> DescriptionRow:
    """What the system says now, with what differs from what was known before; nothing is kept.

    Raises:
        SyncError: The system can't be asked.
    """
    now = await connector.describe(known.record_type, sorted(listed))
    before = known.description or now
    changes = standing_changes(known.changes, before, now, at)
    return DescriptionRow(known.connection, known.record_type, now, changes, known.seen_at)


def facts_of(known: DescriptionRow | None, applied_at: datetime | None) -> SystemFacts:
    """What the checks want to know of it.

    Args:
        known: What the system said, if it was ever asked.
        applied_at: When the declaration's current version was: what changed in a field before, its owner has seen to.
    """
    if known is None or known.description is None:
        return SystemFacts()
    new = [one for one in known.changes if not one.says_how or applied_at is None or one.at > applied_at]
    fields = known.description.fields
    return SystemFacts(
        fields=None if fields is None else [*fields], allowed=known.description.allowed, changes=new
    )


@dataclass(slots=True)
class SchemaWatch:
    """Of one process; several share the work."""

    context: Context
    every: timedelta
    """Between two descriptions of a record type."""
    _judged: object = None
    """What was judged last: declarations and descriptions, by version and time."""

    async def look(self) -> None:
        """Ask about what is due, then judge what is new.

        Raises:
            SystemUnavailable: The store doesn't answer.
        """
        set_urgency(BACKGROUND_FROM)
        turn = asyncio.Semaphore(AT_ONCE)
        wanted = await self._wanted()
        await asyncio.gather(*(self._ask(place, listed, turn) for place, listed in wanted.items()))
        await self.judge()

    async def _wanted(self) -> dict[Place, set[str]]:
        found: dict[Place, set[str]] = {}
        async with self.context.database.begin() as tx:
            for rules in (await self._declared(tx)).values():
                for side in SIDES:
                    end = rules.ends[side]
                    if end.connection in self.context.connections.configs:
                        place = (end.connection, end.record_type)
                        found.setdefault(place, set()).update(listed_fields(rules, side))
        return found

    async def _ask(self, place: Place, listed: Iterable[str], turn: asyncio.Semaphore) -> None:
        """A system that doesn't answer is asked again when it is next due: its outage has an alert of its own."""
        async with turn:
            async with self.context.database.begin() as tx:
                if not await descriptions.claim(tx, *place, self.every):
                    return
                known = await descriptions.get(tx, *place)
            try:
                connector = self.context.connections.get(known.connection)
                found = await asked_now(connector, known, listed, self.context.now())
            except SyncError as error:
                log.warning("not_described", connection=place[0], record_type=place[1], reason=error.message)
                return
            assert found.description is not None
            async with self.context.database.begin() as tx:
                await descriptions.keep(tx, *place, found.description, found.changes)

    async def judge(self) -> None:
        """Have an alert stand for each mismatch, and for none that is mended.

        Raises:
            SystemUnavailable: The store doesn't answer.
        """
        async with self.context.database.begin() as tx:
            seen, applied = await descriptions.seen_at(tx), await integrations.last_applied(tx)
            if (seen, applied) == self._judged:
                return
            known = {(row.connection, row.record_type): row for row in await descriptions.all_seen(tx)}
            for name, rules in (await self._declared(tx)).items():
                systems = [known.get((end.connection, end.record_type)) for end in rules.ends]
                facts = [facts_of(system, applied.get(name)) for system in systems]
                await self._judge_one(tx, rules, Pair(*facts))
        self._judged = (seen, applied)

    async def _judge_one(self, tx: Tx, rules: Integration, facts: Pair[SystemFacts]) -> None:
        prefix = f"schema/{rules.name}/"
        found = {f"{prefix}{one.alert}": one for one in schema_findings(rules, facts) if one.alert}
        await alerts.clear_under(tx, prefix, keep=[*found])
        if found:
            _, source = await integrations.current(tx, rules.name) or (0, "")
            for key, one in found.items():
                await alerts.raise_(tx, key, KIND, None, _said(rules.name, source, one))

    async def _declared(self, tx: Tx) -> dict[str, Integration]:
        """Current declarations that can be read; those that can't be are told of where they are needed."""
        found = {}
        for name, version in (await integrations.versions(tx)).items():
            try:
                found[name] = (await self.context.rules.at(tx, name, version)).integration
            except ConfigError as error:
                log.warning("not_judged", integration=name, reason=error.message)
        return found


def _said(name: str, source: str, finding: Finding) -> str:
    line = read_document(source, name).locate(finding.at)[1]
    return f"{name}, line {line}, {finding.path}: {finding.message}"
