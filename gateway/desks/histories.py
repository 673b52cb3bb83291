"""Everything that happened to a pair, merged by time, from the store's logs and from Temporal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime

from activities.messages import PairRef
from domain.errors import SyncError
from domain.integration import Integration
from domain.sides import Pair
from domain.values import same
from gateway.answers import ConflictShown, HistoryLine, PairHistory
from gateway.desks.desk import Desk
from gateway.desks.presenting import change_line, conflict_shown, unit_named, write_line
from gateway.temporal import translated
from store import audit, conflicts, decisions, snapshots, writes
from store.audit import AuditRow
from store.database import Tx
from store.decisions import DecisionRow
from store.pairs import PairRow

EARLIEST = datetime.min.replace(tzinfo=UTC)


async def tell_history(desk: Desk, pair: PairRow, limit: int) -> PairHistory:
    """The newest `limit` lines, oldest first."""
    async with desk.accord.database.begin() as tx:
        rules = (await desk.rules(tx, pair.integration)).integration
        kept = await _kept(tx, desk.ref(pair), rules, limit)
    runs = [line async for line in _runs(desk, pair)]
    ordered = sorted([*kept, *runs], key=lambda line: line.at or EARLIEST)
    return PairHistory(pair=desk.line(pair), lines=tuple(ordered[-limit:]))


async def _kept(tx: Tx, ref: PairRef, rules: Integration, limit: int) -> list[HistoryLine]:
    """What the store kept: changes, conflicts, decisions, writes, acts."""
    natives: Pair[Sequence[str]] = Pair.of(lambda side: [field.native(side) for field in rules.fields])
    changes = await snapshots.field_history(tx, ref.pair_id, natives, limit=limit)
    logged = await conflicts.of_pair(tx, ref.pair_id, limit=limit)
    return [
        *(change_line(side, one, ref, rules) for side, one in changes if not same(one.old, one.value)),
        *(_conflict_line(conflict_shown(row, ref, rules)) for row in logged),
        *map(_decision_line, await decisions.of_pair(tx, ref.pair_id, limit=limit)),
        *(write_line(row, ref, rules) for row in await writes.of_pair(tx, ref.pair_id, limit=limit)),
        *map(_act_line, await audit.of_pair(tx, ref.pair_id, limit=limit)),
    ]


async def _runs(desk: Desk, pair: PairRow) -> AsyncIterator[HistoryLine]:
    """The runs of its workflow, each with its page: continue-as-new makes a new one."""
    client = desk.accord.temporal
    try:
        with translated(client):
            async for run in client.list_workflows(f"WorkflowId = '{pair.workflow_id}'"):
                status = run.status.name.lower().replace("_", " ") if run.status else "unknown"
                yield HistoryLine(
                    at=run.start_time,
                    kind="run",
                    text=f"workflow run began ({status})",
                    link=desk.page(pair, run.run_id),
                )
    except SyncError as error:
        yield HistoryLine(at=None, kind="run", text=f"workflow runs can't be listed: {error.message}")


def _conflict_line(row: ConflictShown) -> HistoryLine:
    decided = f"{row.winner} by {row.rule}" if row.winner else f"waits ({row.rule})"
    text = f"{row.kind.replace('_', ' ')} on {row.unit}: {decided}"
    return HistoryLine(
        at=row.at, kind="conflict", who=row.by or "", text=_sentences([text, row.reason, *_lost(row)])
    )


def _lost(row: ConflictShown) -> Iterable[str]:
    for side in row.overruled:
        yield f"overruled: {side.system} {side.field} {side.value!r} by {side.by or 'somebody'}"


def _decision_line(row: DecisionRow) -> HistoryLine:
    said = row.decision.choice or "nothing"
    text = f"decision on {unit_named(row.verdict.unit)}: {said}: {row.verdict.message}"
    return HistoryLine(at=row.at, kind="decision", who=row.decision.by, text=text)


def _act_line(row: AuditRow) -> HistoryLine:
    told = ", ".join(f"{name}: {value}" for name, value in row.detail.items() if value)
    return HistoryLine(at=row.at, kind="act", who=row.who, text=f"{row.what} ({told})" if told else row.what)


def _sentences(parts: Iterable[str]) -> str:
    return "; ".join(part for part in parts if part)
