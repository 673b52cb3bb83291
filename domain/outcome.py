"""What the core says: findings, verdicts, plans, log lines. Data only; activities carry it out.

One pass runs `assess` (what changed, what conflicts), then `resolve` (who wins, what is written) and hands out a
`Verdict`. Everything in it that is stored or shown is a pydantic model.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, Field, JsonValue

from domain.records import FieldVersion, Model
from domain.sides import Side


class UnitState(StrEnum):
    """What one pass found or did about one unit (a field, or a group of coupled fields)."""

    IN_STEP = "in_step"
    ADOPTED = "adopted"  # both agree, the baseline moves without a write
    CARRIED = "carried"  # changed on one side only, written to the other
    DECIDED = "decided"  # a conflict that a policy or a person settled
    PENDING = "pending"  # a conflict that waits for a person
    HELD = "held"  # a value without counterpart waits for its map
    PARKED = "parked"  # stopped: refused by a system, or flapping
    BLOCKED = "blocked"  # the field would flow against `flow`, or the whole pair is held


class Winner(StrEnum):
    """Whose value stands after a resolution."""

    A = "a"
    B = "b"
    MERGED = "merged"
    VALUE = "value"  # a third value that a person or a rule gave

    @classmethod
    def side(cls, side: Side) -> Winner:
        return cls(side.value)


class LogKind(StrEnum):
    CONFLICT = "conflict"
    RACE = "race"  # an edit that our write hit, found in the change history afterwards
    UNMAPPED = "unmapped"
    DELETE = "delete"
    DELETE_VS_EDIT = "delete_vs_edit"
    DUPLICATE_CANDIDATE = "duplicate_candidate"
    MERGED = "merged"  # the system merged the record into another one: this link ends
    TAKEN_BACK = "taken_back"  # a merge that one side finally refused


class LogStage(StrEnum):
    OPENED = "opened"  # waits: a review is open, or the value is held
    DECIDED = "decided"  # by policy
    RESOLVED = "resolved"  # by a person


RECORD_UNIT = "__record__"
"""The unit name of log lines and reviews about the whole record (deletes, matches)."""


class SideValue(Model):
    """One side's value in a log line, with who wrote it and when, as far as the system tells."""

    side: Side
    field: str
    value: JsonValue
    """None also where the system has no such field."""
    by: str | None = None
    at: AwareDatetime | None = None


class Overruled(SideValue):
    """A value set aside by a resolution: always named, never dropped in silence."""

    beaten_by: JsonValue = None
    rule: str = ""
    why: str = ""


class LogLine(Model):
    """One line of the conflict log. Append only; the last line of a conflict id is what was done."""

    conflict_id: str
    unit: str
    kind: LogKind
    stage: LogStage
    policy: str
    """Head of the unit's policy chain, also where a later policy of the chain decided."""
    rule: str = ""
    """The policy that decided, in the owner's words; empty while undecided."""
    winner: Winner | None = None
    reason: str = ""
    base: dict[str, tuple[JsonValue, JsonValue]] = Field(default_factory=dict)
    """Per field of the unit, both native halves of the baseline. Empty on first link."""
    values: tuple[SideValue, ...] = ()
    """What both sides held when this line was written."""
    outcome: dict[str, tuple[JsonValue, JsonValue]] = Field(default_factory=dict)
    """Per field of the unit, the native values that both sides end with. Empty while undecided."""
    overruled: tuple[Overruled, ...] = ()
    history: tuple[tuple[Side, FieldVersion], ...] = ()
    """Both sides' edits of the unit's fields since the baseline, oldest first."""
    by: str | None = None
    """The person, for a line that a person decided."""
    note: str | None = None

    @property
    def says(self) -> tuple[LogStage, Winner | None, dict[str, tuple[JsonValue, JsonValue]]]:
        """What a new line must change to be worth appending (semantics §4.3)."""
        return (self.stage, self.winner, self.outcome)


class Proposal(Model):
    """What would be done if the reviewer approves."""

    winner: Winner
    rule: str
    outcome: dict[str, tuple[JsonValue, JsonValue]]


class ReviewRequest(Model):
    """A conflict that waits for a person. Its token is the conflict id: a decision can't be stale."""

    unit: str
    conflict_id: str
    kind: LogKind = LogKind.CONFLICT
    asked_by: str
    """The policy or rule that asked, in the owner's words."""
    reason: str
    base: dict[str, tuple[JsonValue, JsonValue]] = Field(default_factory=dict)
    values: tuple[SideValue, ...] = ()
    mapped: dict[str, tuple[JsonValue, JsonValue]] = Field(default_factory=dict)
    """Per field: B's value as A would hold it, A's value as B would hold it."""
    history: tuple[tuple[Side, FieldVersion], ...] = ()
    proposal: Proposal | None = None


class Decision(Model):
    """What a person said about one review. All optional but the token: a signal from the Temporal UI may lack anything."""

    token: str = ""
    choice: Literal["approve", "side", "value", ""] = ""
    side: Side | None = None
    """With `side`: whose value stands. With `value`: whose domain the value is native to."""
    value: JsonValue = None
    """With `value` for a field; for a group a mapping field name → value native to `side`."""
    by: str = ""
    note: str | None = None
    channel: Literal["api", "signal", "fallback"] = "api"
    """`fallback`: nobody came in time; the declared fallback chain decides, whatever `choice` says."""
    unit: str = ""
    """The unit that the review was about, so that a refusal of an old token can still name it."""


class Refusal(StrEnum):
    STALE = "stale_decision"
    INVALID = "invalid_decision"
    DOUBLE = "already_decided"
    NO_PROPOSAL = "choose_a_side"
    MALFORMED = "malformed_decision"


class DecisionVerdict(Model):
    """What became of a decision. Every refusal is on record."""

    token: str
    unit: str = ""
    accepted: bool
    refusal: Refusal | None = None
    message: str
    by: str = ""


class AlertRequest(Model):
    """Raised once per key while it lasts; cleared when the cause is gone."""

    kind: str
    """unmapped, flap, refused, stale_decision, invalid_decision, clock, …"""
    unit: str
    message: str
    """What, where, and what to do."""


class PlannedWrite(Model):
    """All that one side gets in one pass."""

    side: Side
    fields: dict[str, JsonValue]
    """Native name → value to write."""
    expect: dict[str, JsonValue]
    """Native name → the value it was decided on; the write is sent only while it still stands there."""


class PlannedHalf(Model):
    """The baseline that one field gets once every write that settles it has been made.

    Where a side is in `written`, its half becomes what that write's own response shows.
    """

    field: str
    unit: str
    halves: tuple[JsonValue, JsonValue]
    written: tuple[Side, ...] = ()


class WritePlan(Model):
    """Writes to make. Durable before the first of them; can be overtaken; never rolls anything back."""

    writes: tuple[PlannedWrite, ...]
    settles: tuple[PlannedHalf, ...]
    merges: tuple[str, ...] = ()
    """Units whose outcome was merged: to be taken back if one side finally refuses it."""


class UnitVerdict(Model):
    """One unit's outcome in short form: what an operator reads in the activity's result."""

    unit: str
    state: UnitState
    conflict_id: str | None = None
    policy: str = ""
    rule: str = ""
    winner: Winner | None = None
    reason: str = ""
    sides: tuple[Side, ...] = ()
    """The sides that changed."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Everything that one pass decided. The store commits it whole."""

    units: tuple[UnitVerdict, ...]
    plan: WritePlan | None = None
    adopted: tuple[PlannedHalf, ...] = ()
    """Baselines that move now, without a write. Never for a unit that is pending, held or parked."""
    log: tuple[LogLine, ...] = ()
    reviews: tuple[ReviewRequest, ...] = ()
    """Reviews that must be open after this pass; any other open one closes itself."""
    alerts: tuple[AlertRequest, ...] = ()
    """Alerts that hold after this pass; others of this pair are cleared by their cause going away."""
    decisions: tuple[DecisionVerdict, ...] = ()
    stop_pair: str | None = None
    """A reason to quarantine the pair (`unmapped: stop_pair`)."""
