"""Declarations against live systems, and into the store."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from activities.describing import asked_now, facts_of, listed_fields
from connectors.registry import Connections
from domain.errors import ConfigError, SyncError, SystemUnavailable
from domain.integration import End, Integration
from domain.sides import SIDES, Pair, Side
from gateway.answers import AppliedShown
from gateway.declarations import Declaration
from gateway.desks.controls import ControlDesk
from gateway.desks.desk import Desk
from gateway.ensuring import ensure_polls, ensure_streams
from integrations.check import NOT_ASKED, check
from integrations.findings import Finding, SystemFacts, error, warning
from store import audit, descriptions, integrations
from store.database import Database
from store.descriptions import DescriptionRow
from workflows.catalogue import pair_workflows


@dataclass(frozen=True, slots=True)
class DeclarationDesk:
    desk: Desk

    async def apply(self, declaration: Declaration, *, by: str, now: bool = False) -> AppliedShown:
        """Make it the integration's current version; running pairs take it up at their next pass.

        Args:
            declaration: Read and free of mistakes.
            by: Who applies it.
            now: Wake every pair, at a limited rate.

        Raises:
            ConfigError: It names a workflow or a connection that isn't there.
        """
        rules = declaration.rules
        refused = [*_unknown_workflow(rules), *_unknown_connections(rules, self.desk.accord.connections)]
        if refused:
            raise ConfigError("\n".join(f"{declaration.path}: {f.path}: {f.message}" for f in refused))
        async with self.desk.accord.database.begin() as tx:
            before = await integrations.current(tx, rules.name)
            version = await integrations.apply(tx, rules.name, declaration.text, by)
            is_new = before is None or before[0] != version
            if is_new:
                await audit.append(tx, by, "apply", integration=rules.name, version=version)
        with suppress(SystemUnavailable):  # a gateway does it within a minute
            await ensure_streams(self.desk.accord, renew=is_new)
            await ensure_polls(self.desk.accord, renew=is_new)
        woken = await ControlDesk(self.desk).wake(rules.name, f"version {version}") if now else 0
        return AppliedShown(integration=rules.name, version=version, is_new=is_new, woken=woken)


async def check_live(
    rules: Integration,
    connections: Connections,
    *,
    queues: Collection[str] | None = None,
    database: Database | None = None,
) -> list[Finding]:
    """Everything that can be said about a declaration, with the live systems' own words.

    A system that doesn't answer is a finding too; what it would have said isn't checked. A store knows, besides, what
    the systems said before.
    """
    refused = [*_unknown_workflow(rules), *_unknown_connections(rules, connections)]
    if refused:
        return [*refused, *check(rules, NOT_ASKED, queues=queues)]
    facts, silent = {}, []
    remembered = NOTHING if database is None else await _remembered(rules, database)
    for side in SIDES:
        try:
            facts[side] = await _ask(rules.ends[side], listed_fields(rules, side), connections, remembered)
        except SyncError as trouble:
            facts[side] = SystemFacts()
            silent.append(
                warning((side.value,), f"couldn't be asked, so it isn't checked: {trouble.message}")
            )
    return [*silent, *check(rules, Pair(facts[Side.A], facts[Side.B]), queues=queues)]


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the store knows of a declaration's record types."""

    rows: Mapping[tuple[str, str], DescriptionRow]
    applied_at: datetime | None


NOTHING = Remembered({}, None)


async def _remembered(rules: Integration, database: Database) -> Remembered:
    try:
        async with database.begin() as tx:
            rows = {(row.connection, row.record_type): row for row in await descriptions.all_seen(tx)}
            return Remembered(rows, (await integrations.last_applied(tx)).get(rules.name))
    except SystemUnavailable:
        return NOTHING


async def _ask(
    end: End, listed: Collection[str], connections: Connections, remembered: Remembered
) -> SystemFacts:
    connector = connections.get(end.connection)
    reading = await connector.probe()
    bound = connections.configs[end.connection].clock_bound
    known = remembered.rows.get((end.connection, end.record_type))
    known = known or DescriptionRow(end.connection, end.record_type)
    return replace(
        facts_of(await asked_now(connector, known, listed, datetime.now(UTC)), remembered.applied_at),
        compare_and_set=connector.capabilities.compare_and_set,
        change_history=connector.capabilities.change_history,
        unlogged=connector.capabilities.unlogged,
        field_stamps=connector.capabilities.field_stamps,
        clock_uncertainty=bound or reading.uncertainty,
    )


def _unknown_workflow(rules: Integration) -> Iterator[Finding]:
    known = pair_workflows()
    if rules.workflow is not None and rules.workflow not in known:
        yield error(("workflow",), f"no workflow {rules.workflow!r} (there are: {', '.join(sorted(known))})")


def _unknown_connections(rules: Integration, connections: Connections) -> Iterator[Finding]:
    known = ", ".join(sorted(connections.configs)) or "none"
    for side in SIDES:
        name = rules.ends[side].connection
        if name not in connections.configs:
            yield error(
                (side.value, "connection"), f"no connection {name!r} is configured (there are: {known})"
            )
