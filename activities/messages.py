"""What travels between the pair workflow and its activities: ids, names, short displays. Never a record.

Every model is bounded and grows only by fields with defaults: a workflow that was started last year still sends the
old ones.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import AwareDatetime, Field

from domain.outcome import Decision, DecisionVerdict, UnitState
from domain.records import Gone, Model
from domain.sides import Side

SHOWN = 120
"""Characters of a value that travel for display."""


class PairRef(Model):
    """Which pair, with what people call its ends."""

    integration: str
    pair_id: str
    systems: tuple[str, str] = ("", "")
    keys: tuple[str, str] = ("", "")

    @property
    def title(self) -> str:
        """`INC0012 ↔ OPS-7`, for summaries."""
        return f"{self.keys[0]} ↔ {self.keys[1]}"

    def end(self, side: Side) -> str:
        """`Jira OPS-7`, for sentences."""
        index = 0 if side is Side.A else 1
        return f"{self.systems[index]} {self.keys[index]}".strip()

    @property
    def both(self) -> str:
        return f"{self.end(Side.A)} ↔ {self.end(Side.B)}"


class SideNotice(Model):
    """A change notice, addressed to one side of the pair."""

    side: Side
    kind: Literal["changed", "created", "deleted"] = "changed"
    source: str = "webhook"
    version: str | None = None
    delivery_id: str | None = None
    observed_at: AwareDatetime | None = None


class ContestedField(Model):
    """One conflict in short form, so that an operator can follow it in the Temporal UI."""

    unit: str
    token: str
    base: str = ""
    values: dict[str, str] = Field(default_factory=dict)
    """System → short value; "(sensitive)" where the field is declared so."""
    policy: str = ""
    outcome: str = ""


class OpenReview(Model):
    """A review that waits, with its absolute deadlines."""

    unit: str
    token: str
    opened_at: AwareDatetime
    asked_by: str = ""
    proposal: str = ""
    values: dict[str, str] = Field(default_factory=dict)
    allowed: tuple[str, ...] = ()
    """Values the decision may name, if bounded (canonical JSON)."""
    remind_at: AwareDatetime | None = None
    escalate_at: AwareDatetime | None = None
    fallback_at: AwareDatetime | None = None


class Standing(Model):
    """Where the pair stands after an activity: what the UI, the CLI and the search attributes show."""

    states: tuple[str, ...] = ("in_sync",)
    waits_for: str = ""
    """One sentence: what this pair waits for, empty if for nothing."""
    reviews: tuple[OpenReview, ...] = ()
    fields: tuple[str, ...] = ()
    """Contested, held or parked units."""
    systems: tuple[str, str] = ("", "")
    keys: tuple[str, str] = ("", "")
    version: int = 0
    """Version of the declaration that this pass used."""
    settle: timedelta = timedelta(0)
    notify: bool = False
    """Whether a review queue wants to hear of reviews."""


class UnitShort(Model):
    unit: str
    state: UnitState
    rule: str = ""
    winner: str = ""
    reason: str = ""


class DetectInput(Model):
    pair: PairRef
    notices: tuple[SideNotice, ...] = ()
    gone: tuple[Side, ...] = ()
    """Sides whose deletion was told by an event."""
    missing: dict[Side, AwareDatetime] = Field(default_factory=dict)
    """Since when a side can't be read though others of its kind can."""
    retried_by: str | None = None
    """An operator says that the cause is mended: parked fields and quarantine are lifted first."""
    follows: bool = False
    """A pass before this one was given up or interrupted, whose look may still be under way."""


class Assessed(Model):
    """What detect found. A plan, if there is one, is already on record."""

    outcome: Literal[
        "in_step", "plan", "conflicts", "gone", "unreachable", "stopped", "ended", "leaves", "outside"
    ]
    """leaves: the link is to end though both records are there; outside: nothing flows until a record is back in scope."""
    story: str
    snapshots: tuple[int, int] | None = None
    contested: tuple[ContestedField, ...] = ()
    units: tuple[UnitShort, ...] = ()
    plan_id: int | None = None
    writes: tuple[str, ...] = ()
    """`priority → Jira OPS-7`, one per planned request."""
    gone: dict[Side, Gone] = Field(default_factory=dict)
    """Tombstones: those records get no further request."""
    missing: dict[Side, AwareDatetime] = Field(default_factory=dict)
    """As in the input, after this look."""
    merged: dict[Side, str] = Field(default_factory=dict)
    """Into which record a side was merged by its system."""
    retry_in: timedelta | None = None
    look_again: bool = False
    """An older plan comes first: what changed beside it is for the next pass."""
    standing: Standing = Standing()


class ResolveInput(Model):
    pair: PairRef
    snapshots: tuple[int, int]
    decisions: tuple[Decision, ...] = ()


class Resolved(Model):
    """What was decided. Log and plan are already on record, in one commit."""

    outcome: Literal["plan", "waits", "nothing", "stopped", "look_again"]
    story: str
    contested: tuple[ContestedField, ...] = ()
    decisions: tuple[DecisionVerdict, ...] = ()
    plan_id: int | None = None
    writes: tuple[str, ...] = ()
    opened: tuple[str, ...] = ()
    """Tokens of reviews that this pass opened."""
    standing: Standing = Standing()


class ApplyInput(Model):
    pair: PairRef
    plan_id: int


class Applied(Model):
    """What was written."""

    outcome: Literal["settled", "partial", "stale", "again", "stopped", "ended"]
    story: str
    written: tuple[str, ...] = ()
    adjusted: tuple[str, ...] = ()
    """Fields that a system changed as it stored them."""
    parked: dict[str, str] = Field(default_factory=dict)
    """Unit → the system's reason for refusing it."""


class EndInput(Model):
    pair: PairRef
    gone: dict[Side, Gone] = Field(default_factory=dict)
    """Tombstones; empty where an operator unlinks."""
    merged: dict[Side, str] = Field(default_factory=dict)
    """Into which record a side was merged by its system."""
    reason: str = ""
    by: str = ""
    decisions: tuple[Decision, ...] = ()


class Ended(Model):
    outcome: Literal["detached", "closed", "waits", "relinked", "unreachable", "stopped"]
    """relinked: a new record stands in the lost one's place; unreachable: the other record can't be seen; stopped: by a
    brake or in quarantine."""
    story: str
    decisions: tuple[DecisionVerdict, ...] = ()
    opened: tuple[str, ...] = ()
    """Tokens of reviews that this deletion opened."""
    standing: Standing = Standing()


class ReviewEvent(Model):
    """Something that a review's queue should hear."""

    pair: PairRef
    token: str
    event: Literal["opened", "reminded", "escalated", "decided"]
    text: str = ""


class StandingNote(Model):
    """Where the pair stands though no pass could say so: paused, waiting for a system, braked."""

    pair: PairRef
    states: tuple[str, ...]
    waits_for: str = ""
    act: str = ""
    """What an operator did, for the audit; empty if nobody did anything."""
    by: str = ""
    reason: str = ""
