"""How a live case ended, read from the systems and the store, in the words that the expectations are written in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from pydantic import JsonValue

from domain.outcome import RECORD_UNIT
from domain.sides import SIDES, Pair
from lab.scenarios.comparison import LoggedLine, Outcome, logged
from lab.scenarios.corpus import SideWord
from lab.scenarios.translation import word_of
from lab.systems.control import LabControl
from lab.systems.records import Record
from store import alerts, audit, conflicts, held_matches, pairs, reviews
from store.audit import AuditRow
from store.database import Database, Tx
from store.pairs import Link, PairRow

Others: TypeAlias = Mapping[str, Pair[str]]
"""Ids of the records of pairs beside the case's own, by the case's word for them."""


async def outcome_of(
    database: Database,
    controls: Pair[LabControl],
    integration: str,
    *,
    before: dict[SideWord, int],
    others: Others,
) -> Outcome:
    """Read how the case stands.

    Args:
        database: The store.
        controls: Both systems.
        integration: The case's, which is also its record type.
        before: Writes of the preparation, which don't count.
        others: Pairs beside the case's own, which count for nothing here.
    """
    every = Pair(*[await control.records(integration) for control in controls])
    aside = _ids(others)
    records = Pair.of(lambda side: [one for one in every[side] if one.id not in aside[side]])
    written = await writes_of(controls, integration, others)
    async with database.begin() as tx:
        found = await pairs.listing(tx, integration=integration, link=None)
        linked = [pair for pair in found if pair.ends.a.ref.id not in aside.a]
        waiting = await reviews.open_reviews(tx, integration=integration)
        held = await held_matches.listing(tx, integration)
        return Outcome(
            records={word_of(side): _last(records[side]) for side in SIDES},
            log=[line for pair in linked for line in await _lines(tx, pair)]
            + [_held_line(one) for one in await audit.of_integration(tx, integration, "match_held")],
            writes={word: written[word] - before.get(word, 0) for word in written},
            pending=[review.unit for review in waiting]
            + [RECORD_UNIT for one in held if one.kind == "duplicate_candidate"],
            alerts=[name for pair in linked for name in await _alerts(tx, pair)]
            + [f"{one.kind} {RECORD_UNIT}" for one in held],
            link=_link(linked),
            count={word_of(side): sum(not record.deleted for record in records[side]) for side in SIDES},
            links=sum(pair.link == "active" for pair in linked),
        )


async def writes_of(controls: Pair[LabControl], record_type: str, others: Others) -> dict[SideWord, int]:
    """Requests that changed a record of this type, by side; not those to pairs beside the case's own."""
    aside = _ids(others)
    return {word_of(side): _writes(await controls[side].counts(), record_type, aside[side]) for side in SIDES}


def _writes(counted: dict[str, Any], record_type: str, aside: set[str]) -> int:
    of_type = {
        name.removeprefix(f"{record_type}/"): found
        for name, found in counted["records"].items()
        if name.startswith(f"{record_type}/")
    }
    return sum(found.get("writes", 0) for record_id, found in of_type.items() if record_id not in aside)


def _ids(others: Others) -> Pair[set[str]]:
    return Pair.of(lambda side: {ids[side] for ids in others.values()})


def _last(records: Sequence[Record]) -> dict[str, JsonValue] | None:
    """The youngest record; None if there is none, or it is deleted."""
    youngest = max(records, key=lambda record: int(record.id), default=None)
    return None if youngest is None or youngest.deleted else youngest.fields


async def _lines(tx: Tx, pair: PairRow) -> list[LoggedLine]:
    return [logged(row.line) for row in await conflicts.of_pair(tx, pair.id)]


async def _alerts(tx: Tx, pair: PairRow) -> list[str]:
    """`kind unit`, as the alert's key ends."""
    prefix = f"pair/{pair.id}/"
    keys = await alerts.ever_raised(tx, prefix)
    return [key.removeprefix(prefix).replace("/", " ", 1) for key in keys]


def _held_line(said: AuditRow) -> LoggedLine:
    """A match that was held: the log of what has no pair is the audit trail."""
    return LoggedLine(field=RECORD_UNIT, kind=str(said.detail["kind"]), policy="match")


def _link(linked: Sequence[PairRow]) -> Link:
    """The youngest link's state; what was never linked counts as closed."""
    youngest = max(linked, key=lambda pair: pair.created_at, default=None)
    return "closed" if youngest is None else youngest.link
