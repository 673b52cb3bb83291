"""What becomes of one unlinked record: linked to its counterpart, given one, held for a person, or left alone.

`find_or_create` may be called from anywhere, for any record, as often as one likes and at once: a record is an end of
one active pair per integration by constraint, and a create goes out under a key that was reserved before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from activities.context import Context
from activities.creating import CounterpartGone, Creator
from activities.holding import Holder
from activities.messages import PairRef
from activities.rulebook import Rules
from activities.searching import Searcher, pair_of
from connectors.base import Connector
from domain.errors import RecordGone, RecordHidden, StopIntegration, StopRecord
from domain.matching import (
    Candidate,
    Create,
    Hold,
    Link,
    Match,
    Nothing,
    hold,
    match,
)
from domain.records import Model, RecordRef, Snapshot
from domain.sides import Pair, Side
from store import audit, baselines, creations, held_matches, integrations, losses, pairs
from store.database import Tx
from store.errors import AlreadyLinked
from store.held_matches import MatchDecision
from store.pairs import EndRow, PairRow

OURS = "our own marker"
"""What led from a record that we created to the one that it was created for."""


class MatchInput(Model):
    """An unlinked record of one side of an integration."""

    integration: str
    side: Side
    ref: RecordRef
    retried: bool = False
    """An operator says that what was refused is mended."""


class Matched(Model):
    """What became of it."""

    outcome: Literal["linked", "created", "held", "nothing"]
    story: str
    pair: PairRef | None = None
    workflow: str = "PairWorkflow"
    """The workflow type that keeps this integration's pairs."""


async def find_or_create(context: Context, asked: MatchInput, record: Snapshot | None = None) -> Matched:
    """Link the record to its counterpart; create that where the declaration says so.

    Args:
        context: For the store and the systems.
        asked: Which record.
        record: The record, if it has just been read.

    Raises:
        TryAgain: A system or the store doesn't answer, or an earlier create may still be found.
        LookAgain: Another attempt is at it.
        ConfigError: There is no such integration, or its declaration can't be read.
    """
    async with context.database.begin() as tx:
        current = await integrations.current(tx, asked.integration)
        rules = await context.rules.at(tx, asked.integration, current[0] if current else 0)
    return await Matcher(context, rules, asked).run(record)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the store knows of an unlinked record."""

    pair: PairRow | None
    """Its pair, if it is linked after all."""
    said: tuple[MatchDecision, str] | None
    former: frozenset[RecordRef]
    tried: str
    """What of it was refused last."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """One record's matching."""

    context: Context
    rules: Rules
    asked: MatchInput

    async def run(self, given: Snapshot | None) -> Matched:
        holder = Holder(self.context, self.rules)
        try:
            record = given or await self._connector(self.asked.side).read(self.asked.ref)
        except (RecordGone, RecordHidden) as error:
            await holder.release(self.asked.ref)
            return Matched(outcome="nothing", story=error.message)
        standing = await self._standing()
        tried = f"{record.version}@{self.rules.version}"
        if standing.tried == tried and not self.asked.retried:
            return Matched(outcome="held", story=f"{record.key} was refused as it stands")
        try:
            matched = await self._become(record, standing, holder)
        except (StopRecord, StopIntegration) as error:
            return await self._refused(holder, record, tried, error)
        if matched.outcome != "held":
            await holder.release(self.asked.ref)
        return matched

    async def _become(self, record: Snapshot, standing: Standing, holder: Holder) -> Matched:
        if standing.pair is not None:
            return self._linked(standing.pair, f"{record.key} is linked already")
        if standing.said is not None:
            decision, by = standing.said
            ignored = Nothing(f"{record.key} is left alone: {by} said so")
            return await self._follow(Create() if decision == "create" else ignored, record, holder)
        source = await self._made_by_us(record)
        if source is None and await self._is_outside(record):
            return Matched(outcome="nothing", story=f"{record.key} lies outside the scope {self._scope!r}")
        if source is None:
            return await self._match(record, standing, holder)
        if await self._is_awaited(source):
            return Matched(outcome="nothing", story=f"{record.key} takes a lost record's place in its pair")
        return await self._follow(unless_ended(Link(source, OURS), record, standing.former), record, holder)

    async def _match(self, record: Snapshot, standing: Standing, holder: Holder) -> Matched:
        verdict = match(
            self.rules.integration,
            self.asked.side,
            record,
            await Searcher(self.context, self.rules, self.asked.side).search(record),
        )
        if not isinstance(verdict, Link):
            # Asked again after the search: the counterpart may have found this record meanwhile, and look taken.
            known = (await self._standing()).pair
            if known is not None:
                return self._linked(known, f"{record.key} was found from the other side")
        return await self._follow(unless_ended(verdict, record, standing.former), record, holder)

    async def _follow(self, verdict: Match, record: Snapshot, holder: Holder) -> Matched:
        match verdict:
            case Link():
                return await self._link(record, verdict.ref, verdict.by, holder)
            case Create():
                return await self._create(record, holder)
            case Hold():
                return await self._hold(holder, verdict)
            case Nothing():
                return Matched(outcome="nothing", story=verdict.why)

    # ---------------------------------------------------------------------------------------------- looking
    def _connector(self, side: Side) -> Connector:
        return self.context.connectors(self.rules.integration)[side]

    @property
    def _scope(self) -> str | None:
        return self.rules.integration.ends[self.asked.side].scope

    async def _is_outside(self, record: Snapshot) -> bool:
        """Whether the owners left it out: a webhook tells of every record of the system."""
        scope = self._scope
        return scope is not None and not await self._connector(self.asked.side).is_in_scope(record, scope)

    async def _standing(self) -> Standing:
        name, ref = self.rules.integration.name, self.asked.ref
        async with self.context.database.begin() as tx:
            return Standing(
                pair=await pair_of(tx, name, ref),
                said=await held_matches.decision_of(tx, name, ref),
                former=frozenset(await held_matches.former_partners(tx, name, ref)),
                tried=next((one.tried for one in await held_matches.of_records(tx, name, [ref])), ""),
            )

    async def _made_by_us(self, record: Snapshot) -> RecordRef | None:
        """The record that this one was created for, if its marker is one of our reserved keys."""
        if record.marker is None:
            return None
        async with self.context.database.begin() as tx:
            creation = await creations.by_key(tx, record.marker)
            if creation is None or creation.integration != self.rules.integration.name:
                return None
            if creation.created is None:
                await creations.settle(tx, creation.key, "adopted", record.ref)
            return creation.source if creation.source != record.ref else None

    async def _is_awaited(self, source: RecordRef) -> bool:
        """Whether a pair is about to take up the record that we made, in the place of one that is gone."""
        async with self.context.database.begin() as tx:
            pair = await pair_of(tx, self.rules.integration.name, source)
            return pair is not None and await losses.awaits_new_record(tx, pair.id)

    # ---------------------------------------------------------------------------------------------- linking
    async def _link(self, record: Snapshot, ref: RecordRef, by: str, holder: Holder) -> Matched:
        try:
            other = await self._connector(self.asked.side.other).read(ref)
        except (RecordGone, RecordHidden) as error:
            return Matched(outcome="nothing", story=error.message)
        return await self._keep_link(record, other, f"matched by {by}", holder)

    async def _create(self, record: Snapshot, holder: Holder) -> Matched:
        made = await Creator(self.context, self.rules).make(self.asked.side, record)
        linked = await self._keep_link(record, made, f"created as {made.key}", holder)
        return linked if linked.pair is None else linked.model_copy(update={"outcome": "created"})

    async def _keep_link(self, record: Snapshot, other: Snapshot, why: str, holder: Holder) -> Matched:
        side, name = self.asked.side, self.rules.integration.name
        ends = Pair(record, other) if side is Side.A else Pair(other, record)
        try:
            async with self.context.database.begin() as tx:
                pair = await pairs.create(tx, name, self.rules.version, ends.map(end_of))
                await self._keep_beginning(tx, pair)
        except AlreadyLinked as error:
            # Somebody else linked one of them first; where we had created the other, a record too many is left.
            held = hold(self.rules.integration, side, record, why, [Candidate(other, is_linked=True)])
            return await self._hold(holder, held, f"{error.message} ({why})")
        return self._linked(pair, why)

    async def _keep_beginning(self, tx: Tx, pair: PairRow) -> None:
        """Where one of them was made for the other, they began in step: what was edited since is an edit."""
        name, refs = self.rules.integration.name, pair.ends.map(lambda end: end.ref)
        for ref in refs:
            await held_matches.forget(tx, name, ref)
        made = await creations.of_link(tx, name, refs)
        if made is not None and not await baselines.exist(tx, pair.id):
            await baselines.move(tx, pair.id, made.halves)

    def _linked(self, pair: PairRow, story: str) -> Matched:
        systems, keys = self.context.systems(self.rules.integration), pair.ends.map(lambda end: end.key)
        ref = PairRef(
            integration=pair.integration,
            pair_id=pair.id,
            systems=(systems.a, systems.b),
            keys=(keys.a, keys.b),
        )
        workflow = self.rules.integration.workflow or "PairWorkflow"
        return Matched(outcome="linked", story=story, pair=ref, workflow=workflow)

    # ---------------------------------------------------------------------------------------------- holding
    async def _hold(self, holder: Holder, held: Hold, reason: str = "") -> Matched:
        await holder.hold(held, reason or held.reason)
        return Matched(outcome="held", story=reason or held.reason)

    async def _refused(
        self, holder: Holder, record: Snapshot, tried: str, error: StopRecord | StopIntegration
    ) -> Matched:
        if isinstance(error, CounterpartGone):
            async with self.context.database.begin() as tx:
                await audit.append(tx, "accord", "not_created_again", record=str(record.ref))
            await holder.release(self.asked.ref)
            return Matched(outcome="nothing", story=error.message)
        await holder.refuse(self.asked.side, record, tried, error.message)
        return Matched(outcome="held", story=error.message)


def unless_ended(verdict: Match, record: Snapshot, former: frozenset[RecordRef]) -> Match:
    """What somebody ended isn't made again by machine: no link of the same two, no counterpart anew."""
    if isinstance(verdict, Link) and verdict.ref in former:
        return Nothing(f"{record.key}: its link to {verdict.ref} was ended; `accord link` makes it again")
    if isinstance(verdict, Create) and former:
        return Nothing(
            f"{record.key} had a counterpart once; `accord candidates {record.key} --create` makes one"
        )
    return verdict


def end_of(snapshot: Snapshot) -> EndRow:
    """The record as a pair keeps it."""
    return EndRow(snapshot.ref, snapshot.key, snapshot.url)
