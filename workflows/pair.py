"""The life of one linked pair, from link to unlink.

Handlers append to the state and return; all work happens in one loop:

    wait (a notice, a decision, a deadline) → detect → resolve, if there are conflicts → apply, if there is a plan

The loop is never blocked: an activity gives up after five minutes, and the loop then waits by its own back-off,
still open to decisions, pause and unlink. A review never stops a pass: the contested field waits, the loop goes on.

A per-integration workflow subclasses `PairWorkflow`, restates `run`, and overrides a hook (see `major_incident.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Literal

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.ending import EndingActivities
    from activities.messages import (
        Applied,
        ApplyInput,
        Assessed,
        DetectInput,
        Ended,
        EndInput,
        OpenReview,
        Resolved,
        ResolveInput,
        ReviewEvent,
        SideNotice,
        Standing,
        StandingNote,
    )
    from activities.noting import NotingActivities
    from activities.passes import PassActivities
    from activities.standing import parked_too
    from domain.outcome import Decision, DecisionVerdict
    from workflows import options, story
    from workflows.alarm import Alarm
    from workflows.state import ApproveSignal, Deadline, OperatorSignal, OverrideSignal, PairState, Taken


COMPARED = {"in_step", "plan", "conflicts"}
"""What detect says where it has compared both records."""


class PairLoop:
    """Everything but the entry point: messages and hooks are inherited, only `run` must be restated."""

    @workflow.init
    def __init__(self, state: PairState) -> None:
        self.state = state
        self._alarm = Alarm()
        self._running: asyncio.Task[str | None] | None = None
        self._interrupted = False
        self._noted: StandingNote | None = None
        workflow.set_current_details(story.details(state))

    # ------------------------------------------------------------------------------------------------- messages
    @workflow.signal
    def change_noticed(self, notice: SideNotice) -> None:
        """Look at this pair. Says which side, never what changed."""
        self.state.notice(notice)

    @workflow.signal
    def approve(self, said: ApproveSignal) -> None:
        """Take a review's proposal, from the Temporal UI or CLI."""
        self.state.queue(said.decision())

    @workflow.signal
    def override(self, said: OverrideSignal) -> None:
        """Decide a review otherwise, from the Temporal UI or CLI."""
        self.state.queue(said.decision(self.state.pair.systems))

    @workflow.update
    def decide(self, decision: Decision) -> str:
        """Queue a person's decision; the verdict lands in the store."""
        self.state.queue(decision)
        return "queued"

    @decide.validator
    def check_decision(self, decision: Decision) -> None:
        """Refuse what is plainly double or stale, at no cost in history."""
        if decision.token in self.state.decided:
            raise ApplicationError("somebody has answered this review already", type="already_decided")
        if self.state.review(decision.token) is None:
            known = [r.token for r in self.state.standing.reviews]
            message = "this conflict has moved on or closed since you looked; look again and decide on what stands now"
            raise ApplicationError(message, {"open": known}, type="stale_decision")

    @workflow.update
    def sync_now(self, said: OperatorSignal) -> str:
        """Look at both sides now."""
        self.state.retry_at = None
        self.state.look_everywhere(f"asked by {said.who}")
        return "queued"

    @workflow.signal
    def pause(self, said: OperatorSignal) -> None:
        """Do nothing until `resume`; what is heard meanwhile is kept."""
        self.state.paused_by = said.who
        self._interrupt()

    @workflow.signal
    def resume(self, said: OperatorSignal) -> None:
        """Go on after `pause`, or once the integration's brake is released."""
        self.state.paused_by = None
        if "braked" in self.state.standing.states:
            self.state.stopped = None
        self.state.look_everywhere(f"resumed by {said.who}")

    @workflow.signal
    def retry(self, said: OperatorSignal) -> None:
        """The cause is mended: leave quarantine, un-park fields, look again."""
        self.state.stopped = None
        self.state.retry_at = None
        self.state.retried_by = said.who
        self.state.look_everywhere(f"retried by {said.who}")

    @workflow.signal
    def unlink(self, said: OperatorSignal) -> None:
        """End the link, also of a paused pair; both records stay as they are."""
        self.state.unlink_by = said.who
        self.state.paused_by = None
        self._interrupt()

    @workflow.signal
    def renew(self, said: OperatorSignal) -> None:
        """Start a fresh run: a short history, and the newest code."""
        del said
        self.state.renew = True

    @workflow.query(name="state")
    def ask_state(self) -> PairState:
        """The whole memory of this pair."""
        return self.state

    # ---------------------------------------------------------------------------------------------------- hooks
    async def before_apply(self, found: Assessed, resolved: Resolved | None) -> None:
        """Called with what will be written, before the first write. The plan is already on record."""

    async def after_apply(self, applied: Applied) -> None:
        """Called after the writes of a pass."""

    async def on_review_opened(self, review: OpenReview) -> None:
        """Called once per review that a pass opened."""

    # --------------------------------------------------------------------------------------------------- the loop
    async def live(self) -> str:
        """Run until the link ends; returns the last sentence of the story."""
        while True:
            await self._until_due()
            if self._wants_new_run():
                self._continue_as_new()
            await self._meet_deadlines()
            await self._note_waiting()
            ending = await self._next_step()
            if ending is not None:
                return ending

    async def _next_step(self) -> str | None:
        """Unlink, or make a pass, if either is wanted; the ending sentence if the link ended."""
        if self.state.wants_end:
            return await self._unlink()
        return await self._interruptible_pass() if self.state.wants_pass else None

    async def _unlink(self) -> str | None:
        try:
            return await self._end(
                EndInput(pair=self.state.pair, reason="unlinked", by=self.state.unlink_by or "")
            )
        except ActivityError as error:
            self._give_way(error)
            if self.state.stopped:
                self.state.unlink_by = None
            return None

    async def _until_due(self) -> None:
        deadlines = [] if self.state.paused_by else self.state.deadlines()
        nearest = deadlines[0].at if deadlines else None
        self._alarm.set(nearest, self.state.standing.waits_for or "next deadline")
        await workflow.wait_condition(self._is_due)

    def _is_due(self) -> bool:
        state = self.state
        return (
            state.wants_end
            or state.wants_pass
            or self._alarm.rang
            or self._wants_new_run()
            or self._waiting_note() != self._noted
        )

    def _wants_new_run(self) -> bool:
        return self.state.renew or options.is_long(workflow.info())

    def _continue_as_new(self) -> None:
        """Handlers are synchronous, so none is under way; what they queued travels in the state."""
        self.state.renew = False
        self.state.runs += 1
        workflow.continue_as_new(self.state)

    async def _interruptible_pass(self) -> str | None:
        """One pass. Pause and unlink cancel it."""
        self.state.busy, self._interrupted = True, False
        self._running = asyncio.create_task(self._settled_pass())
        try:
            return await self._running
        except asyncio.CancelledError:
            self.state.lingers = True
            if not self._interrupted:
                raise
        except ActivityError as error:
            self.state.lingers = True
            if not self._interrupted:
                self._give_way(error)
        finally:
            self._running = None
            self.state.busy = False
        return None

    async def _settled_pass(self) -> str | None:
        """Let half-typed values settle, then look; what the pass had taken is put back, whatever stops it."""
        settle = self.state.standing.settle
        if settle and not self.state.decisions:
            await workflow.sleep(settle, summary="settle: wait for half-typed values")
        taken = self.state.take()
        try:
            return await self._pass(taken)
        except BaseException:
            self.state.put_back(taken)
            raise

    async def _pass(self, taken: Taken) -> str | None:
        """Detect, resolve, apply. Returns the ending sentence if the link ended."""
        found = await self._detect(taken)
        if found.outcome not in COMPARED:
            return await self._not_compared(found, taken)
        self.state.failures, self.state.lost = 0, set()
        if found.look_again:
            self.state.look_everywhere(found.story)
        resolved = await self._resolve(found, taken.decisions)
        plan_id = (resolved.plan_id if resolved else None) or found.plan_id
        if plan_id is not None:
            await self._apply(plan_id, found, resolved)
        if resolved is not None:
            await self._tell_reviewers(resolved.opened, resolved.decisions)
        return None

    async def _not_compared(self, found: Assessed, taken: Taken) -> str | None:
        """Detect had nothing to compare: a record is gone, hidden or elsewhere, or the pair stands still."""
        match found.outcome:
            case "ended":
                return found.story
            case "gone":
                decisions = tuple(taken.decisions)
                return await self._end(EndInput(pair=self.state.pair, gone=found.gone, decisions=decisions))
            case "leaves":
                by = "the system" if found.merged else "scope_left: detach"
                pair = self.state.pair
                return await self._end(EndInput(pair=pair, merged=found.merged, reason=found.story, by=by))
            case "unreachable":
                self.state.put_back(taken)
                self._back_off(found.story, at_least=found.retry_in)
            case "outside" if not taken.decisions:
                pass  # what is heard next brings the next look
            case "outside":
                self.state.put_back(taken)
                self.state.retry_at = workflow.now() + options.BACK_OFF[-1]
            case _:
                self.state.put_back(taken)
        return None

    def _interrupt(self) -> None:
        if self._running is not None:
            self._interrupted = True
            self._running.cancel()

    # ---------------------------------------------------------------------------------------------- the activities
    async def _detect(self, taken: Taken) -> Assessed:
        state, retried_by = self.state, self.state.retried_by
        found = await workflow.execute_activity_method(
            PassActivities.detect_changes,
            DetectInput(
                pair=state.pair,
                notices=tuple(taken.dirty.values()),
                gone=tuple(sorted(taken.gone | state.lost)),
                missing=state.missing,
                retried_by=retried_by,
                follows=state.lingers,
            ),
            summary=f"read {state.pair.both}",
            priority=options.DECISION if taken.decisions else options.CHANGE,
            **options.PASS,
        )
        assert isinstance(found, Assessed)  # options are passed as a mapping, which hides the result's type
        state.lingers = False
        if state.retried_by == retried_by:
            state.retried_by = None
        if found.outcome != "stopped":  # then nothing was read
            state.missing, state.stopped = dict(found.missing), None
        if found.outcome != "unreachable":  # then the back-off says how the pair stands
            self._stand(found.standing, stopped=found.story if found.outcome == "stopped" else None)
        return found

    async def _resolve(self, found: Assessed, decisions: list[Decision]) -> Resolved | None:
        if found.snapshots is None or not (found.contested or decisions):
            return None
        units = ", ".join(c.unit for c in found.contested)
        resolved = await workflow.execute_activity_method(
            PassActivities.resolve_conflicts,
            ResolveInput(pair=self.state.pair, snapshots=found.snapshots, decisions=tuple(decisions)),
            summary=f"decide {units}" if units else "judge a decision",
            priority=options.DECISION if decisions else options.CHANGE,
            **options.PASS,
        )
        assert isinstance(resolved, Resolved)  # as above
        self.state.judge(resolved.decisions)
        if resolved.outcome == "look_again":
            self.state.look_everywhere(resolved.story)
            self.state.hear_again(decisions, resolved.decisions)
        self._stand(resolved.standing, stopped=resolved.story if resolved.outcome == "stopped" else None)
        return resolved

    async def _apply(self, plan_id: int, found: Assessed, resolved: Resolved | None) -> None:
        await self.before_apply(found, resolved)
        writes = (resolved.writes if resolved else ()) or found.writes
        applied = await workflow.execute_activity_method(
            PassActivities.apply_changes,
            ApplyInput(pair=self.state.pair, plan_id=plan_id),
            summary=f"write {'; '.join(writes)}"[:200],
            priority=options.DECISION if resolved and resolved.decisions else options.CHANGE,
            **options.PASS,
        )
        self.state.writes += len(applied.written)
        if applied.outcome in {"stale", "again"}:
            self.state.look_everywhere(applied.story)
        if applied.parked:
            self._stand(parked_too(self.state.standing, applied.parked))
        if applied.outcome == "stopped":
            self._stand(self._with_state("quarantined", applied.story), stopped=applied.story)
        await self.after_apply(applied)

    async def _end(self, asked: EndInput) -> str | None:
        ended = await workflow.execute_activity_method(
            EndingActivities.end_link,
            asked,
            summary=f"end the link: {asked.reason or 'a record is gone'}",
            **options.PASS,
        )
        assert isinstance(ended, Ended)  # as above
        self.state.judge(ended.decisions)
        self.state.lost = set() if ended.outcome == "relinked" else set(asked.gone)
        match ended.outcome:
            case "unreachable":
                self.state.hear_again(asked.decisions, ended.decisions)
                self._back_off(ended.story, at_least=options.BACK_OFF[2])
            case "stopped":
                self.state.hear_again(asked.decisions, ended.decisions)
                self._stand(ended.standing, stopped=ended.story)
            case "relinked":
                self._stand(ended.standing)
                self.state.missing = {}
                self.state.look_everywhere(ended.story)
            case _:
                self._stand(ended.standing)
        await self._tell_reviewers(ended.opened, ended.decisions)
        return ended.story if ended.outcome in {"detached", "closed"} else None

    async def _tell_reviewers(self, opened: Sequence[str], judged: Sequence[DecisionVerdict]) -> None:
        for token in opened:
            review = self.state.review(token)
            if review is not None:
                await self.on_review_opened(review)
                await self._notify(token, "opened")
        for verdict in judged:
            if verdict.accepted:
                await self._notify(verdict.token, "decided", verdict.message)

    async def _notify(
        self, token: str, event: Literal["opened", "reminded", "escalated", "decided"], text: str = ""
    ) -> None:
        if self.state.standing.notify:
            event_ = ReviewEvent(pair=self.state.pair, token=token, event=event, text=text)
            await self._note(NotingActivities.notify_reviewers, event_, f"tell the review queue: {event}")

    async def _note(self, activity: Any, said: Any, summary: str) -> None:
        """Run an activity that is useful but must not stop the pair; its failure stands in the history."""
        try:
            await workflow.execute_activity_method(activity, said, summary=summary, **options.NOTE)
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise  # the pass that it belongs to was interrupted
            workflow.logger.warning("%s failed: %s", summary, error.cause or error)

    # ------------------------------------------------------------------------------------------------- giving way
    def _give_way(self, error: ActivityError) -> None:
        """An activity gave up. Wait by back-off, or stop where waiting can't help."""
        failure = _said_by_us(error)
        if failure is not None and failure.non_retryable:
            self._stand(self._with_state("braked", failure.message), stopped=failure.message)
        else:
            closed = failure is not None and failure.type == "ConnectionClosed"
            reason = failure.message if failure else str(error.cause or error)
            self._back_off(reason, at_least=options.CLOSED if closed else None)

    def _back_off(self, reason: str, *, at_least: timedelta | None = None) -> None:
        steps = options.BACK_OFF
        pause = max(steps[min(self.state.failures, len(steps) - 1)], at_least or timedelta(0))
        self.state.failures += 1
        self.state.retry_at = workflow.now() + pause
        self._stand(self._with_state("unreachable", reason))

    def _with_state(self, added: str, waits_for: str) -> Standing:
        now = self.state.standing
        kept = tuple(s for s in now.states if s in {"pending_review", "held", "parked"})
        return now.model_copy(update={"states": (added, *kept), "waits_for": waits_for[:500]})

    async def _meet_deadlines(self) -> None:
        """Look again, remind, escalate, or fall back: whatever is due by now."""
        if not self._alarm.rang or self.state.paused_by:
            return
        due = [d for d in self.state.deadlines() if d.at <= workflow.now()]
        self._alarm.set(None, "")
        for deadline in due:
            await self._meet(deadline)

    async def _meet(self, due: Deadline) -> None:
        if due.review is None:
            self.state.retry_at = None
            self.state.look_everywhere("looking again")
            return
        self.state.sent.append(due.mark)
        if due.event == "fallback":
            self.state.queue(
                Decision(token=due.review.token, choice="approve", by="fallback", channel="fallback")
            )
        elif due.event != "look_again":
            await self._notify(due.review.token, due.event)

    # ------------------------------------------------------------------------------------------------ being found
    def _stand(self, standing: Standing, *, stopped: str | None = None) -> None:
        """Show where the pair stands; search attributes cost an event each, so only changes are sent."""
        before = self.state.standing
        self.state.stand(standing)
        if stopped:
            self.state.stopped = stopped
        if any(standing.keys) and standing.keys != self.state.pair.keys:
            self.state.pair = self.state.pair.model_copy(update={"keys": standing.keys})
        updates = story.changed_attributes(before, standing)
        if updates:
            workflow.upsert_search_attributes(updates)
        workflow.set_current_details(story.details(self.state))

    def _waiting_note(self) -> StandingNote | None:
        """What the store should say while no pass runs, because none can."""
        state, pair = self.state, self.state.pair
        if state.paused_by:
            return StandingNote(pair=pair, states=("paused",), waits_for=f"paused by {state.paused_by}")
        if state.retry_at or state.stopped:
            return StandingNote(pair=pair, states=state.standing.states, waits_for=state.standing.waits_for)
        return None

    async def _note_waiting(self) -> None:
        """Put into the store, once per change, that the pair is paused or waits for a system."""
        note = self._waiting_note()
        if note == self._noted:
            return
        self._noted = note
        if note is not None:
            await self._note(NotingActivities.note_standing, note, note.waits_for[:200])
        if self.state.paused_by:
            self._stand(self._with_state("paused", f"paused by {self.state.paused_by}"))


def _said_by_us(error: BaseException) -> ApplicationError | None:
    """The failure that `activities/failures.py` made, below Temporal's own. Its causes are converted too, and say less."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ApplicationError):
        cause = cause.__cause__
    return cause


@workflow.defn
class PairWorkflow(PairLoop):
    """Keeps one pair in step. Id `pair/<integration>/<pair id>`."""

    @workflow.run
    async def run(self, state: PairState) -> str:
        return await self.live()
