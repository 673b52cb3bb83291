"""The end of a link: a record is gone, or an operator unlinks."""

from __future__ import annotations

from dataclasses import dataclass, replace

from temporalio import activity

from activities.braking import brake
from activities.committing import alert_prefix, quarantine
from activities.context import Context
from activities.evidence import is_deleted_by_us
from activities.following import SENT, Followed, Follower
from activities.latecomers import with_hits_behind
from activities.look import live_baselines, named
from activities.messages import Ended, EndInput, PairRef, Standing
from activities.reading import Unseen
from activities.rulebook import Rules
from activities.standing import make_standing
from connectors.base import Connector
from domain.deletion import DeleteVerdict, Loss, archived, decide_delete, is_archived
from domain.errors import RecordGone, RecordHidden
from domain.leaving import merged_line
from domain.records import Evidence, Gone, Snapshot
from domain.recreating import new_baselines
from domain.sides import SIDES, Pair, Side
from domain.superseding import unjudged
from store import (
    alerts,
    audit,
    baselines,
    conflicts,
    decisions,
    ledger,
    losses,
    overwritten,
    pairs,
    plans,
    reviews,
    work,
)
from store.database import Tx
from store.pairs import EndRow
from store.work import PairWork

ENDED = Standing(states=("detached",))


@dataclass(frozen=True, slots=True)
class _Case:
    """A pair of which a record is gone, and what is decided about it."""

    pair: PairRef
    found: PairWork
    rules: Rules
    loss: Loss
    verdict: DeleteVerdict
    asked: EndInput

    @property
    def lost_id(self) -> str:
        gone = self.loss.gone[self.loss.lost]
        assert gone is not None
        return gone.ref.id


class EndingActivities:
    """Ends links. After a proved deletion the deleted record gets no further request."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @activity.defn
    async def end_link(self, asked: EndInput) -> Ended:
        """Unlink, or do what the delete policy says about a record that is gone.

        Safe to run twice, also at once: the log line is appended once, an ended link keeps its first reason, deleting
        what is gone already is no error, and what may have reached the other record is on record before it leaves: an
        attempt that died is carried on, not judged anew.
        """
        async with self.context.database.begin() as tx:
            found = await work.load(tx, asked.pair.pair_id)
            rules = await self.context.rules.at(tx, found.pair.integration, found.newest_version)
        if found.pair.link != "active":
            story = f"the link has ended: {found.pair.link_reason}"
            return Ended(outcome="detached", story=story, standing=ENDED)
        found = await with_hits_behind(self.context, rules, found, asked.gone.keys())
        if not asked.gone:
            return await self._unlink(found, rules, asked)
        return await self._follow_policy(found, rules, asked)

    async def _unlink(self, found: PairWork, rules: Rules, asked: EndInput) -> Ended:
        story = f"{asked.reason} by {asked.by or 'an operator'}"
        async with self.context.database.begin() as tx:
            await audit.append(
                tx, asked.by or "operator", "unlink", pair_id=found.pair.id, reason=asked.reason
            )
            pair = named(asked.pair, found, self.context.connectors(rules.integration))
            lines = [
                merged_line(found.pair.id, side, into, Pair(*pair.keys), Pair(*pair.systems))
                for side, into in asked.merged.items()
            ]
            await conflicts.append(tx, found.pair.id, found.pair.integration, rules.version, lines)
            await _close(tx, found, rules, "detached", story)
        return Ended(outcome="detached", story=story, standing=ENDED)

    # ------------------------------------------------------------------------------------------------ a deletion
    async def _follow_policy(self, found: PairWork, rules: Rules, asked: EndInput) -> Ended:
        connectors = self.context.connectors(rules.integration)
        pair = named(asked.pair, found, connectors)
        told = Pair(asked.gone.get(Side.A), asked.gone.get(Side.B))
        moved = next((s for s in SIDES if (one := told[s]) and one.ref != found.pair.ends[s].ref), None)
        if moved is not None:
            story = f"{pair.end(moved)} stands in the lost record's place already"
            return Ended(outcome="relinked", story=story, standing=_standing(pair, rules))
        other = await self._read_other(found, connectors, told)
        if isinstance(other, Unseen):
            return Ended(outcome="unreachable", story=f"{pair.both}: {other.reason}")
        loss = Loss(
            pair_id=found.pair.id,
            gone=told if isinstance(other, Snapshot) else told.map(lambda one: one or other),
            survivor=other if isinstance(other, Snapshot) else None,
            baselines=live_baselines(found, rules.integration),
            systems=connectors.map(lambda c: c.system),
            decisions=asked.decisions,
        )
        case = _Case(pair, found, rules, loss, decide_delete(rules.integration, loss), asked)
        if await self._is_archived(case):
            return await self._finish(replace(case, verdict=archived(case.loss)), Followed())
        stopped = await brake(self.context, found, rules.integration, loss, case.verdict)
        if stopped:
            return await self._stop(case, "braked", stopped)
        return await self._carry_out(case)

    async def _carry_out(self, case: _Case) -> Ended:
        """Log line, review, decisions first; then what the verdict asks for; the link's end last."""
        async with self.context.database.begin() as tx:
            opened = await self._keep(tx, case)
        if case.verdict.review is not None:
            return await self._wait(case, opened)
        followed = await Follower(self.context, case.pair, case.found, case.rules).follow(
            case.verdict, case.loss
        )
        if followed.refused or followed.hidden:
            async with self.context.database.begin() as tx:
                await losses.mark(tx, case.pair.pair_id, case.lost_id, None)
        if followed.refused:
            return await self._stop(case, "quarantined", followed.refused)
        if followed.hidden:
            return Ended(outcome="unreachable", story=followed.hidden, decisions=case.verdict.decisions)
        if followed.made is not None:
            return await self._relink(case, followed.made)
        return await self._finish(case, followed)

    async def _is_archived(self, case: _Case) -> bool:
        """An attempt that died has closed the other record: nothing is left to decide."""
        async with self.context.database.begin() as tx:
            known = await losses.of_pair(tx, case.pair.pair_id)
        begun = any(one.sent == "archive" and one.record_id == case.lost_id for one in known)
        survivor, closing = case.loss.survivor, case.rules.integration.on_delete.archive
        return begun and survivor is not None and is_archived(survivor, closing.get(case.loss.lost.other, {}))

    async def _keep(self, tx: Tx, case: _Case) -> tuple[str, ...]:
        """Log line, review, decisions and what is about to be sent, durable before any request; tokens of new reviews."""
        found, verdict = case.found, case.verdict
        if found.plan is not None:
            await plans.close(tx, found.plan.id, "overtaken")
        lines = [verdict.log] if verdict.log else []
        await conflicts.append(tx, found.pair.id, found.pair.integration, case.rules.version, lines)
        said = {decision.token: decision for decision in case.asked.decisions}
        for judged in verdict.decisions:
            await decisions.record(tx, found.pair.id, said[judged.token], judged)
            if judged.accepted:
                await reviews.settle(tx, judged.token, judged.by)
        wanted = [verdict.review] if verdict.review else []
        changes = await reviews.sync(tx, found.pair.id, wanted, self.context.now())
        for alert in verdict.alerts:
            key = f"{alert_prefix(found.pair.id)}{alert.kind}/{alert.unit}"
            await alerts.raise_(tx, key, alert.kind, found.pair.id, alert.message)
        if verdict.action in SENT:
            await losses.mark(tx, found.pair.id, case.lost_id, SENT[verdict.action])
        return tuple(row.token for row in (*changes.opened, *changes.reopened, *changes.moved))

    async def _wait(self, case: _Case, opened: tuple[str, ...]) -> Ended:
        """A person decides about the other record."""
        async with self.context.database.begin() as tx:
            found = await work.load(tx, case.pair.pair_id)
            standing = make_standing(case.pair, case.rules, found.reviews, held={}, parked=found.parked)
            await pairs.set_state(tx, case.pair.pair_id, standing.states, standing.waits_for)
        story, judged = standing.waits_for, case.verdict.decisions
        return Ended(outcome="waits", story=story, decisions=judged, opened=opened, standing=standing)

    async def _stop(self, case: _Case, state: str, why: str) -> Ended:
        """Nothing more is done about it until somebody has looked."""
        async with self.context.database.begin() as tx:
            if state == "quarantined":
                await quarantine(tx, case.pair, why)
            standing = make_standing(
                case.pair, case.rules, case.found.reviews, held={}, parked={}, quarantine=why
            )
            standing = standing.model_copy(update={"states": (state, *standing.states[1:])})
            await pairs.set_state(tx, case.pair.pair_id, standing.states, standing.waits_for)
        judged = case.verdict.decisions if state == "quarantined" else ()
        return Ended(outcome="stopped", story=why, decisions=judged, standing=standing)

    async def _finish(self, case: _Case, followed: Followed) -> Ended:
        lost = " and ".join(case.pair.end(side) for side in SIDES if case.loss.gone[side])
        story = f"{lost} is gone: {case.verdict.action.value.replace('_', ' ')}"
        link = case.verdict.link_after
        assert link != "active"
        async with self.context.database.begin() as tx:
            for write in followed.writes:
                await ledger.record(tx, case.pair.pair_id, write)
            await _close(tx, case.found, case.rules, link, story)
        standing = ENDED.model_copy(update={"notify": case.rules.integration.reviews.queue is not None})
        return Ended(outcome=link, story=story, decisions=case.verdict.decisions, standing=standing)

    async def _relink(self, case: _Case, made: Snapshot) -> Ended:
        """The new record takes the lost one's place; the next pass carries what the create could not."""
        loss, found, declared = case.loss, case.found, case.rules.integration
        assert loss.survivor is not None
        natives = {field.name: (field.a, field.b) for field in declared.fields}
        halves = new_baselines(declared, loss.lost.other, loss.survivor, made)
        moves = {name: (*natives[name], *both) for name, both in halves.items()}
        revisions = {name: row.baseline.revision for name, row in found.baselines.items()}
        old, hit = found.pair.ends[loss.lost].key, sorted(found.overwritten[loss.lost])
        async with self.context.database.begin() as tx:
            await pairs.move_end(tx, found.pair.id, loss.lost, EndRow(made.ref, made.key, made.url))
            await baselines.move(tx, found.pair.id, moves, expected=revisions)
            await overwritten.forget(tx, found.pair.id, loss.lost, hit)
            await losses.mark(tx, found.pair.id, case.lost_id, None)
            await audit.append(tx, "accord", "recreate", pair_id=found.pair.id, old=old, new=made.key)
        return Ended(
            outcome="relinked",
            story=f"{old} is gone; {made.key} was created in its place",
            standing=_standing(case.pair, case.rules, loss.lost, made.key),
        )

    async def _read_other(
        self, found: PairWork, connectors: Pair[Connector], gone: Pair[Gone | None]
    ) -> Snapshot | Gone | Unseen | None:
        """The other record as it stands now; the deleted one gets no further request."""
        side = next((s for s in SIDES if gone[s] is None), None)
        if side is None:
            return None
        ref = found.pair.ends[side].ref
        try:
            return await connectors[side].read(ref)
        except RecordGone as error:
            return error.gone
        except RecordHidden as error:
            if await is_deleted_by_us(self.context, found, side):
                return Gone(ref=ref, evidence=Evidence.OWN_DELETE, by="accord")
            return Unseen(ref, error.message)


def _standing(pair: PairRef, rules: Rules, side: Side | None = None, key: str = "") -> Standing:
    """As after a pass that found nothing; with the new record's key, if it is new."""
    keys = Pair(*pair.keys) if side is None else Pair(*pair.keys).replace(side, key)
    named_anew = pair.model_copy(update={"keys": tuple(keys)})
    return make_standing(named_anew, rules, (), held={}, parked={})


async def _close(tx: Tx, found: PairWork, rules: Rules, link: str, reason: str) -> None:
    """End the link; open reviews are withdrawn, alerts of the pair are cleared, edits that our writes hit are named."""
    assert link in {"detached", "closed"}
    lost = unjudged(rules.integration, found.pair.id, found.overwritten)
    await conflicts.append(tx, found.pair.id, found.pair.integration, rules.version, lost)
    if found.plan is not None:
        await plans.close(tx, found.plan.id, "overtaken")
    await reviews.withdraw(tx, found.pair.id, reason)
    await alerts.clear_under(tx, alert_prefix(found.pair.id))
    await pairs.set_state(tx, found.pair.id, ["detached"], "")
    await pairs.unlink(tx, found.pair.id, link, reason)  # type: ignore[arg-type] # just asserted
