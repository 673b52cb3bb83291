"""Twins: list both sides, say what stands twice, and carry out a plan that somebody has seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from activities.backfilling import standstill
from activities.display import HIDDEN, shown
from activities.rulebook import Rules
from activities.twins import Closing, find, look_at
from domain.backfilling import match_keys
from domain.duplicates import Cluster, Group, Twin, clusters
from domain.errors import ConfigError, LookAgain, StopIntegration, StopRecord, TryAgain
from domain.integration import FieldMap
from domain.proposing import Proposal, propose
from domain.sides import Pair
from gateway.desks.backfilling import BackfillDesk
from gateway.desks.desk import Desk
from gateway.desks.links import LinkDesk
from gateway.duplicates import DuplicatesPlan, GroupShown, ProposalDone, TwinShown
from store import backfills, duplicates
from store.pairs import EndRow

STATES = ("state", "status")
"""Names of declared fields that tell where a record stands."""
SAID = {"ignore": "left alone, somebody said so", "create": "gets a counterpart, somebody said so"}


class NotAsPlanned(LookAgain):
    """What stands there now isn't what the plan was made of."""


@dataclass(frozen=True, slots=True)
class DuplicateDesk:
    desk: Desk

    async def start(self, integration: str, *, by: str, rate: float | None = None) -> str:
        """Begin to list both sides; the run that it is known by. `backfills.show` tells how far it is.

        Raises:
            Unknown: The integration was never applied.
            ConfigError: It is being listed or loaded already.
            SystemUnavailable: Store or Temporal doesn't answer.
        """
        return await BackfillDesk(self.desk).start(
            integration, by=by, dry_run=True, only_list=True, rate=rate
        )

    async def plan(self, integration: str, run: str) -> DuplicatesPlan:
        """What stands twice in the inventory of this run, with a proposal for each; the inventory ends with it.

        Raises:
            LookAgain: Another listing or load has begun since: list again.
            TryAgain: A system doesn't answer.
        """
        async with self.desk.accord.database.begin() as tx:
            rules = await self.desk.rules(tx, integration)
            row = await backfills.newest(tx, integration, run)
            listed = None if row is None else await backfills.listed(tx, row)
            keys = match_keys(rules.integration)
            found = [] if row is None else await duplicates.bunches(tx, row.id, integration, keys)
            newest = await backfills.newest(tx, integration)
        # Asked last: whoever begins another run takes this one's inventory away in the same commit.
        if row is None or listed is None or row.phase != "listed" or newest is None or newest.id != row.id:
            raise LookAgain(f"another listing or load of {integration} has begun; ask again")
        together = clusters(found)
        groups = await look_at(self.desk.accord.context, rules, together)
        async with self.desk.accord.database.begin() as tx:
            await backfills.sweep_out(tx, integration)
        return DuplicatesPlan(
            integration=integration,
            version=rules.version,
            listed=(listed.a, listed.b),
            groups=tuple(
                self._shown(rules, group, proposals)
                for group in groups
                if (proposals := propose(rules.integration, group))
            ),
        )

    async def apply(self, plan: DuplicatesPlan, *, by: str) -> list[ProposalDone]:
        """Carry out what the plan proposes, each only if it would be proposed now as well.

        Where one can't be, the rest of its group is left, too: it was proposed together.

        Raises:
            ConfigError: The declaration has changed since, or a brake or pause holds its writes.
        """
        async with self.desk.accord.database.begin() as tx:
            rules = await self.desk.rules(tx, plan.integration)
        if rules.version != plan.version:
            raise ConfigError(
                f"{plan.integration} has been declared anew since (version {rules.version}): plan again"
            )
        if waits := await standstill(self.desk.accord.context, rules.integration):
            raise ConfigError(f"{plan.integration}: nothing is written now: {waits}")
        done = list[ProposalDone]()
        try:
            for group in plan.groups:
                await self._apply(rules, group, by, done)
        except TryAgain as error:
            # Nothing says that the next one would fare better; all that is left is named, and planned again.
            done += [_told(one, error.message) for one in plan.work[len(done) :]]
        return done

    async def _apply(self, rules: Rules, planned: GroupShown, by: str, done: list[ProposalDone]) -> None:
        stopped = ""
        for proposal in planned.work:
            why = stopped and "it was proposed together with one that wasn't done"
            if not stopped:
                why = stopped = await self._try(rules, planned, proposal, by)
            done.append(_told(proposal, why))

    async def _try(self, rules: Rules, planned: GroupShown, proposal: Proposal, by: str) -> str:
        """Why it wasn't done; empty if it was."""
        try:
            await self._carry_out(rules, planned, proposal, by)
        except (LookAgain, StopRecord, StopIntegration) as error:
            return error.message
        return ""

    async def _carry_out(self, rules: Rules, planned: GroupShown, proposal: Proposal, by: str) -> None:
        context = self.desk.accord.context
        (group,) = await look_at(context, rules, [_cluster(planned)])
        now = propose(rules.integration, group)
        if not any(one.is_same(proposal) for one in now):
            raise NotAsPlanned(
                f"changed since it was planned; now: {now[0].reason if now else 'nothing is left to do'}"
            )
        first, second = find(group, proposal.record), find(group, proposal.other)
        for one in (first, second):
            await self._need_in_scope(rules, one)
        if proposal.action == "close":
            await Closing(context, rules, first, second, proposal, by).run()
        else:
            await LinkDesk(self.desk).link_records(rules, Pair(first.record, second.record), by=by)

    async def _need_in_scope(self, rules: Rules, twin: Twin) -> None:
        """A record that has left the scope since is somebody else's; one with a pair stays whose it is."""
        scope = rules.integration.ends[twin.side].scope
        connector = self.desk.accord.context.connectors(rules.integration)[twin.side]
        if scope is not None and twin.pair_id is None and not await connector.is_in_scope(twin.record, scope):
            raise NotAsPlanned(
                f"changed since it was planned: {twin.record.key} lies outside the scope {scope!r}"
            )

    # --------------------------------------------------------------------------------------------------- showing
    def _shown(self, rules: Rules, group: Group, proposals: Sequence[Proposal]) -> GroupShown:
        return GroupShown(
            by=group.by,
            size=group.size,
            is_crossed=group.is_crossed,
            twins=tuple(self._twin(rules, one) for one in group.twins),
            proposals=tuple(proposals),
        )

    def _twin(self, rules: Rules, twin: Twin) -> TwinShown:
        declared, record = rules.integration.fields, twin.record
        state = next((field for field in declared if field.name.lower() in STATES), None)
        title = next((f for f in declared if f is not state and f.name not in rules.integration.match), None)
        return TwinShown(
            side=twin.side,
            end=self.desk.end(EndRow(record.ref, record.key, record.url)),
            title=_text(twin, title),
            state=_text(twin, state),
            created_at=record.created_at,
            modified_at=record.modified_at,
            link=twin.partner or (SAID[twin.said] if twin.said else ""),
        )


def _told(proposal: Proposal, why: str) -> ProposalDone:
    return ProposalDone(action=proposal.action, keys=proposal.keys, done=not why, why=why)


def _text(twin: Twin, field: FieldMap | None) -> str:
    if field is None:
        return ""
    value = twin.record.fields.get(field.native(twin.side))
    return "" if value is None else HIDDEN if field.sensitive else shown(value)


def _cluster(planned: GroupShown) -> Cluster:
    ids = Pair.of(lambda side: tuple(one.end.id for one in planned.twins if one.side is side))
    return Cluster(planned.by, ids, planned.size, planned.is_crossed)
