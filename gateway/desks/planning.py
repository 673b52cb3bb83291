"""`plan`: what a declaration would do on live data. Decided by the function that decides in production; nothing is written."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from activities.display import HIDDEN, sensitive_fields, shown
from activities.facts import gather_facts
from activities.look import Look, make_look
from activities.rulebook import Rules
from domain.engine import assess, decide
from domain.errors import SyncError
from domain.integration import Integration
from domain.outcome import PlannedWrite, UnitState, Verdict
from domain.records import Snapshot
from domain.sides import SIDES, Pair
from gateway.answers import PlannedPair, PlanReport
from gateway.desks.desk import Desk
from gateway.finding import shown as title_of
from store import integrations, pairs, work
from store.pairs import PairRow
from store.work import PairWork

PAGE = 100
"""Pairs whose records are read together."""


@dataclass(frozen=True, slots=True)
class PlanDesk:
    desk: Desk

    async def plan(self, rules: Integration, *, source: str | None = None) -> PlanReport:
        """What the next pass of every active pair would write or ask under these rules.

        Records without a pair aren't looked at: whether they get one is decided when they are next heard of.

        Args:
            rules: The declaration.
            source: Its text, to tell whether it is the applied one.

        Raises:
            SystemUnavailable: The store doesn't answer, or a system doesn't to a read of many.
        """
        async with self.desk.accord.database.begin() as tx:
            applied = await integrations.current(tx, rules.name)
        version, text = applied or (0, None)
        looked, planned = 0, []
        async for pair in self._pairs(Rules(version, rules)):
            looked += 1
            planned += [] if pair.is_quiet else [pair]
        return PlanReport(
            integration=rules.name,
            version=version if applied and text == source else None,
            pairs=looked,
            planned=tuple(planned),
        )

    async def plan_applied(self) -> list[PlanReport]:
        """What the next pass of every pair would do under the rules that hold now."""
        async with self.desk.accord.database.begin() as tx:
            current = await integrations.all_current(tx)
            rules = {name: await self.desk.rules(tx, name) for name in sorted(current)}
        return [await self.plan(rule.integration, source=current[name][1]) for name, rule in rules.items()]

    async def _pairs(self, rules: Rules) -> AsyncIterator[PlannedPair]:
        after = ""
        while True:
            async with self.desk.accord.database.begin() as tx:
                page = await pairs.listing(tx, integration=rules.integration.name, after=after, limit=PAGE)
            records = await self._records(page)
            for pair in page:
                yield await self._planned(pair, rules, records)
            if len(page) < PAGE:
                return
            after = page[-1].id

    async def _records(self, page: Sequence[PairRow]) -> dict[str, Snapshot]:
        """All records of these pairs by reference, in as few requests as the systems allow."""
        refs = [end.ref for pair in page for end in pair.ends]
        found: dict[str, Snapshot] = {}
        for connection in {ref.connection for ref in refs}:
            wanted = [ref for ref in refs if ref.connection == connection]
            read = await self.desk.accord.connections.get(connection).read_many(wanted)
            found |= {str(snapshot.ref): snapshot for snapshot in read.values()}
        return found

    async def _planned(self, pair: PairRow, rules: Rules, records: dict[str, Snapshot]) -> PlannedPair:
        async with self.desk.accord.database.begin() as tx:
            found = await work.load(tx, pair.id)
        title = title_of(pair)
        read = pair.ends.map(lambda end: records.get(str(end.ref)))
        trouble = _trouble(found, read)
        if trouble or read.a is None or read.b is None:
            return PlannedPair(pair_id=pair.id, title=title, trouble=trouble)
        try:
            look, verdict = await self._decided(pair, found, rules, Pair(read.a, read.b))
        except SyncError as error:
            return PlannedPair(pair_id=pair.id, title=title, trouble=error.message)
        return _told(title, look, verdict)

    async def _decided(
        self, pair: PairRow, found: PairWork, rules: Rules, read: Pair[Snapshot]
    ) -> tuple[Look, Verdict]:
        context, ref = self.desk.accord.context, self.desk.ref(pair)
        look = make_look(context, ref, found, rules, read)
        assessment = assess(look.declared, look.view)
        if assessment.conflicts:
            facts = await gather_facts(context, look, assessment)
            look = make_look(context, ref, found, rules, read, facts=facts)
        return look, decide(look.declared, look.view)


def _trouble(found: PairWork, read: Pair[Snapshot | None]) -> str:
    """Why no pass would run, or none could be foretold."""
    missing = [found.pair.ends[side].key for side in SIDES if read[side] is None]
    if missing:
        return f"{' and '.join(missing)} can't be read now"
    stopped = found.pair.quarantine or found.brake or ("it is paused" if found.pair.paused else None)
    return f"nothing would happen: {stopped}" if stopped else ""


def _told(title: str, look: Look, verdict: Verdict) -> PlannedPair:
    known = {review.token for review in look.work.reviews}
    writes = verdict.plan.writes if verdict.plan else ()
    held = tuple(u.unit for u in verdict.units if u.state is UnitState.HELD)
    return PlannedPair(
        pair_id=look.pair.pair_id,
        title=title,
        writes=tuple(text for write in writes for text in _write(write, look)),
        reviews=tuple(r.unit for r in verdict.reviews if r.conflict_id not in known),
        held=() if "held" in look.work.pair.state else held,
        trouble=verdict.stop_pair or "",
    )


def _write(write: PlannedWrite, look: Look) -> list[str]:
    """One line per field, with what stands there now."""
    hidden, where = sensitive_fields(look.declared), look.pair.end(write.side)
    lines = []
    for field in look.declared.fields:
        native = field.native(write.side)
        if native in write.fields:
            change = f"{shown(write.expect.get(native))} → {shown(write.fields[native])}"
            lines.append(f"{where}: {field.name} {HIDDEN if field.name in hidden else change}")
    return lines
