"""Keep and end held matches: one per set of records, one alert each, a line in the audit trail when one begins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from activities.context import Context
from activities.rulebook import Rules
from domain.matching import Hold
from domain.records import ChangeNotice, RecordRef, Snapshot
from domain.sides import Pair, Side
from domain.values import digest
from store import alerts, audit, deliveries, held_matches
from store.database import Tx
from store.held_matches import HeldMatch
from store.pairs import EndRow


@dataclass(frozen=True, slots=True)
class Holder:
    """The held matches of one integration."""

    context: Context
    rules: Rules

    async def hold(self, held: Hold, reason: str) -> None:
        """Several records may belong together: a person must say which. Nothing is linked or created meanwhile."""
        records = held.records.map(lambda ones: tuple(_end(one) for one in ones))
        row = HeldMatch(
            id=held.id,
            integration=self.rules.integration.name,
            kind="duplicate_candidate",
            found_by=held.by,
            reason=reason,
            records=records,
        )
        await self._keep(row, f"{reason}; say which belong together: {_how(row)}")

    async def refuse(self, side: Side, record: Snapshot, tried: str, reason: str) -> None:
        """The system doesn't take the counterpart, or the search for one. Not tried again until something changes."""
        name, alone = self.rules.integration.name, (_end(record),)
        none: tuple[EndRow, ...] = ()
        row = HeldMatch(
            id=digest("refused", name, str(record.ref)),
            integration=name,
            kind="refused",
            found_by="",
            reason=reason,
            records=Pair(alone, none) if side is Side.A else Pair(none, alone),
            tried=tried,
        )
        todo = f"change the record or mend the cause, then `accord retry {record.key}`"
        await self._keep(row, f"{record.key} gets no counterpart: {reason}; {todo}")

    async def release(self, ref: RecordRef) -> None:
        """What held this record is settled, or it is no longer what it was; the others are looked at again."""
        async with self.context.database.begin() as tx:
            await release(tx, self.rules.integration.name, [ref])

    async def _keep(self, row: HeldMatch, message: str) -> None:
        async with self.context.database.begin() as tx:
            before = await held_matches.of_records(tx, row.integration, row.refs)
            is_new = await held_matches.hold(tx, row)
            await alerts.clear(tx, [one.alert for one in before if one.id != row.id or row.kind == "refused"])
            await alerts.raise_(tx, row.alert, row.kind, None, message)
            if is_new:
                records = [str(ref) for ref in row.refs]
                await audit.append(
                    tx,
                    "accord",
                    "match_held",
                    integration=row.integration,
                    kind=row.kind,
                    reason=row.reason,
                    records=records,
                )


async def release(tx: Tx, integration: str, refs: list[RecordRef]) -> None:
    """End the held matches of these records, in the transaction that settles them; have the others looked at again."""
    ended = await held_matches.release(tx, integration, refs)
    await alerts.clear(tx, [one.alert for one in ended])
    left = {ref for one in ended for ref in one.refs} - set(refs)
    for connection, notices in groupby(_notices(left), lambda notice: notice.ref.connection):
        await deliveries.keep(tx, connection, None, list(notices))


def _notices(refs: Iterable[RecordRef]) -> list[ChangeNotice]:
    return [ChangeNotice(ref=ref, source="sweep") for ref in sorted(refs, key=str)]


def _how(row: HeldMatch) -> str:
    a, b = (row.records[side][0].key if row.records[side] else "…" for side in (Side.A, Side.B))
    return f"`accord candidates`, then `accord link {row.integration} {a} {b}` or `accord candidates {a} --ignore`"


def _end(snapshot: Snapshot) -> EndRow:
    return EndRow(snapshot.ref, snapshot.key, snapshot.url)
