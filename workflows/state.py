"""All that a pair workflow remembers. One serialisable object, carried through continue-as-new."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, BaseModel, Field, JsonValue

from activities.messages import OpenReview, PairRef, SideNotice, Standing
from domain.outcome import Decision, DecisionVerdict
from domain.sides import SIDES, Side

REMEMBERED = 50
"""Decided tokens kept, so that a late second answer is told "already decided"."""

Due = Literal["reminded", "escalated", "fallback", "look_again"]


@dataclass(frozen=True, slots=True)
class Taken:
    """What one pass took out of the state; put back whole if the pass is interrupted."""

    dirty: dict[Side, SideNotice]
    gone: set[Side]
    decisions: list[Decision]


@dataclass(frozen=True, slots=True)
class Deadline:
    at: datetime
    event: Due
    review: OpenReview | None = None

    @property
    def mark(self) -> str:
        """Counted per unit, not per token: a reminder isn't repeated because the conflict moved on."""
        return f"{self.review.unit}/{self.event}" if self.review else self.event


class PairState(BaseModel):
    """Workflow input and memory. Grows only by fields with defaults."""

    pair: PairRef
    dirty: dict[Side, SideNotice] = Field(default_factory=dict)
    """The newest notice per side that no pass has looked at yet; a second one would say nothing more."""
    gone: set[Side] = Field(default_factory=set)
    """Sides whose deletion an event told."""
    missing: dict[Side, AwareDatetime] = Field(default_factory=dict)
    """Since when a side can't be read though others of its kind can: the grace period counts from here."""
    lost: set[Side] = Field(default_factory=set)
    """Sides that are gone while a person is asked what that means: the event is told once, the pass comes again."""
    decisions: list[Decision] = Field(default_factory=list)
    decided: list[str] = Field(default_factory=list)
    """The last tokens that were answered."""
    sent: list[str] = Field(default_factory=list)
    """`unit/event` of reminders and escalations already sent for open reviews."""
    standing: Standing = Standing(states=())
    paused_by: str | None = None
    stopped: str | None = None
    """Why the pair is quarantined or braked, until `retry`."""
    heard: bool = False
    """Something was heard since the last pass began: a person's edit may lift a quarantine."""
    retried_by: str | None = None
    unlink_by: str | None = None
    renew: bool = False
    """Start a fresh run at the next occasion."""
    failures: int = 0
    """Passes in a row that could not reach a system; chooses the back-off."""
    retry_at: AwareDatetime | None = None
    busy: bool = False
    """A pass is under way."""
    lingers: bool = False
    """A pass was given up or interrupted, and an attempt of it may still be at work."""
    passes: int = 0
    writes: int = 0
    runs: int = 1

    @property
    def has_work(self) -> bool:
        """Whether a pass would have something to look at."""
        return bool(self.dirty or self.decisions or self.gone)

    @property
    def is_idle(self) -> bool:
        """Nothing is left to do before something new is heard or a deadline comes."""
        return not (self.busy or self.has_work)

    @property
    def is_waiting(self) -> bool:
        """Paused, stopped, or backing off: what comes is kept, nothing is read."""
        return bool(self.paused_by or self.stopped or self.retry_at)

    @property
    def wants_pass(self) -> bool:
        return self.has_work and not self.unlink_by and (not self.is_waiting or self.may_be_lifted)

    @property
    def may_be_lifted(self) -> bool:
        """Quarantined, and something was heard: one look says whether a person has edited the record."""
        is_quarantined = bool(self.stopped) and "quarantined" in self.standing.states
        return is_quarantined and self.heard and not (self.paused_by or self.retry_at)

    @property
    def wants_end(self) -> bool:
        """An operator unlinks; after a failure to say so to the store that waits out the back-off."""
        return bool(self.unlink_by and not self.retry_at)

    def review(self, token: str) -> OpenReview | None:
        return next((r for r in self.standing.reviews if r.token == token), None)

    def notice(self, notice: SideNotice) -> None:
        if (
            notice.kind == "deleted" and notice.source != "sweep"
        ):  # a listing that lacks a record proves nothing
            self.gone.add(notice.side)
        self.dirty[notice.side] = notice
        if notice.source == "connection":  # a system that was out can be reached again
            self.retry_at = None
        else:
            self.heard = True

    def look_everywhere(self, why: str) -> None:
        """Have the next pass look at both sides, whatever was or wasn't heard."""
        for side in SIDES:
            self.dirty.setdefault(side, SideNotice(side=side, source=why[:80]))

    def queue(self, decision: Decision) -> None:
        """A person spoke: that ends a back-off, and the token counts as answered until it is refused."""
        self.decisions.append(decision)
        self.decided = [*self.decided, decision.token][-REMEMBERED:]
        self.retry_at = None

    def judge(self, verdicts: Iterable[DecisionVerdict]) -> None:
        """Where every answer to a review was refused, it may be answered again."""
        listed = list(verdicts)
        accepted = {verdict.token for verdict in listed if verdict.accepted}
        refused = {verdict.token for verdict in listed} - accepted
        self.decided = [token for token in self.decided if token not in refused]

    def hear_again(self, said: Iterable[Decision], judged: Iterable[DecisionVerdict]) -> None:
        """Keep for the next pass what this one could not judge yet."""
        heard = {verdict.token for verdict in judged}
        self.decisions = [*(one for one in said if one.token not in heard), *self.decisions]

    def take(self) -> Taken:
        taken = Taken(self.dirty, self.gone, self.decisions)
        self.dirty, self.gone, self.decisions = {}, set(), []
        self.heard = False
        self.passes += 1
        return taken

    def put_back(self, taken: Taken) -> None:
        """What came meanwhile stays and wins over older notices."""
        self.dirty = {**taken.dirty, **self.dirty}
        self.gone = taken.gone | self.gone
        self.decisions = taken.decisions + self.decisions

    def stand(self, standing: Standing) -> None:
        """Take over what an activity said, and forget reminders of reviews that closed."""
        open_units = {r.unit for r in standing.reviews}
        self.sent = [mark for mark in self.sent if mark.rsplit("/", 1)[0] in open_units]
        self.standing = standing

    def deadlines(self) -> list[Deadline]:
        """Everything that is due some day, nearest first."""
        due = [d for r in self.standing.reviews if r.token not in self.decided for d in _review_deadlines(r)]
        if self.retry_at is not None:
            due.append(Deadline(self.retry_at, "look_again"))
        return sorted((d for d in due if d.mark not in self.sent), key=lambda d: d.at)


def _review_deadlines(review: OpenReview) -> list[Deadline]:
    times: tuple[tuple[Due, datetime | None], ...] = (
        ("reminded", review.remind_at),
        ("escalated", review.escalate_at),
        ("fallback", review.fallback_at),
    )
    return [Deadline(at, event, review) for event, at in times if at is not None]


class ApproveSignal(BaseModel):
    """Take a review's proposal. Every field may be missing: an undecodable signal would vanish."""

    token: str = ""
    by: str = ""
    note: str | None = None
    unit: str = ""
    """The field or group that is meant, so that a refusal can name it even if the token is no review's."""

    def decision(self) -> Decision:
        return Decision(
            token=self.token, choice="approve", by=self.by, note=self.note, unit=self.unit, channel="signal"
        )


class OverrideSignal(BaseModel):
    """Decide a review otherwise: a side's value, or a `value` native to that side (`empty` for an empty one)."""

    token: str = ""
    side: str = ""
    """`a`, `b`, or a system's name."""
    value: JsonValue = None
    empty: bool = False
    by: str = ""
    note: str | None = None
    unit: str = ""
    """As in `approve`."""

    def decision(self, systems: tuple[str, str]) -> Decision:
        names = {"a": Side.A, "b": Side.B, systems[0].lower(): Side.A, systems[1].lower(): Side.B}
        valued = self.empty or self.value is not None
        return Decision(
            token=self.token,
            choice="value" if valued else "side",
            side=names.get(self.side.strip().lower()),
            value=self.value,
            by=self.by,
            note=self.note,
            unit=self.unit,
            channel="signal",
        )


class OperatorSignal(BaseModel):
    """Who asks, and why."""

    by: str = ""
    reason: str = ""

    @property
    def who(self) -> str:
        return self.by or "an operator"
