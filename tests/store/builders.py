"""Short ways to the things that the store keeps."""

from datetime import UTC, datetime, timedelta
from typing import Any

from domain.outcome import LogLine, LogStage, PlannedWrite, ReviewRequest, Winner, WritePlan
from domain.records import RecordRef, Snapshot
from domain.sides import Pair, Side
from store import integrations, pairs, plans, snapshots
from store.database import Tx
from store.pairs import EndRow, PairRow
from store.plans import NewStep, OpenPlan

INTEGRATION = "incidents"
NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    """Minutes after noon."""
    return NOON + timedelta(minutes=minutes)


def a_ref(record_id: str, connection: str = "servicenow") -> RecordRef:
    return RecordRef(connection=connection, record_type="incident", id=record_id)


def ends(a: str = "inc1", b: str = "iss1") -> Pair[EndRow]:
    return Pair(EndRow(a_ref(a), a.upper()), EndRow(a_ref(b, "jira"), b.upper()))


async def a_pair(tx: Tx, a: str = "inc1", b: str = "iss1", integration: str = INTEGRATION) -> PairRow:
    version = await integrations.apply(tx, integration, "name: incidents", "ines")
    return await pairs.create(tx, integration, version, ends(a, b))


def a_snapshot(side: Side = Side.A, version: str = "1", minutes: float = 0, **fields: Any) -> Snapshot:
    end = ends()[side]
    return Snapshot(
        ref=end.ref, key=end.key, fields=fields, version=version, modified_at=at(minutes), modified_by="tom"
    )


def both(version: str = "1", minutes: float = 0, **fields: Any) -> Pair[Snapshot]:
    """The same fields on both sides."""
    return Pair.of(lambda side: a_snapshot(side, version, minutes, **fields))


async def an_open_plan(tx: Tx, pair_id: str, **fields: Any) -> OpenPlan:
    """One step: write these fields to B."""
    ids = await snapshots.save(tx, pair_id, both(priority="2"))
    written = fields or {"priority": "1"}
    step = NewStep(Side.B, written, dict.fromkeys(written, "2"))
    write = PlannedWrite(side=step.side, fields=step.fields, expect=step.expect)
    return await plans.create(tx, pair_id, 1, ids, [step], WritePlan(writes=(write,), settles=()))


def a_line(conflict_id: str = "c1", winner: Winner | None = None, unit: str = "priority") -> LogLine:
    stage = LogStage.OPENED if winner is None else LogStage.DECIDED
    return LogLine(
        conflict_id=conflict_id, unit=unit, kind="conflict", stage=stage, policy="review", winner=winner
    )


def a_request(conflict_id: str = "c1", unit: str = "priority") -> ReviewRequest:
    return ReviewRequest(
        unit=unit, conflict_id=conflict_id, asked_by="review", reason="both sides changed it"
    )
