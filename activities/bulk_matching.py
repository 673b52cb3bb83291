"""One page of an initial load: match its records in bulk, then link, create and settle, or only count (a plan).

What is linked, what is kept of it and the place where the load goes on are one commit. Creating comes before it, by
`find_or_create`, which finds again what an attempt that died had made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from activities.bulk_holding import hold_as_listed
from activities.committing import commit_verdict
from activities.context import Context
from activities.counterpart import OURS, Matched, MatchInput, end_of, find_or_create, unless_ended
from activities.first_look import FirstLook, first_look
from activities.holding import Holder, release
from activities.rulebook import Rules
from domain.backfilling import OnDifferences, Tally, index_keys
from domain.matching import Candidate, Create, Found, Hold, Link, Match, Nothing, match
from domain.records import ChangeNotice, RecordRef, Snapshot
from domain.sides import Pair, Side
from store import audit, backfills, deliveries, first_links, snapshots
from store.backfills import BackfillRow, Entry, Hit, Listed, Phase
from store.database import Tx
from store.first_links import KnownOf, NewPair

CREATES_AT_ONCE = 8
"""Requests under way for records that are created or held: enough to hide round trips, too few to crowd out people."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One record and what becomes of it."""

    record: Snapshot
    known: KnownOf
    verdict: Match

    @property
    def needs_a_first_look(self) -> bool:
        """It is linked, but nothing was ever looked at: an attempt died in between, or the pair was never told."""
        return self.known.pair_id is not None and not self.known.has_passed


@dataclass(frozen=True, slots=True)
class Due:
    """A pair of this page that no pass has seen."""

    pair_id: str
    records: Pair[Snapshot]
    is_new: bool


@dataclass(slots=True)
class BulkPage:
    """The next page of one side."""

    context: Context
    rules: Rules
    row: BackfillRow
    side: Side
    answer: OnDifferences | None = None
    tally: Tally = field(default_factory=Tally)
    taken: Pair[set[str]] = field(default_factory=lambda: Pair(set(), set()))

    async def run(self, limit: int) -> int:
        """Do one page; how many records it had, fewer than `limit` at the end of the side.

        Raises:
            LookAgain: Somebody else linked one of them meanwhile, or another attempt is at this page: do it again.
        """
        async with self.context.database.begin() as tx:
            listed = await backfills.page(tx, self.row, self.side, limit)
        self.tally = self.row.tally
        records = await self._read(self.side, [one.record_id for one in listed])
        judged = await self._judge([records[one.record_id] for one in listed if one.record_id in records])
        due = [*await self._linked(judged), *await self._made(judged)]
        looks = await self._look(due)
        self._count_looks(looks)
        async with self.context.database.begin() as tx:
            await backfills.hold(tx, self.row)
            await self._keep(tx, due, looks)
            await self._move(tx, listed, limit)
        return len(listed)

    # ------------------------------------------------------------------------------------------------ judging
    async def _judge(self, records: Sequence[Snapshot]) -> list[Judged]:
        """What becomes of each, by what the store and the inventory know; `match` decides, as everywhere."""
        entries = [self._entry(record) for record in records]
        refs = self.rules.integration.ends.map(
            lambda end: RecordRef(connection=end.connection, record_type=end.record_type, id="")
        )
        ids = [record.ref.id for record in records]
        async with self.context.database.begin() as tx:
            await backfills.hold(tx, self.row)
            await backfills.take_in(tx, self.row, self.side, entries)
            known = await first_links.known_of(tx, self.row.integration, records)
            hits = await backfills.search(tx, self.row, self.side, refs, ids)
        return [self._judged(record, known[record.ref.id], hits.get(record.ref.id, [])) for record in records]

    def _entry(self, record: Snapshot) -> Entry:
        keys = index_keys(self.rules.integration, self.side, record)
        return Entry(record.ref.id, record.key, record.version, keys)

    def _judged(self, record: Snapshot, known: KnownOf, hits: Sequence[Hit]) -> Judged:
        if record.ref.id in self.taken[self.side]:
            return Judged(record, known, Nothing("its counterpart has just found it"))
        verdict = self._verdict(record, known, hits)
        if known.pair_id is None and isinstance(verdict, Link | Create):
            self._take(self.side, record.ref.id)
        if isinstance(verdict, Link):
            self._take(self.side.other, verdict.ref.id)
        if known.pair_id is not None:
            self._count_known(known)
        return Judged(record, known, verdict)

    def _verdict(self, record: Snapshot, known: KnownOf, hits: Sequence[Hit]) -> Match:
        if known.pair_id is not None:
            return Nothing("it is linked already")
        if known.decision is not None:
            return Create() if known.decision == "create" else Nothing("somebody said to leave it alone")
        if known.made_for is not None:
            verdict: Match = Link(known.made_for, OURS)
        else:
            found = [self._found(record, key, hits) for key in self.rules.integration.match]
            verdict = match(self.rules.integration, self.side, record, found)
        return unless_ended(verdict, record, known.former)

    def _found(self, record: Snapshot, key: str, hits: Sequence[Hit]) -> Found:
        of_key = [hit for hit in hits if hit.match_key == key]
        candidates = [self._candidate(record, hit) for hit in of_key]
        return Found(key, tuple(one for one in candidates if one.snapshot.ref != record.ref))

    def _candidate(self, record: Snapshot, hit: Hit) -> Candidate:
        there = self._stub(self.side.other, hit.found)
        if hit.is_taken or hit.found.record_id in self.taken[self.side.other]:
            return Candidate(there, is_linked=True)
        rivals = [self._stub(self.side, one) for one in hit.rivals]
        mine = [
            one
            for one in rivals
            if one.ref.id not in self.taken[self.side] and one.ref not in (record.ref, there.ref)
        ]
        return Candidate(there, rivals=tuple(mine))

    def _stub(self, side: Side, one: Listed) -> Snapshot:
        """The record as far as a verdict names it."""
        return Snapshot(ref=self._ref(side, one.record_id), key=one.key, fields={}, version=one.version)

    def _take(self, side: Side, record_id: str) -> None:
        self.taken[side].add(record_id)

    def _count_known(self, known: KnownOf) -> None:
        """A pair without a pass whose one record we made is of this load: its attempt died before the commit."""
        assert known.partner is not None
        for side, record_id in ((self.side, known.id), (self.side.other, known.partner.ref.id)):
            self._take(side, record_id)
        made_now = known.is_source and not known.has_passed
        self.tally = self.tally.plus(**{self._created if made_now else "linked_before": 1})

    @property
    def _created(self) -> str:
        return f"create_{self.side.value}_to_{self.side.other.value}"

    # ------------------------------------------------------------------------------------------------ becoming
    async def _linked(self, judged: Sequence[Judged]) -> list[Due]:
        """Pairs of records that are there: matched now, or linked and never looked at."""
        wanted = {
            one.record.ref.id: ref
            for one in judged
            if (ref := _partner(one)) is not None and not self._by_the_book(one)
        }
        others = await self._read(self.side.other, [ref.id for ref in wanted.values()])
        due = []
        for one in judged:
            ref = wanted.get(one.record.ref.id)
            other = others.get(ref.id) if ref is not None else None
            if other is None:
                continue
            pair_id = one.known.pair_id or uuid4().hex[:16]
            due.append(Due(pair_id, self._ends(one.record, other), one.known.pair_id is None))
        self.tally = self.tally.plus(link=sum(one.is_new for one in due))
        return due

    def _by_the_book(self, one: Judged) -> bool:
        """Whether `find_or_create` does it, record by record."""
        ours = one.known.made_for is not None or one.known.is_source
        return isinstance(one.verdict, Create | Hold) or (ours and isinstance(one.verdict, Link))

    async def _made(self, judged: Sequence[Judged]) -> list[Due]:
        """Create, hold, adopt; or count what would be. The pairs that came of it."""
        mine = [one for one in judged if one.known.pair_id is None]
        alone = [one for one in mine if self._by_the_book(one)]
        quiet = [
            one
            for one in mine
            if isinstance(one.verdict, Nothing) and one.record.ref.id not in self.taken[self.side]
        ]
        self.tally = self.tally.plus(nothing=len(quiet))
        if self.row.dry_run:
            for one in alone:
                self.tally = self.tally.plus(**{self._would_count(one): 1})
            return []
        alone = await self._without_riddles(alone)
        gate = asyncio.Semaphore(CREATES_AT_ONCE)
        done = await asyncio.gather(*(self._make(one, gate) for one in alone), return_exceptions=True)
        for matched in done:
            if isinstance(matched, BaseException):
                raise matched
        return await self._due_of(
            [(one, m) for one, m in zip(alone, done, strict=True) if isinstance(m, Matched)]
        )

    async def _without_riddles(self, alone: Sequence[Judged]) -> list[Judged]:
        """Hold what the inventory shows to be unclear; what is left of them to do."""
        riddles = {one.verdict.id: one.verdict for one in alone if isinstance(one.verdict, Hold)}
        held = await hold_as_listed(Holder(self.context, self.rules), list(riddles.values()), self._read)
        left = [one for one in alone if not (isinstance(one.verdict, Hold) and one.verdict.id in held)]
        self.tally = self.tally.plus(ambiguous=len(alone) - len(left))
        return left

    async def _make(self, one: Judged, gate: asyncio.Semaphore) -> Matched:
        asked = MatchInput(integration=self.row.integration, side=self.side, ref=one.record.ref)
        async with gate:
            return await find_or_create(self.context, asked, one.record)

    def _would_count(self, one: Judged) -> str:
        match one.verdict:
            case Link():
                return self._created if one.known.is_source else "link"
            case Create():
                return self._created
            case Hold():
                return "ambiguous"
            case Nothing():
                return "nothing"

    def _did_count(self, verdict: Match, matched: Matched, known: KnownOf | None) -> str:
        """`known` of a record that is linked now: where our own create was found again, it was created."""
        match matched.outcome:
            case "linked" if known is None or not known.is_source:
                return "link"
            case "linked" | "created":
                return self._created
            case "held":
                return "refused" if isinstance(verdict, Create) else "ambiguous"
            case "nothing":
                return "nothing"

    async def _due_of(self, became: Sequence[tuple[Judged, Matched]]) -> list[Due]:
        """The pairs that were made record by record, both records as they stand now."""
        linked = [one.record for one, matched in became if matched.pair is not None]
        async with self.context.database.begin() as tx:
            known = await first_links.known_of(tx, self.row.integration, linked)
        for one, matched in became:
            name = self._did_count(one.verdict, matched, known.get(one.record.ref.id))
            self.tally = self.tally.plus(**{name: 1})
        partners = {one.id: one.partner.ref.id for one in known.values() if one.partner is not None}
        for partner in partners.values():
            self._take(self.side.other, partner)
        others = await self._read(self.side.other, partners.values())
        return [
            Due(pair_id, self._ends(record, other), is_new=False)
            for record in linked
            if (pair_id := known[record.ref.id].pair_id) is not None
            and not known[record.ref.id].has_passed
            and (other := others.get(partners[record.ref.id])) is not None
        ]

    # ------------------------------------------------------------------------------------------------- settling
    async def _look(self, due: Iterable[Due]) -> list[FirstLook]:
        gate = asyncio.Semaphore(CREATES_AT_ONCE)

        async def one_look(one: Due) -> FirstLook:
            async with gate:
                return await first_look(self.context, self.rules, one.pair_id, one.records, self.answer)

        return list(await asyncio.gather(*(one_look(one) for one in due)))

    def _count_looks(self, looks: Sequence[FirstLook]) -> None:
        self.tally = self.tally.plus(
            differs=sum(not one.is_clean for one in looks),
            reviews=sum(bool(one.verdict.reviews) for one in looks),
        )

    async def _keep(self, tx: Tx, due: Sequence[Due], looks: Sequence[FirstLook]) -> None:
        if self.row.dry_run:
            return
        new = [NewPair(one.pair_id, one.records.map(end_of)) for one in due if one.is_new]
        await first_links.link(tx, self.row.integration, self.rules.version, new)
        await release(tx, self.row.integration, [end.ref for pair in new for end in pair.ends])
        await first_links.settle(tx, [one.in_step for one in looks if one.is_clean])
        differing = [one for one in looks if not one.is_clean]
        fresh = {one.id for one in new}
        for one in differing:
            if one.answered and one.look.work.pair.id in fresh:
                await self._answer(tx, one)
        notices = [ChangeNotice(ref=one.look.snapshots[self.side].ref, source="sweep") for one in differing]
        connection = self.rules.integration.ends[self.side].connection
        await deliveries.keep_each(tx, connection, notices)

    async def _answer(self, tx: Tx, one: FirstLook) -> None:
        """Keep the plan that the one answer for all led to; the pair's own workflow carries it out."""
        pair_id = one.look.work.pair.id
        ids = await snapshots.save(tx, pair_id, one.look.snapshots, known=one.look.work.last)
        await commit_verdict(tx, one.look, one.verdict, ids)
        said = {"fields": list(one.answered), "answer": self.answer}
        await audit.append(tx, self.row.asked_by, "differences_answered", pair_id=pair_id, **said)

    async def _move(self, tx: Tx, listed: Sequence[Listed], limit: int) -> None:
        for side in (self.side, self.side.other):
            await backfills.take(tx, self.row, side, list(self.taken[side]))
        is_last = len(listed) < limit
        after: Phase = "done" if self.side is Side.B else "matching_b"
        place = "" if is_last else str(listed[-1].n)
        phase = after if is_last else self.row.phase
        await backfills.move(tx, self.row, phase, place, self.tally)

    # ------------------------------------------------------------------------------------------------- reading
    async def _read(self, side: Side, ids: Iterable[str]) -> Mapping[str, Snapshot]:
        refs = [self._ref(side, one) for one in dict.fromkeys(ids)]
        if not refs:
            return {}
        return await self.context.connectors(self.rules.integration)[side].read_many(refs)

    def _ref(self, side: Side, record_id: str) -> RecordRef:
        end = self.rules.integration.ends[side]
        return RecordRef(connection=end.connection, record_type=end.record_type, id=record_id)

    def _ends(self, record: Snapshot, other: Snapshot) -> Pair[Snapshot]:
        return Pair(record, other) if self.side is Side.A else Pair(other, record)


def _partner(one: Judged) -> RecordRef | None:
    """The record that this one is paired with now, or shall be, if the two have to be looked at."""
    if one.needs_a_first_look and one.known.partner is not None:
        return one.known.partner.ref
    return one.verdict.ref if isinstance(one.verdict, Link) else None
