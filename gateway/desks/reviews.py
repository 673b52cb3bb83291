"""Reviews and decisions. A decision is judged at the door, queued by the pair, judged again by the engine.

At the door: who decides has a name, the question is still open, a value of one's own is allowed by the live systems.
What is refused here is on record like what the engine refuses.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from pydantic import JsonValue
from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.messages import PairRef
from activities.rulebook import Rules
from domain.errors import SyncError, SystemUnavailable
from domain.integration import Unit
from domain.outcome import Decision, DecisionVerdict, Refusal
from domain.reviews import Objection, judge
from domain.sides import SIDES, Pair, Side
from gateway.answers import DecisionAnswer, ReviewShown
from gateway.desks.desk import Desk
from gateway.desks.presenting import review_shown, unit_named
from gateway.finding import Ambiguous, Unknown, find_pair
from gateway.temporal import translated
from store import decisions, pairs, reviews
from store.database import Tx
from store.pairs import PairRow
from store.reviews import ReviewRow

VERDICT_WITHIN = timedelta(seconds=10)
POLL = timedelta(milliseconds=100)

Choice = Literal["approve", "side", "value"]


@dataclass(frozen=True, slots=True)
class Question:
    """A review, whose pair it is, and the rules that hold for it."""

    review: ReviewRow
    pair: PairRow
    rules: Rules
    ref: PairRef

    @property
    def unit(self) -> Unit | None:
        """The contested field or group; None where the question is about the whole record."""
        return next((u for u in self.rules.integration.units if u.name == self.review.unit), None)


@dataclass(frozen=True, slots=True)
class ReviewDesk:
    desk: Desk

    async def listed(
        self, *, named: str | None = None, integration: str | None = None, limit: int = 100
    ) -> list[ReviewShown]:
        """Open reviews, the longest waiting first; of one pair, if it is named."""
        async with self.desk.accord.database.begin() as tx:
            pair_id = None if named is None else (await find_pair(tx, named)).id
            rows = await reviews.open_reviews(tx, integration=integration, pair_id=pair_id, limit=limit)
            questions = [await self._question(tx, row) for row in rows]
        return [_shown(question) for question in questions]

    async def decide(
        self,
        named: str,
        choice: Choice,
        *,
        by: str,
        side: str | None = None,
        value: JsonValue = None,
        unit: str | None = None,
        note: str | None = None,
    ) -> DecisionAnswer:
        """Answer a review.

        Args:
            named: Its token, or a key or id of its pair.
            choice: Take the proposal, one side's value, or a value of one's own.
            by: Who decides.
            side: With `side`, whose value stands; with `value`, to which system it is native: the system's name,
                the record's key, `a` or `b`.
            value: With `value`: the field's, or for a group one per field.
            unit: Which field or group, if the pair has several open reviews.
            note: Kept with the decision.

        Raises:
            Unknown: There is no such review, pair, field or system.
            Ambiguous: Several reviews are open: say which field.
            SystemUnavailable: Nobody could take the decision: it is not made.
        """
        question = await self._find(named, unit)
        decision = Decision(
            token=question.review.token,
            choice=choice,
            side=_side_named(side, question),
            value=value,
            by=by,
            note=note,
            unit=question.review.unit,
        )
        objection = await self._objection(question, decision)
        if objection is not None:
            return await self._refused(question, decision, objection)
        return await self._hand_over(question, decision)

    # ------------------------------------------------------------------------------------------------- which one
    async def _find(self, named: str, unit: str | None) -> Question:
        async with self.desk.accord.database.begin() as tx:
            row = await reviews.get(tx, named) or await self._of_pair(tx, named, unit)
            return await self._question(tx, row)

    async def _of_pair(self, tx: Tx, named: str, unit: str | None) -> ReviewRow:
        pair = await find_pair(tx, named)
        opened = await reviews.open_reviews(tx, pair_id=pair.id)
        fitting = [row for row in opened if unit is None or unit in {row.unit, unit_named(row.unit)}]
        listed = ", ".join(unit_named(row.unit) for row in opened)
        if not fitting:
            waiting = f"; open are: {listed}" if opened else ""
            raise Unknown(f"{named}: no review {f'of {unit} ' if unit else ''}waits for a decision{waiting}")
        if len(fitting) > 1:
            raise Ambiguous(f"{named} has several open reviews: say which field by --field: {listed}")
        return fitting[0]

    async def _question(self, tx: Tx, row: ReviewRow) -> Question:
        pair = await pairs.get(tx, row.pair_id)
        return Question(row, pair, await self.desk.rules(tx, pair.integration), self.desk.ref(pair))

    # ------------------------------------------------------------------------------------------------ at the door
    async def _objection(self, question: Question, decision: Decision) -> Objection | None:
        if not decision.by.strip():
            return Objection(Refusal.MALFORMED, "say who decides")
        if question.review.state == "decided":
            return Objection(
                Refusal.DOUBLE, f"{question.review.decided_by or 'somebody'} has answered it already"
            )
        if question.review.state != "open":
            return Objection(
                Refusal.STALE, f"this question is gone ({question.review.closed_because}); look again"
            )
        if question.unit is None:
            return None  # about the whole record: the delete policy judges it
        return judge(
            decision,
            question.review.request,
            question.unit,
            await self._allowed(question, question.unit, decision),
        )

    async def _allowed(
        self, question: Question, unit: Unit, decision: Decision
    ) -> Pair[Mapping[str, tuple[Any, ...]]]:
        """What the live systems take now; asked only about a value of one's own."""
        if decision.choice != "value":
            return Pair({}, {})
        a, b = [await self._allowed_on(question, unit, side) for side in SIDES]
        return Pair(a, b)

    async def _allowed_on(self, question: Question, unit: Unit, side: Side) -> dict[str, tuple[Any, ...]]:
        ref = question.pair.ends[side].ref
        connector = self.desk.accord.connections.get(ref.connection)
        try:
            found = {
                field.native(side): await connector.allowed_values(ref, field.native(side))
                for field in unit.fields
            }
        except SyncError:
            return {}  # unknown now; the engine asks again before it writes
        return {native: tuple(values) for native, values in found.items() if values is not None}

    # ------------------------------------------------------------------------------------------------- handing over
    async def _hand_over(self, question: Question, decision: Decision) -> DecisionAnswer:
        async with self.desk.accord.database.begin() as tx:
            before = await decisions.last_number(tx, decision.token)
        try:
            await self._update(question, decision)
        except WorkflowUpdateFailedError as error:
            return await self._refused(question, decision, _by_workflow(error))
        return await self._verdict(question, decision, before)

    async def _update(self, question: Question, decision: Decision) -> None:
        """Give it to the pair's workflow; one that isn't running is started first."""
        handle = self.desk.accord.temporal.get_workflow_handle(question.pair.workflow_id)
        with translated(self.desk.accord.temporal):
            for attempt in (1, 2):
                try:
                    await handle.execute_update("decide", decision, rpc_timeout=VERDICT_WITHIN)
                except WorkflowUpdateRPCTimeoutOrCancelledError as error:
                    raise SystemUnavailable(
                        "no worker took the decision, so it is not made; is a worker running?"
                    ) from error
                except RPCError as error:
                    if error.status is not RPCStatusCode.NOT_FOUND or attempt == 2:
                        raise
                    await self.desk.signaller.look(question.pair, question.rules, "a decision was made")
                else:
                    return

    async def _verdict(self, question: Question, decision: Decision, before: int) -> DecisionAnswer:
        """What the engine said, if it says so in time."""
        for _ in range(VERDICT_WITHIN // POLL):
            async with self.desk.accord.database.begin() as tx:
                row = await decisions.verdict_of(tx, decision.token, after=before)
            if row is not None:
                return await self._answer(question, row.verdict)
            await asyncio.sleep(POLL.total_seconds())
        message = (
            "taken, and not judged yet: the pair is paused, or waits for a system; `accord show` will tell"
        )
        return DecisionAnswer(
            outcome="queued", message=message, token=decision.token, unit=unit_named(question.review.unit)
        )

    async def _refused(self, question: Question, decision: Decision, objection: Objection) -> DecisionAnswer:
        verdict = DecisionVerdict(
            token=decision.token,
            unit=decision.unit,
            accepted=False,
            refusal=objection.refusal,
            message=objection.message,
            by=decision.by,
        )
        async with self.desk.accord.database.begin() as tx:
            await decisions.record(tx, question.pair.id, decision, verdict)
        return await self._answer(question, verdict)

    async def _answer(self, question: Question, verdict: DecisionVerdict) -> DecisionAnswer:
        return DecisionAnswer(
            outcome="accepted" if verdict.accepted else "refused",
            message=verdict.message,
            token=verdict.token,
            unit=unit_named(question.review.unit),
            refusal=verdict.refusal,
            review=None if verdict.accepted else await self._as_it_stands(question),
        )

    async def _as_it_stands(self, question: Question) -> ReviewShown | None:
        async with self.desk.accord.database.begin() as tx:
            opened = await reviews.open_reviews(tx, pair_id=question.pair.id)
            row = next((row for row in opened if row.unit == question.review.unit), None)
            return None if row is None else _shown(await self._question(tx, row))


def _shown(question: Question) -> ReviewShown:
    return review_shown(question.review, question.ref, question.rules.integration)


def _side_named(said: str | None, question: Question) -> Side | None:
    """The side that people name by system, connection, key or letter.

    Raises:
        Unknown: It names neither side, or both.
    """
    if said is None:
        return None
    ends, systems = question.pair.ends, Pair(*question.ref.systems)
    names = Pair.of(lambda s: {s.value, systems[s], ends[s].ref.connection, ends[s].key, question.ref.end(s)})
    fitting = [side for side in SIDES if said.strip().lower() in {name.lower() for name in names[side]}]
    if len(fitting) != 1:
        known = " or ".join(dict.fromkeys([*systems, ends.a.key, ends.b.key]))
        raise Unknown(f"{said!r} names no side of this pair: say {known}")
    return fitting[0]


def _by_workflow(error: WorkflowUpdateFailedError) -> Objection:
    cause = error.cause
    kind = cause.type if isinstance(cause, ApplicationError) else None
    known = {refusal.value: refusal for refusal in Refusal}
    message = cause.message if isinstance(cause, ApplicationError) else str(cause)
    return Objection(known.get(kind or "", Refusal.STALE), message)
