"""Declarations against live systems, and into the store."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from pydantic import JsonValue

from connectors.base import Connector
from connectors.registry import Connections
from domain.errors import ConfigError, SyncError, SystemUnavailable
from domain.integration import Integration
from domain.sides import SIDES, Pair, Side
from gateway.answers import AppliedShown
from gateway.declarations import Declaration
from gateway.desks.controls import ControlDesk
from gateway.desks.desk import Desk
from gateway.ensuring import ensure_polls, ensure_streams
from integrations.check import NOT_ASKED, check
from integrations.findings import Finding, SystemFacts, error, warning
from store import audit, integrations
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
    rules: Integration, connections: Connections, *, queues: Collection[str] | None = None
) -> list[Finding]:
    """Everything that can be said about a declaration, with the live systems' own words.

    A system that doesn't answer is a finding too; what it would have said isn't checked.
    """
    refused = [*_unknown_workflow(rules), *_unknown_connections(rules, connections)]
    if refused:
        return [*refused, *check(rules, NOT_ASKED, queues=queues)]
    facts, silent = {}, []
    for side in SIDES:
        try:
            facts[side] = await _ask(rules, side, connections)
        except SyncError as trouble:
            facts[side] = SystemFacts()
            silent.append(
                warning((side.value,), f"couldn't be asked, so it isn't checked: {trouble.message}")
            )
    return [*silent, *check(rules, Pair(facts[Side.A], facts[Side.B]), queues=queues)]


async def _ask(rules: Integration, side: Side, connections: Connections) -> SystemFacts:
    end = rules.ends[side]
    connector = connections.get(end.connection)
    reading = await connector.probe()
    bound = connections.configs[end.connection].clock_bound
    return SystemFacts(
        fields=await connector.field_names(end.record_type),
        allowed=await _allowed(connector, rules, side),
        compare_and_set=connector.capabilities.compare_and_set,
        change_history=connector.capabilities.change_history,
        unlogged=connector.capabilities.unlogged,
        field_stamps=connector.capabilities.field_stamps,
        clock_uncertainty=bound or reading.uncertainty,
    )


async def _allowed(connector: Connector, rules: Integration, side: Side) -> dict[str, Sequence[JsonValue]]:
    """Values that the mapped fields take, where the system tells."""
    record_type = rules.ends[side].record_type
    natives = [field.native(side) for field in rules.fields if field.values is not None]
    found = {native: await connector.allowed_values(record_type, native) for native in natives}
    return {native: values for native, values in found.items() if values is not None}


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
