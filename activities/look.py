"""A pair as one pass sees it: the stored work, the declaration, both records as read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from activities.context import Context
from activities.messages import PairRef
from activities.rulebook import Rules
from connectors.base import Connector
from domain.integration import Integration
from domain.outcome import Decision
from domain.records import Snapshot
from domain.sides import Pair
from domain.view import NO_FACTS, Baseline, PairView, SideFacts
from store.work import PairWork

NO_VALID: Pair[Mapping[str, tuple[Any, ...]]] = Pair({}, {})


@dataclass(frozen=True, slots=True)
class Look:
    """Everything that one pass has at hand."""

    pair: PairRef
    work: PairWork
    rules: Rules
    connectors: Pair[Connector]
    snapshots: Pair[Snapshot]
    view: PairView

    @property
    def declared(self) -> Integration:
        return self.rules.integration


def named(pair: PairRef, work: PairWork, connectors: Pair[Connector]) -> PairRef:
    """The reference with today's names: a key changes when a ticket moves."""
    systems, keys = connectors.map(lambda c: c.system), work.pair.ends.map(lambda end: end.key)
    return pair.model_copy(update={"systems": (systems.a, systems.b), "keys": (keys.a, keys.b)})


def live_baselines(work: PairWork, declared: Integration) -> dict[str, Baseline]:
    """Baselines that still speak of the declared native names; a remapped field has none."""
    natives = {field.name: Pair(field.a, field.b) for field in declared.fields}
    return {name: row.baseline for name, row in work.baselines.items() if natives.get(name) == row.natives}


def make_look(
    context: Context,
    pair: PairRef,
    work: PairWork,
    rules: Rules,
    snapshots: Pair[Snapshot],
    *,
    facts: Pair[SideFacts] = NO_FACTS,
    decisions: tuple[Decision, ...] = (),
    valid: Pair[Mapping[str, tuple[Any, ...]]] = NO_VALID,
) -> Look:
    """Put the core's input together."""
    declared = rules.integration
    connectors = context.connectors(declared)
    view = PairView(
        pair_id=pair.pair_id,
        snapshots=snapshots,
        baselines=live_baselines(work, declared),
        now=context.now(),
        clocks=declared.ends.map(lambda end: context.clock(end.connection)),
        facts=Pair.of(lambda s: replace(facts[s], overwritten=work.overwritten[s])),
        parked=work.parked,
        torn=work.torn,
        decisions=decisions,
        systems=connectors.map(lambda c: c.system),
        valid=valid,
        custom=context.custom,
    )
    return Look(named(pair, work, connectors), work, rules, connectors, snapshots, view)
