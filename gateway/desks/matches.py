"""Held matches: what they are about, and what people say of them. Linking stands in `links.py`."""

from __future__ import annotations

from dataclasses import dataclass

from activities.holding import release
from activities.rulebook import Rules
from domain.records import RecordRef
from domain.sides import SIDES, Pair, Side
from gateway.answers import HeldShown, Told
from gateway.desks.desk import Desk
from gateway.finding import Ambiguous, Unknown
from store import audit, creations, held_matches, integrations
from store.held_matches import HeldMatch, MatchDecision

SAID: dict[MatchDecision, str] = {
    "create": "gets a counterpart of its own",
    "ignore": "is left alone until somebody links it",
}


@dataclass(frozen=True, slots=True)
class Meant:
    """An unlinked record that somebody named."""

    rules: Rules
    side: Side
    ref: RecordRef
    key: str


@dataclass(frozen=True, slots=True)
class MatchDesk:
    desk: Desk

    async def listed(self, named: str | None = None, *, limit: int = 1000) -> list[HeldShown]:
        """Held matches, the longest waiting first: all, those of an integration, or those of a record.

        Raises:
            Unknown: Nothing that waits goes by this name, and no integration either.
        """
        async with self.desk.accord.database.begin() as tx:
            known = await integrations.versions(tx)
            found = await held_matches.listing(tx, named if named in known else None, limit=limit)
        if named is not None and named not in known:
            found = [one for one in found if _side_of(one, named)]
            if not found:
                raise Unknown(
                    f"no held match has {named!r}, and no integration is called so; `accord candidates`"
                )
        return [self._shown(one) for one in found]

    async def say(
        self, named: str, decision: MatchDecision, *, by: str, integration: str | None = None
    ) -> Told:
        """Have a counterpart created whatever was found, or leave the record alone.

        Raises:
            Unknown: There is no such record.
            Ambiguous: Several go by this name.
            SystemUnavailable: A system or Temporal doesn't answer.
        """
        meant = await self._meant(named, integration)
        name = meant.rules.integration.name
        async with self.desk.accord.database.begin() as tx:
            await held_matches.decide(tx, name, meant.ref, decision, by)
            await release(tx, name, [meant.ref])
            if decision == "create":
                made = await creations.reserve(tx, name, meant.ref)
                if made.created is not None:
                    await creations.forget(tx, name, meant.ref, made.created)
            await audit.append(tx, by, f"match_{decision}", integration=name, record=str(meant.ref))
        await self.desk.signaller.rematch(meant.rules, meant.side, meant.ref)
        return Told(what=decision, pairs=0, message=f"{meant.key} {SAID[decision]}")

    async def retry(self, named: str, *, by: str) -> Told | None:
        """Try again what was refused for this record; None if nothing is held by this name."""
        found = [one for one in await self._held(None) if one.kind == "refused" and _side_of(one, named)]
        return await self.retry_held(found, by=by) if found else None

    async def retry_all(self, integration: str, *, by: str) -> int:
        """Try again everything of an integration that was refused; how many records."""
        async with self.desk.accord.database.begin() as tx:
            found = await held_matches.refused(tx, integration=integration)
        await self.retry_held(found, by=by)
        return len(found)

    async def retry_held(self, found: list[HeldMatch], *, by: str) -> Told:
        """Match these again and make what was refused, though the records are as they were."""
        for one in found:
            async with self.desk.accord.database.begin() as tx:
                rules = await self.desk.rules(tx, one.integration)
                records = [str(ref) for ref in one.refs]
                await audit.append(tx, by, "match_retry", integration=one.integration, records=records)
            for side in SIDES:
                for end in one.records[side]:
                    await self.desk.signaller.rematch(rules, side, end.ref, retried=True)
        keys = ", ".join(end.key for one in found for ends in one.records for end in ends)
        return Told(what="retry", pairs=0, message=f"{keys}: matched and created anew")

    # ---------------------------------------------------------------------------------------------- in between
    async def _held(self, integration: str | None) -> list[HeldMatch]:
        async with self.desk.accord.database.begin() as tx:
            return await held_matches.listing(tx, integration)

    async def _meant(self, named: str, integration: str | None) -> Meant:
        """The record among those held; else the one that a system calls so."""
        held = [
            Meant(await self._rules(one.integration), side, end.ref, end.key)
            for one in await self._held(integration)
            for side in _side_of(one, named)
            for end in one.records[side]
            if _goes_by(end.key, end.ref.id, named)
        ]
        found = held or await self._in_systems(named, integration)
        if not found:
            raise Unknown(f"no record that an integration could match has {named!r} as key or id")
        if len({(one.rules.integration.name, one.ref) for one in found}) > 1:
            where = "; ".join(f"{one.rules.integration.name}: {one.ref}" for one in found)
            raise Ambiguous(f"{named!r} is several records ({where}): name it by --integration, or by its id")
        return found[0]

    async def _in_systems(self, named: str, integration: str | None) -> list[Meant]:
        async with self.desk.accord.database.begin() as tx:
            names = sorted(await integrations.versions(tx)) if integration is None else [integration]
        found = []
        for rules in [await self._rules(name) for name in names]:
            for side in SIDES:
                end = rules.integration.ends[side]
                shown = await self.desk.accord.connections.get(end.connection).by_key(end.record_type, named)
                if shown is not None:
                    found.append(Meant(rules, side, shown.ref, shown.key))
        return found

    async def _rules(self, name: str) -> Rules:
        async with self.desk.accord.database.begin() as tx:
            return await self.desk.rules(tx, name)

    def _shown(self, one: HeldMatch) -> HeldShown:
        records = one.records.map(lambda ends: tuple(self.desk.end(end) for end in ends))
        return HeldShown(
            id=one.id,
            integration=one.integration,
            kind=one.kind,
            found_by=one.found_by,
            reason=one.reason,
            records=(records.a, records.b),
            opened_at=one.opened_at,
        )


def _side_of(one: HeldMatch, named: str) -> list[Side]:
    """The sides on which a record goes by this name."""
    sides: Pair[bool] = one.records.map(
        lambda ends: any(_goes_by(end.key, end.ref.id, named) for end in ends)
    )
    return [side for side in SIDES if sides[side]]


def _goes_by(key: str, record_id: str, named: str) -> bool:
    return named.lower() == key.lower() or named == record_id
