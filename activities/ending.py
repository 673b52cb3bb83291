"""The end of a link: a record is gone, or an operator unlinks."""

from __future__ import annotations

from temporalio import activity

from activities.committing import alert_prefix
from activities.context import Context
from activities.look import live_baselines, named
from activities.messages import Ended, EndInput, PairRef, Standing
from activities.rulebook import Rules
from activities.standing import make_standing
from connectors.base import Connector
from domain.deletion import DeleteAction, DeleteVerdict, Loss, decide_delete
from domain.errors import RecordGone, RecordHidden
from domain.records import Gone, Snapshot
from domain.sides import SIDES, Pair, Side
from store import alerts, audit, conflicts, decisions, pairs, plans, reviews, work
from store.database import Tx
from store.work import PairWork

ENDED = Standing(states=("detached",))


class EndingActivities:
    """Ends links. After a proved deletion the deleted record gets no further request."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @activity.defn
    async def end_link(self, asked: EndInput) -> Ended:
        """Unlink, or do what the delete policy says about a record that is gone.

        Safe to run twice, also at once: the log line is appended once, an ended link keeps its first reason, and
        deleting what is gone already is no error.
        """
        async with self.context.database.begin() as tx:
            found = await work.load(tx, asked.pair.pair_id)
            rules = await self.context.rules.at(tx, found.pair.integration, found.newest_version)
        if found.pair.link != "active":
            story = f"the link has ended: {found.pair.link_reason}"
            return Ended(outcome="detached", story=story, standing=ENDED)
        if not asked.gone:
            return await self._unlink(found, asked)
        return await self._follow_policy(found, rules, asked)

    async def _unlink(self, found: PairWork, asked: EndInput) -> Ended:
        story = f"{asked.reason} by {asked.by or 'an operator'}"
        async with self.context.database.begin() as tx:
            await audit.append(
                tx, asked.by or "operator", "unlink", pair_id=found.pair.id, reason=asked.reason
            )
            await _close(tx, found, "detached", story)
        return Ended(outcome="detached", story=story, standing=ENDED)

    async def _follow_policy(self, found: PairWork, rules: Rules, asked: EndInput) -> Ended:
        connectors = self.context.connectors(rules.integration)
        pair = named(asked.pair, found, connectors)
        told = Pair(asked.gone.get(Side.A), asked.gone.get(Side.B))
        other = await _read_other(found, connectors, told)
        gone = told if isinstance(other, Snapshot) else told.map(lambda one: one or other)
        survivor = other if isinstance(other, Snapshot) else None
        loss = Loss(
            pair_id=found.pair.id,
            gone=gone,
            survivor=survivor,
            baselines=live_baselines(found, rules.integration),
            systems=connectors.map(lambda c: c.system),
            decisions=asked.decisions,
        )
        verdict = decide_delete(rules.integration, loss)
        async with self.context.database.begin() as tx:
            opened = await self._keep(tx, found, rules, asked, verdict)
        if verdict.link_after == "active":
            waiting = await self._wait(pair, rules, verdict)
            return waiting.model_copy(update={"decisions": verdict.decisions, "opened": opened})
        await self._act(verdict, survivor, connectors)
        ended = await self._finish(found, pair, loss, verdict)
        standing = ENDED.model_copy(update={"notify": rules.integration.reviews.queue is not None})
        return ended.model_copy(update={"standing": standing})

    async def _keep(
        self, tx: Tx, found: PairWork, rules: Rules, asked: EndInput, verdict: DeleteVerdict
    ) -> tuple[str, ...]:
        """Log line, review and decisions, durable before any request; the tokens of reviews that are new."""
        if found.plan is not None:
            await plans.close(tx, found.plan.id, "overtaken")
        lines = [verdict.log] if verdict.log else []
        await conflicts.append(tx, found.pair.id, found.pair.integration, rules.version, lines)
        said = {decision.token: decision for decision in asked.decisions}
        for judged in verdict.decisions:
            await decisions.record(tx, found.pair.id, said[judged.token], judged)
            if judged.accepted:
                await reviews.settle(tx, judged.token, judged.by)
        wanted = [verdict.review] if verdict.review else []
        changes = await reviews.sync(tx, found.pair.id, wanted, self.context.now())
        for alert in verdict.alerts:
            key = f"{alert_prefix(found.pair.id)}{alert.kind}/{alert.unit}"
            await alerts.raise_(tx, key, alert.kind, found.pair.id, alert.message)
        return tuple(row.token for row in (*changes.opened, *changes.reopened, *changes.moved))

    async def _wait(self, pair: PairRef, rules: Rules, verdict: DeleteVerdict) -> Ended:
        """A person decides about the other record; or the pair stops, where this version can't carry it out."""
        async with self.context.database.begin() as tx:
            found = await work.load(tx, pair.pair_id)
            standing = _waiting(pair, rules, found)
            if verdict.action is DeleteAction.RECREATE:
                why = "on_delete: recreate is declared; create the record by hand, link it, and unlink this pair"
                await pairs.quarantine(tx, pair.pair_id, why)
                standing = standing.model_copy(update={"states": ("quarantined",), "waits_for": why})
            await pairs.set_state(tx, pair.pair_id, standing.states, standing.waits_for)
        return Ended(outcome="waits", story=standing.waits_for, standing=standing)

    async def _act(
        self, verdict: DeleteVerdict, survivor: Snapshot | None, connectors: Pair[Connector]
    ) -> None:
        """Delete or archive the surviving record, where the verdict says so."""
        if survivor is None or verdict.target is None:
            return
        connector = connectors[verdict.target]
        try:
            if verdict.action is DeleteAction.DELETE_OTHER:
                await connector.delete(survivor)
            elif verdict.action is DeleteAction.ARCHIVE_OTHER:
                await connector.update(survivor, verdict.fields, marker="accord")
        except (RecordGone, RecordHidden):
            return  # an earlier attempt, or somebody else, was faster

    async def _finish(self, found: PairWork, pair: PairRef, loss: Loss, verdict: DeleteVerdict) -> Ended:
        lost = " and ".join(pair.end(side) for side in SIDES if loss.gone[side])
        story = f"{lost} is gone: {verdict.action.value.replace('_', ' ')}"
        assert verdict.link_after != "active"
        async with self.context.database.begin() as tx:
            await _close(tx, found, verdict.link_after, story)
        return Ended(outcome=verdict.link_after, story=story, decisions=verdict.decisions, standing=ENDED)


async def _read_other(
    found: PairWork, connectors: Pair[Connector], gone: Pair[Gone | None]
) -> Snapshot | Gone | None:
    """The other record as it stands now; the deleted one gets no further request."""
    side = next((s for s in SIDES if gone[s] is None), None)
    if side is None:
        return None
    try:
        return await connectors[side].read(found.pair.ends[side].ref)
    except RecordGone as error:
        return error.gone


async def _close(tx: Tx, found: PairWork, link: str, reason: str) -> None:
    """End the link; open reviews are withdrawn, alerts of the pair are cleared."""
    assert link in {"detached", "closed"}
    if found.plan is not None:
        await plans.close(tx, found.plan.id, "overtaken")
    await reviews.withdraw(tx, found.pair.id, reason)
    await alerts.clear_under(tx, alert_prefix(found.pair.id))
    await pairs.set_state(tx, found.pair.id, ["detached"], "")
    await pairs.unlink(tx, found.pair.id, link, reason)  # type: ignore[arg-type] # just asserted


def _waiting(pair: PairRef, rules: Rules, found: PairWork) -> Standing:
    return make_standing(pair, rules, found.reviews, held={}, parked=found.parked)
