"""Carry out a plan, step by step.

    claim → (re-read, where there is no compare-and-set) → send → (history, unless the counter proves it) → commit

The last write that settles a unit moves its baselines whole, in its own commit (semantics §2.1).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

from pydantic import JsonValue

from activities.committing import alert_prefix, park, quarantine, settle
from activities.look import Look
from activities.messages import Applied
from activities.opening import outlook_of, stands_already
from activities.races import can_tell_hits, edits_hit, look_behind, may_be_ours
from activities.resuming import hits_of, puts_back, resumed
from activities.sending import Sent, send
from activities.standing import with_parked
from activities.superseding import keep_hit
from activities.taking_back import TakenBack, take_back
from domain.errors import RecordGone, RecordHidden, StaleVersion, TryAgain
from domain.outcome import RECORD_UNIT, LogStage
from domain.records import FieldVersion, Origin, Snapshot
from domain.settlement import Outlook
from domain.sides import SIDES, Pair, Side
from domain.view import Overwritten
from store import alerts, audit, conflicts, ledger, pairs, parked, plans, snapshots
from store.database import Database, Tx
from store.errors import Fenced
from store.ledger import Written
from store.plans import OpenPlan, PlanEnd, StepRow
from store.snapshots import SnapshotRow


class PlanWriter:
    """One attempt at one plan."""

    def __init__(self, database: Database, look: Look, plan: OpenPlan, holder: str) -> None:
        self.database = database
        self.look = look
        self.plan = plan
        self.holder = holder
        self.now = look.snapshots
        """Both records as this plan's writes leave them."""
        self.known: Pair[SnapshotRow | None] | None = look.work.last
        """The last snapshots in the store; None once we have saved others."""
        self.behind: tuple[Side, list[Overwritten]] = (Side.A, [])
        """Edits around an earlier attempt's request, and where."""
        self.ended = False
        self.progress = resumed(look, plan)

    async def write(self) -> Applied:
        """Carry out what is left of the plan.

        Raises:
            Fenced: Another attempt holds a step; what this one did there is not committed.
            TryAgain: A system doesn't answer, or says to wait; the step is free for the next attempt.
        """
        for step in self.plan.steps:
            if step.state not in {"pending", "claimed"}:
                continue
            try:
                await self._carry_out(step)
            except TryAgain:
                await self._release(step)
                raise
            except (StaleVersion, RecordGone, RecordHidden) as error:
                return await self._overtaken(step, error.message)
        return await self._close()

    async def _carry_out(self, step: StepRow) -> None:
        wanted = self.progress.still_wanted(step.side, step.fields)
        if not wanted:
            return
        await self._claim(step)
        before = await self._target(step)
        look = replace(self.look, snapshots=self.look.snapshots.replace(step.side, before))
        outlook = outlook_of(look, step)
        if step.state == "claimed" and outlook is not Outlook.DONE:
            await self._look_behind(step, before)
        match outlook:
            case Outlook.OVERTAKEN:
                raise StaleVersion(f"{self._end(step.side)} has moved on since the decision")
            case Outlook.DONE:
                await self._refuse_foreign(step)
                await self._keep_found(step, wanted, before)
            case Outlook.SEND:
                if stands_already(self.look, step, before):
                    await self._refuse_foreign(step)
                connector = self.look.connectors[step.side]
                units = self.progress.unit_of(step.side)
                sent = await send(connector, before, wanted, units, marker=self.look.pair.pair_id)
                await self._keep(step, sent, await edits_hit(connector, before, sent), before)

    async def _refuse_foreign(self, step: StepRow) -> None:
        """What a step brings, or some of it, stands there: that counts as done only if an earlier attempt may have brought it.

        Raises:
            StaleVersion: A person saved the same. That is theirs to change, and no sign that both sides are in step.
        """
        decided, connector = self.look.snapshots[step.side], self.look.connectors[step.side]
        if step.state != "claimed" or not await may_be_ours(connector, step, decided):
            raise StaleVersion(f"somebody brought {self._end(step.side)} to the same values")

    async def _look_behind(self, step: StepRow, before: Snapshot) -> None:
        """An earlier attempt's request may have arrived: then what happened around it is for the next pass to judge.

        What it brought stood in step, whatever became of it, or of the rest.

        Raises:
            StaleVersion: It hit an edit, or somebody took back what it had brought; these edits are kept.
        """
        done = sum(other.side is step.side and other.state == "done" for other in self.plan.steps)
        decided, connector = self.look.snapshots[step.side], self.look.connectors[step.side]
        behind = await look_behind(connector, step, decided, before, saved_by_us=done)
        self.progress.take(step.side, behind.landed, behind.landed)
        self.progress.hit(step.side, [*behind.hit, *hits_of(self.look, step)])
        # Where what it brought settles the baseline, an edit that took it back is one like any other.
        unit_of, ready = self.progress.unit_of(step.side), {half.unit for half in self.progress.ready()}
        hidden = [edit for edit in behind.taken_back if unit_of[edit.version.field] not in ready]
        self.progress.hit(step.side, hidden)
        self.behind = step.side, [*behind.hit, *hidden]
        if behind.hit or behind.taken_back:
            raise StaleVersion(f"{self._end(step.side)} was edited around an earlier attempt")

    async def _claim(self, step: StepRow) -> None:
        """Hold the step. An earlier attempt of this activity is dead for Temporal, so it is followed at once."""
        succeeds = step.holder is not None and activity_of(step.holder) == activity_of(self.holder)
        patience = timedelta(0) if succeeds else plans.ABANDONED_AFTER
        async with self.database.alone() as tx:
            if not await plans.claim(tx, step.id, self.holder, abandoned_after=patience):
                raise Fenced(
                    f"step {step.n} of plan {self.plan.id} is held by another attempt", step_id=step.id
                )
            if step.state == "claimed" and can_tell_hits(self.look.connectors[step.side]):
                await pairs.set_late_writer(tx, self.look.pair.pair_id, step.side, may_come=True)

    async def _release(self, step: StepRow) -> None:
        """The system didn't answer: the next attempt needn't wait until this one's claim has grown old."""
        async with self.database.alone() as tx:
            await plans.release(tx, step.id, self.holder)

    async def _target(self, step: StepRow) -> Snapshot:
        """The record to write on: read again, unless the system compares and sets and nobody tried before us."""
        known = self.now[step.side]
        connector = self.look.connectors[step.side]
        if connector.capabilities.compare_and_set and step.state == "pending":
            return known
        return await connector.read(known.ref)

    # ---------------------------------------------------------------------------------------------- keeping
    async def _keep_found(self, step: StepRow, wanted: dict[str, JsonValue], shown: Snapshot) -> None:
        """An earlier attempt's request did arrive: what stands there is its outcome. It may have hit an edit, too."""
        connector, found = self.look.connectors[step.side], Sent(shown, requests=1, fields=wanted)
        hit = await edits_hit(connector, self.now[step.side], found)
        response = {native: shown.fields[native] for native in wanted}
        self.progress.hit(step.side, hit)
        self.progress.take(step.side, wanted, response)
        async with self._kept_anyhow(step.side, hit), self.database.begin() as tx:
            await plans.finish_step(tx, step.id, self.holder, response, "done")
            await self._keep_hit(tx, step.side, [*self._put_back(step.side, wanted), *hit])
            await self._settle_ready(tx)
            await self._end_with(tx, step)

    async def _keep(self, step: StepRow, sent: Sent, hit: list[Overwritten], before: Snapshot) -> None:
        """Keep everything that one step brought, in one commit."""
        told = dict(sent.result.fields or {}) if sent.result else {}
        response = {native: told[native] for native in sent.fields if native in told}
        self.progress.take(step.side, sent.fields, response)
        known = self.now[step.side]
        self.progress.compare_rest(self._end(step.side), step.side, known, {**before.fields, **told})
        self._note(step.side, sent, hit)
        async with self._kept_anyhow(step.side, hit), self.database.begin() as tx:
            await plans.finish_step(tx, step.id, self.holder, response, "done" if sent.result else "refused")
            await self._keep_write(tx, step.side, sent, before)
            await self._keep_hit(tx, step.side, [*self._put_back(step.side, sent.fields), *hit])
            await self._keep_refused(tx, sent)
            await self._settle_ready(tx)
            await self._end_with(tx, step)

    @asynccontextmanager
    async def _kept_anyhow(self, side: Side, hit: list[Overwritten]) -> AsyncIterator[None]:
        """Whoever was taken for dead may commit nothing but this: nobody else saw what its late request hit."""
        try:
            yield
        except Fenced:
            if hit:
                async with self.database.begin() as tx:
                    await self._keep_hit(tx, side, hit)
            raise

    def _put_back(self, side: Side, fields: Mapping[str, JsonValue]) -> list[Overwritten]:
        """Edits that were hit and stand again by this write: it is what we left there, no longer the one that hit them."""
        known = self.look.work.overwritten[side].items()
        return [replace(edit, ours=fields[n]) for n, edit in known if puts_back(fields, edit)]

    async def _keep_hit(self, tx: Tx, side: Side, hit: list[Overwritten]) -> None:
        for edit in hit:
            await keep_hit(tx, self.look.work.pair, self.look.rules, side, edit)

    async def _keep_refused(self, tx: Tx, sent: Sent) -> None:
        """Park what the system refused; quarantine the pair where no single field can be blamed."""
        if sent.is_hopeless:
            await quarantine(tx, self.look.pair, self.progress.hopeless)
            return
        for unit, reason in sent.refused.items():
            await park(tx, self.look, unit, "refused", reason)

    async def _keep_write(self, tx: Tx, side: Side, sent: Sent, before: Snapshot) -> None:
        """The ledger line by which the echo is known, and the record as our write left it."""
        if sent.result is None:
            return
        exact = self.look.connectors[side].capabilities.version_exact and not self._why_again()
        written = Written(side, before.ref, sent.result.version, sent.fields, exact, sent.result.request)
        await ledger.record(tx, self.look.pair.pair_id, written)
        self.now = self.now.replace(side, sent.target)
        if sent.result.fields is None:
            return
        ours = tuple(_our_version(native, before, sent) for native in sent.fields)
        await snapshots.save(
            tx,
            self.look.pair.pair_id,
            self.now,
            Pair.of(lambda s: ours if s is side else ()),
            known=self.known,
        )
        self.known = None

    def _note(self, side: Side, sent: Sent, hit: list[Overwritten]) -> None:
        """Remember what a step means for the rest of the plan and for the next pass."""
        progress = self.progress
        progress.refused.update(sent.refused)
        progress.hit(side, hit)
        if sent.is_hopeless:
            progress.hopeless = f"{self._end(side)} refuses the write: {'; '.join(sent.refused.values())}"
        if sent.fields:
            progress.written.append(f"{progress.names(side, sent.fields)} → {self._end(side)}")

    async def _settle_ready(self, tx: Tx) -> None:
        """Move the baselines of every unit whose writes have all been made."""
        ready = self.progress.ready()
        if not ready:
            return
        values: dict[str, tuple[JsonValue, JsonValue]] = {}
        for half in ready:
            outcome = self.progress.halves(half)
            values[half.field] = outcome.halves
            if outcome.edited:
                self.progress.look_again.append(f"a rule of the system changed {half.field} again")
            if outcome.adjusted:
                self.progress.adjusted.append(half.field)
                await audit.append(
                    tx, "accord", "write_adjusted", pair_id=self.look.pair.pair_id, field=half.field
                )
        await settle(tx, self.look, ready, values)
        self.progress.settled |= {half.unit for half in ready}

    # ---------------------------------------------------------------------------------------------- ending
    async def _overtaken(self, step: StepRow, why: str) -> Applied:
        """Close the plan at this step: only its holder may, for what an attempt taken for dead finds stale may be its successor's write."""
        async with self._kept_anyhow(*self.behind), self.database.begin() as tx:
            await plans.finish_step(tx, step.id, self.holder, None, "overtaken")
            await self._keep_hit(tx, *self.behind)
            await self._settle_ready(tx)
            await plans.close(tx, self.plan.id, "overtaken")
        return Applied(outcome="stale", story=why, written=tuple(self.progress.written))

    async def _end_with(self, tx: Tx, step: StepRow) -> None:
        """The commit of a plan's last step ends the plan, too, unless something must be taken back first."""
        if step is self.plan.steps[-1] and not self.progress.half_merged():
            await self._end_plan(tx, [])

    async def _close(self) -> Applied:
        """End the plan, if its last step didn't; take back what only one side took."""
        torn = self.progress.half_merged()
        taken = [await take_back(self.look, self.plan, self.now, unit, sides) for unit, sides in torn.items()]
        if not self.ended:
            async with self.database.begin() as tx:
                await self._end_plan(tx, taken)
        return self._applied(taken)

    async def _end_plan(self, tx: Tx, taken: list[TakenBack]) -> None:
        end = self._end_state()
        await self._keep_taken_back(tx, taken)
        await plans.close(tx, self.plan.id, end)
        await self._keep_standing(tx)
        self.ended = True

    def _applied(self, taken: list[TakenBack]) -> Applied:
        progress = self.progress
        outcome = "stopped" if progress.hopeless else "again" if self._why_again() else None
        return Applied(
            outcome=outcome or ("partial" if progress.refused else "settled"),
            story=progress.hopeless
            or "; ".join(dict.fromkeys([*self._why_again(), *(t.story for t in taken)]))
            or "settled",
            written=tuple(progress.written),
            adjusted=tuple(progress.adjusted),
            parked={} if progress.hopeless else progress.refused,
        )

    def _why_again(self) -> list[str]:
        """Why another pass must follow at once."""
        hit = [
            f"our write hit an edit of {self.progress.names(s, natives)} in {self._end(s)}"
            for s in SIDES
            if (natives := self.progress.natives_hit[s])
        ]
        return [*hit, *self.progress.look_again]

    def _end_state(self) -> PlanEnd:
        if not self.progress.refused:
            return "done"
        return "partial" if self.progress.written else "refused"

    async def _keep_taken_back(self, tx: Tx, taken: list[TakenBack]) -> None:
        pair = self.look.work.pair
        lines = [one.line for one in taken]
        await conflicts.append(tx, pair.id, pair.integration, self.look.rules.version, lines)
        for one in taken:
            for write in one.writes:
                await ledger.record(tx, pair.id, write)
            if one.line.stage is LogStage.OPENED:
                await self._ask_about(tx, one)

    async def _ask_about(self, tx: Tx, torn: TakenBack) -> None:
        """A merge stands on one side only: not parked, but for a person to decide; the next pass opens the review."""
        unit, pair_id = torn.line.unit, self.look.pair.pair_id
        await parked.park(tx, pair_id, unit, "torn", torn.story)
        prefix = alert_prefix(pair_id)
        await alerts.clear(tx, [f"{prefix}refused/{unit}", f"{prefix}quarantined/{RECORD_UNIT}"])
        del self.progress.refused[unit]
        if self.progress.hopeless and not self.progress.refused:
            self.progress.hopeless = ""
            await pairs.quarantine(tx, pair_id, None)
        self.progress.look_again.append(torn.story)

    async def _keep_standing(self, tx: Tx) -> None:
        progress, pair = self.progress, self.look.work.pair
        if progress.hopeless:
            await pairs.set_state(tx, pair.id, ["quarantined"], f"help: {progress.hopeless}")
        elif progress.refused:
            states, waits_for = with_parked(pair.state, pair.waits_for, progress.refused)
            await pairs.set_state(tx, pair.id, states, waits_for)

    def _end(self, side: Side) -> str:
        return self.look.pair.end(side)


def activity_of(holder: str) -> str:
    """A holder is `run/activity/attempt`; attempts of one activity follow each other."""
    return holder.rpartition("/")[0]


def _our_version(native: str, before: Snapshot, sent: Sent) -> FieldVersion:
    return FieldVersion(
        field=native,
        value=sent.target.fields.get(native),
        old=before.fields.get(native),
        at=sent.target.modified_at,
        by="accord",
        origin=Origin.ACCORD,
        sequence=sent.target.sequence,
    )
