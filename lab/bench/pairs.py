"""Records and pairs to be measured on, linked and in step before the first change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeVar

from activities.rulebook import Rules
from domain.records import RecordRef
from domain.sides import SIDES, Pair, Side
from lab.bench.stage import CONNECTIONS, SECRET, Stage
from lab.scenarios.live.rest import until
from lab.systems.control_api import Action
from lab.systems.outbox import Subscription
from lab.systems.records import Record
from store import baselines, integrations, pairs
from store.pairs import EndRow, PairRow

T = TypeVar("T")

AT_ONCE = 25
"""Edits in one call to a system: it takes them in one transaction and answers nobody else meanwhile."""

START: dict[str, Any] = {"title": "printer on fire", "prio": "P2", "state": "open", "labels": ["new"]}

DECLARATION = """
name: {name}
a: {{connection: alpha, record_type: {name}}}
b: {{connection: beta, record_type: {name}}}
fields:
  - {{name: title, a: title, b: title, policy: [last_write_wins, review]}}
  - {{name: prio, a: prio, b: prio, policy: [{{source_priority: a}}]}}
  - {{name: state, a: state, b: state, policy: [review]}}
  - {{name: labels, a: labels, b: labels, type: set, policy: [merge]}}
limits: {{flap: 1000 in 1m}}
"""
"""Edits follow each other faster here than the breaker lets people's automations do."""


@dataclass(frozen=True, slots=True)
class LinkedPair:
    """A pair as the systems and Temporal know it."""

    records: Pair[str]
    """Ids."""
    workflow_id: str


def chunks(items: Sequence[T], size: int = AT_ONCE) -> Iterator[Sequence[T]]:
    """The items, so many at a time."""
    return (items[start : start + size] for start in range(0, len(items), size))


async def make_records(stage: Stage, name: str, count: int) -> list[Pair[Record]]:
    """Equal records on both sides, `count` of them."""
    action = Action(do="create", record_type=name, fields=START)
    made: Pair[list[Record]] = Pair([], [])
    for side in SIDES:
        for some in chunks([action] * count):
            made[side].extend(await stage.controls[side].act(some))
    return [Pair(a, b) for a, b in zip(made.a, made.b, strict=True)]


async def link_pairs(stage: Stage, name: str, count: int) -> list[LinkedPair]:
    """Linked pairs of an integration of this name, each with one pass behind it; webhooks come from here on."""
    made = await make_records(stage, name, count)
    rules = await _declare(stage, name)
    rows = [await _link(stage, rules, records) for records in made]
    for row in rows:
        await stage.signaller.look(row, rules, "linked")
    await until(lambda: _all_passed(stage, name, count), f"{count} pairs of {name} in step")
    await _hear(stage, name)
    return [
        LinkedPair(records.map(lambda record: record.id), row.workflow_id)
        for records, row in zip(made, rows, strict=True)
    ]


async def _declare(stage: Stage, name: str) -> Rules:
    async with stage.accord.database.begin() as tx:
        version = await integrations.apply(tx, name, DECLARATION.format(name=name), "bench")
        return await stage.accord.context.rules.at(tx, name, version)


async def _link(stage: Stage, rules: Rules, records: Pair[Record]) -> PairRow:
    name = rules.integration.name
    ends = Pair.of(lambda side: EndRow(ref_of(side, name, records[side].id), records[side].key))
    moves = {field: (field, field, value, value) for field, value in START.items()}
    async with stage.accord.database.begin() as tx:
        row = await pairs.create(tx, name, rules.version, ends)
        await baselines.move(tx, row.id, moves)
    return row


def ref_of(side: Side, record_type: str, record_id: str) -> RecordRef:
    return RecordRef(connection=CONNECTIONS[side], record_type=record_type, id=record_id)


async def _all_passed(stage: Stage, name: str, count: int) -> bool:
    async with stage.accord.database.begin() as tx:
        rows = await pairs.listing(tx, integration=name, limit=count)
    return all(row.last_pass_at for row in rows)


async def _hear(stage: Stage, name: str) -> None:
    """Have both systems tell of this record type, too; one subscription, so that an event is told once."""
    for side in SIDES:
        url = f"{stage.gateway_url}/webhooks/{CONNECTIONS[side]}"
        known = [one.record_types or [] for one in await stage.controls[side].subscriptions()]
        told = [*chain.from_iterable(known), name]
        await stage.controls[side].subscribe(
            Subscription(id="accord", url=url, secret=SECRET, record_types=told)
        )
