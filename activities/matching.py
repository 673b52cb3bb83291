"""Find an unlinked record's counterpart, or create it, exactly once (semantics §7)."""

from __future__ import annotations

from typing import Literal

from temporalio import activity

from activities.context import Context
from activities.creating import Creator
from activities.messages import PairRef
from activities.rulebook import Rules
from domain.errors import RecordGone, RecordHidden
from domain.matching import MARKER, Candidate, Create, Found, Hold, Link, Nothing, match, search_value
from domain.records import Model, RecordRef, Snapshot
from domain.sides import Pair, Side
from store import alerts, creations, integrations, losses, pairs
from store.errors import AlreadyLinked
from store.pairs import EndRow, PairRow


class MatchInput(Model):
    """An unlinked record of one side of an integration."""

    integration: str
    side: Side
    ref: RecordRef


class Matched(Model):
    """What became of it."""

    outcome: Literal["linked", "created", "held", "nothing"]
    story: str
    pair: PairRef | None = None
    workflow: str = "PairWorkflow"
    """The workflow type that keeps this integration's pairs."""


class MatchActivities:
    """Links appear here, by machine; `accord link` makes them by hand."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @activity.defn
    async def match_record(self, asked: MatchInput) -> Matched:
        """Link the record to its counterpart; create that where the declaration says so.

        Safe to run twice, also at once: a record is an end of one active pair per integration by constraint, and a
        create goes out under a key that was reserved before, so that an unknown outcome is looked up, not repeated.
        """
        rules = await self._rules(asked.integration)
        try:
            record = await self.context.connectors(rules.integration)[asked.side].read(asked.ref)
        except (RecordGone, RecordHidden) as error:
            return Matched(outcome="nothing", story=error.message)
        known = await self._linked_already(asked, rules)
        if known is not None:
            return self._linked(known, rules, f"{record.key} is linked already")
        source = await self._made_by_us(record)
        if source is not None and await self._is_awaited(asked, source):
            return Matched(outcome="nothing", story=f"{record.key} takes a lost record's place in its pair")
        if source is not None:
            return await self._link(rules, asked.side, record, source, "we created it")
        return await self._match(rules, asked, record)

    async def _match(self, rules: Rules, asked: MatchInput, record: Snapshot) -> Matched:
        side = asked.side
        found = [await self._found(rules, side, record, key) for key in rules.integration.match]
        verdict = match(rules.integration, side, record, found)
        if not isinstance(verdict, Link):
            # Asked again after the search: the counterpart may have found this record meanwhile, and look taken.
            known = await self._linked_already(asked, rules)
            if known is not None:
                return self._linked(known, rules, f"{record.key} was found from the other side")
        match verdict:
            case Link():
                return await self._link(rules, side, record, verdict.ref, f"matched by {verdict.by}")
            case Create():
                return await self._create(rules, side, record)
            case Hold():
                return await self._hold(rules, record, verdict)
            case Nothing():
                return Matched(outcome="nothing", story=verdict.why)

    # ---------------------------------------------------------------------------------------------- looking
    async def _rules(self, name: str) -> Rules:
        async with self.context.database.begin() as tx:
            current = await integrations.current(tx, name)
            return await self.context.rules.at(tx, name, current[0] if current else 0)

    async def _linked_already(self, asked: MatchInput, rules: Rules) -> PairRow | None:
        async with self.context.database.begin() as tx:
            known = await pairs.of_record(tx, asked.ref.connection, asked.ref.id, asked.ref.record_type)
        return next((pair for pair in known if pair.integration == rules.integration.name), None)

    async def _made_by_us(self, record: Snapshot) -> RecordRef | None:
        """The record that this one was created for, if its marker is one of our reserved keys."""
        if record.marker is None:
            return None
        async with self.context.database.begin() as tx:
            creation = await creations.by_key(tx, record.marker)
        return creation.source if creation and creation.source != record.ref else None

    async def _is_awaited(self, asked: MatchInput, source: RecordRef) -> bool:
        """Whether a pair is about to take up the record that we made, in the place of one that is gone."""
        async with self.context.database.begin() as tx:
            known = await pairs.of_record(tx, source.connection, source.id, source.record_type)
            ours = [pair.id for pair in known if pair.integration == asked.integration]
            return any([await losses.awaits_new_record(tx, pair_id) for pair_id in ours])

    async def _found(self, rules: Rules, side: Side, record: Snapshot, key: str) -> Found:
        end = rules.integration.ends[side.other]
        connector = self.context.connectors(rules.integration)[side.other]
        if key == MARKER:
            hits = await connector.find_marked(end.record_type, record.marker) if record.marker else []
        else:
            wanted = search_value(rules.integration, key, side, record)
            hits = (
                await connector.find(end.record_type, {wanted[0]: wanted[1]}, scope=end.scope)
                if wanted
                else []
            )
        others = [hit for hit in hits if hit.ref != record.ref]
        return Found(key, tuple([await self._candidate(rules, hit) for hit in others]))

    async def _candidate(self, rules: Rules, hit: Snapshot) -> Candidate:
        async with self.context.database.begin() as tx:
            known = await pairs.of_record(tx, hit.ref.connection, hit.ref.id, hit.ref.record_type)
        return Candidate(hit, is_linked=any(pair.integration == rules.integration.name for pair in known))

    # ---------------------------------------------------------------------------------------------- linking
    async def _link(self, rules: Rules, side: Side, record: Snapshot, ref: RecordRef, why: str) -> Matched:
        other = await self.context.connectors(rules.integration)[side.other].read(ref)
        return await self._keep_link(rules, _sided(side, record, other), why)

    async def _keep_link(self, rules: Rules, ends: Pair[Snapshot], why: str) -> Matched:
        try:
            async with self.context.database.begin() as tx:
                pair = await pairs.create(tx, rules.integration.name, rules.version, ends.map(_end))
        except AlreadyLinked as error:
            return await self._taken(rules, ends, why, error)
        return self._linked(pair, rules, why)

    async def _taken(self, rules: Rules, ends: Pair[Snapshot], why: str, error: AlreadyLinked) -> Matched:
        """Somebody else linked one of them first; where we had created the other, a record too many is left."""
        key = f"match/{rules.integration.name}/{ends.a.ref}/{ends.b.ref}"
        async with self.context.database.begin() as tx:
            await alerts.raise_(tx, key, "duplicate_candidate", None, f"{error.message} ({why})")
        return Matched(outcome="held", story=error.message)

    def _linked(self, pair: PairRow, rules: Rules, story: str) -> Matched:
        systems, keys = self.context.systems(rules.integration), pair.ends.map(lambda end: end.key)
        ref = PairRef(
            integration=pair.integration,
            pair_id=pair.id,
            systems=(systems.a, systems.b),
            keys=(keys.a, keys.b),
        )
        workflow = rules.integration.workflow or "PairWorkflow"
        return Matched(outcome="linked", story=story, pair=ref, workflow=workflow)

    async def _hold(self, rules: Rules, record: Snapshot, held: Hold) -> Matched:
        """Ambiguous: a person must say which. Nothing is linked or created meanwhile."""
        key = f"match/{rules.integration.name}/{record.ref}"
        todo = f"{held.log.reason}; link the right one by `accord link {rules.integration.name} …`"
        async with self.context.database.begin() as tx:
            await alerts.raise_(tx, key, held.log.kind.value, None, todo)
        return Matched(outcome="held", story=held.log.reason)

    async def _create(self, rules: Rules, side: Side, record: Snapshot) -> Matched:
        made = await Creator(self.context, rules).make(side, record)
        linked = await self._keep_link(rules, _sided(side, record, made), f"created as {made.key}")
        return linked if linked.pair is None else linked.model_copy(update={"outcome": "created"})


def _sided(side: Side, record: Snapshot, other: Snapshot) -> Pair[Snapshot]:
    return Pair(record, other) if side is Side.A else Pair(other, record)


def _end(snapshot: Snapshot) -> EndRow:
    return EndRow(snapshot.ref, snapshot.key, snapshot.url)
