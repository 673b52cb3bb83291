"""What the match keys lead to from a record, and whether from there they lead back to it alone."""

from __future__ import annotations

from dataclasses import dataclass

from activities.context import Context
from activities.rulebook import Rules
from domain.matching import MARKER, Candidate, Found, search_value
from domain.records import RecordRef, Snapshot
from domain.sides import Side
from store import held_matches, pairs
from store.database import Tx
from store.pairs import PairRow


@dataclass(frozen=True, slots=True)
class Searcher:
    """Searches for counterparts of the records of one side."""

    context: Context
    rules: Rules
    side: Side

    async def search(self, record: Snapshot) -> list[Found]:
        """Ask the other system, key by key, until one has an answer."""
        found: list[Found] = []
        for key in self.rules.integration.match:
            found.append(await self._found(record, key))
            if found[-1].decides:
                break
        return found

    async def _found(self, record: Snapshot, key: str) -> Found:
        hits = await self._hits(key, self.side, record)
        candidates = [Candidate(hit, await self._is_taken(hit)) for hit in hits if hit.ref != record.ref]
        free = [candidate for candidate in candidates if not candidate.is_linked]
        if len(free) == 1:
            # Only one there; but from there, is it only this one here? The first to look must not win.
            rivals = await self._rivals(record, key, free[0].snapshot)
            known = [candidate for candidate in candidates if candidate.is_linked]
            candidates = [Candidate(free[0].snapshot, rivals=rivals), *known]
        return Found(key, tuple(candidates))

    async def _rivals(self, record: Snapshot, key: str, candidate: Snapshot) -> tuple[Snapshot, ...]:
        hits = await self._hits(key, self.side.other, candidate)
        others = [hit for hit in hits if hit.ref not in {record.ref, candidate.ref}]
        return tuple([hit for hit in others if not await self._is_taken(hit)])

    async def _hits(self, key: str, side: Side, record: Snapshot) -> list[Snapshot]:
        """Records opposite of one on this side that the key leads to."""
        declared = self.rules.integration
        end, connector = declared.ends[side.other], self.context.connectors(declared)[side.other]
        if key == MARKER:
            return await connector.find_marked(end.record_type, record.marker) if record.marker else []
        wanted = search_value(declared, key, side, record)
        if wanted is None:
            return []
        return await connector.find(end.record_type, {wanted[0]: wanted[1]}, scope=end.scope)

    async def _is_taken(self, hit: Snapshot) -> bool:
        """Linked in this integration, or left alone by somebody's word."""
        async with self.context.database.begin() as tx:
            said = await held_matches.decision_of(tx, self.rules.integration.name, hit.ref)
            return said is not None or await pair_of(tx, self.rules.integration.name, hit.ref) is not None


async def pair_of(tx: Tx, integration: str, ref: RecordRef) -> PairRow | None:
    """The record's active pair in this integration."""
    known = await pairs.of_record(tx, ref.connection, ref.id, ref.record_type)
    return next((pair for pair in known if pair.integration == integration), None)
