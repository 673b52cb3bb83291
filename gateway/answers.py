"""What operators and reviewers are shown: by the API as JSON, by the command line as tables, from the same models.

A value of a field that is declared `sensitive` is never among them.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal

from pydantic import AwareDatetime, Field, JsonValue

from activities.backfilling import BackfillProgress
from domain.backfilling import Tally
from domain.outcome import Refusal
from domain.records import Model


class EndShown(Model):
    """One record of a pair."""

    system: str
    connection: str
    record_type: str
    id: str
    key: str
    url: str | None = None


class PairLine(Model):
    """A pair in a list: one sentence says what it waits for."""

    id: str
    integration: str
    version: int
    """Of the declaration that its last pass used."""
    ends: tuple[EndShown, EndShown]
    link: str
    states: tuple[str, ...]
    waits_for: str
    last_pass_at: AwareDatetime | None = None

    @property
    def title(self) -> str:
        """`INC0012 ↔ OPS-7`."""
        return f"{self.ends[0].key} ↔ {self.ends[1].key}"


class FieldShown(Model):
    """One field of a pair, both sides beside each other."""

    field: str
    unit: str
    """The group that it is decided with, or its own name."""
    natives: tuple[str, str]
    values: tuple[JsonValue, JsonValue]
    """What both sides show now, or showed when last read."""
    baseline: tuple[JsonValue, JsonValue] | None = None
    """Both halves as they last stood in step; None before the first time."""
    state: str
    """in_step, carried (would be written), decided, pending, held, parked, blocked, …"""
    reason: str = ""


class ReviewShown(Model):
    """A question to a person, with everything that helps to answer it."""

    token: str
    pair_id: str
    integration: str
    title: str
    unit: str
    opened_at: AwareDatetime
    asked_by: str
    reason: str
    base: dict[str, tuple[JsonValue, JsonValue]]
    values: tuple[SideShown, ...]
    proposal: str = ""
    """What approving would do; empty: choose a side."""
    history: tuple[HistoryLine, ...] = ()


class SideShown(Model):
    """What one system holds, who wrote it and when, and how it reads in the other system's terms."""

    system: str
    field: str
    value: JsonValue
    elsewhere: JsonValue = None
    """The value as the other system would hold it; None where it has no counterpart."""
    by: str | None = None
    at: AwareDatetime | None = None


class HistoryLine(Model):
    """One thing that happened to a pair."""

    at: AwareDatetime | None
    """Of a change in a system: its own stamp, else when we saw it."""
    kind: Literal["conflict", "decision", "write", "change", "act", "run"]
    who: str = ""
    text: str
    link: str | None = None


class HearingShown(Model):
    """How one side's changes are heard of."""

    system: str
    connection: str
    ways: str
    """In words: `webhook, poll every 5m`."""
    exposure: timedelta | None = None
    """How long an edit can stand unseen if every webhook is lost; None if nothing but webhooks tells."""
    last_heard: AwareDatetime | None = None
    """When anything of the connection was last heard of."""
    last_polled: AwareDatetime | None = None
    """When its records of this type were last asked for to the end."""


class PairShown(Model):
    """Everything about one pair."""

    pair: PairLine
    fields: tuple[FieldShown, ...]
    reviews: tuple[ReviewShown, ...]
    parked: dict[str, str]
    writes: tuple[HistoryLine, ...]
    unseen: dict[str, str] = Field(default_factory=dict)
    """System → why it could not be read now; its values are those last read."""
    at_risk: tuple[str, ...] = ()
    """Systems where an edit between our last read and our write can vanish unseen."""
    hearing: tuple[HearingShown, ...] = ()
    workflow: str | None = None
    """Address of its page in the Temporal UI."""


class PairHistory(Model):
    pair: PairLine
    lines: tuple[HistoryLine, ...]


class ConflictShown(Model):
    """One line of the conflict log."""

    at: AwareDatetime
    pair_id: str
    integration: str
    title: str
    unit: str
    kind: str
    stage: str
    rule: str
    winner: str
    reason: str
    outcome: dict[str, tuple[JsonValue, JsonValue]]
    overruled: tuple[SideShown, ...]
    by: str | None = None
    conflict_id: str


class AlertShown(Model):
    raised_at: AwareDatetime
    kind: str
    message: str
    pair_id: str | None = None


class ConnectionShown(Model):
    """One connection: does it work, since when, why not, and what waits for it."""

    name: str
    system: str
    state: Literal["ok", "unreachable", "refused", "limited", "paused", "unused"]
    """refused: our credentials are; limited: the system asks for fewer requests; unused: nothing is known of it yet."""
    since: AwareDatetime | None = None
    reason: str = ""
    waiting: int = 0
    """Pairs that wait for a system, this one or the other."""
    budget: str = ""
    """`600 per 1m`, as configured; empty if it isn't limited by us."""
    budget_left: int | None = None
    """Requests that could be made at once."""
    expires: date | None = None
    heard_at: AwareDatetime | None = None
    """When it last told of a change."""
    ways: str = ""
    """How its changes are heard of, in words: `webhook, poll every 5m`; empty if its settings are wrong."""
    exposure: timedelta | None = None
    """How long an edit can stand unseen if every webhook is lost; None if nothing but webhooks tells."""


class DecisionAnswer(Model):
    """What became of a decision."""

    outcome: Literal["accepted", "refused", "queued"]
    message: str
    token: str
    unit: str = ""
    refusal: Refusal | None = None
    review: ReviewShown | None = None
    """After a refusal: the review as it stands now, if one is open."""


class Told(Model):
    """An operator's wish that was passed on."""

    what: str
    pairs: int
    message: str


class StoppedCause(Model):
    """What of one integration stands still for one cause."""

    integration: str
    cause: str
    """quarantined, unreachable, braked; refused, flap for single fields."""
    pairs: int
    records: int = 0
    """Unlinked ones, whose counterpart was refused."""
    reasons: tuple[str, ...]
    """The most frequent ones."""


class StoppedShown(Model):
    """Who would look again."""

    pairs: int
    records: int = 0
    """Unlinked ones."""
    causes: tuple[StoppedCause, ...] = ()


class Linked(Model):
    pair: PairLine
    created: bool
    """False: these two were linked already."""


class LinkProblem(Model):
    """A line of a file of links that can't be linked."""

    line: int
    a: str
    b: str
    reason: str


class LinksTaken(Model):
    """What a file of links came to."""

    integration: str
    wanted: int
    """Lines that would be linked."""
    already: int
    bad: int
    linked: int
    problems: tuple[LinkProblem, ...] = ()
    """The first of them."""


class HeldShown(Model):
    """Unlinked records that wait for a person, or for a refused create to be mended."""

    id: str
    integration: str
    kind: Literal["duplicate_candidate", "refused"]
    found_by: str
    """The match key that led from one to the others."""
    reason: str
    records: tuple[tuple[EndShown, ...], tuple[EndShown, ...]]
    """By side."""
    opened_at: AwareDatetime | None = None


class PlannedPair(Model):
    """What one pair's next pass would do."""

    pair_id: str
    title: str
    writes: tuple[str, ...] = ()
    """`Jira OPS-7: priority "High" → "Highest"`."""
    reviews: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    trouble: str = ""
    """Why it can't be told: a record can't be read, or the pair is stopped."""

    @property
    def is_quiet(self) -> bool:
        return not (self.writes or self.reviews or self.held or self.trouble)


class PlanReport(Model):
    """What a declaration would do on live data. Nothing was written."""

    integration: str
    version: int | None
    """The applied version that this equals; None for a text that isn't applied."""
    pairs: int
    planned: tuple[PlannedPair, ...]
    """Pairs that something would happen to."""

    @property
    def is_quiet(self) -> bool:
        return not self.planned


class PairParity(Model):
    """Whether one pair's sides agree under its mapping, and since when; else why not."""

    id: str
    integration: str
    title: str
    in_step: bool
    since: AwareDatetime
    """Since when it stands so."""
    why: tuple[str, ...] = ()
    """pending (a person is asked), held (a value has no counterpart), parked, quarantined, late (not looked at yet, as
    a system is out or the pair is paused)."""
    fields: dict[str, str] = Field(default_factory=dict)
    """Field or group → pending or parked."""
    reason: str = ""


class ParityShown(Model):
    """How much of an integration is in step."""

    integration: str
    pairs: int
    in_step: int
    oldest: AwareDatetime | None = None
    """Since when the pair that differs longest does."""
    states: dict[str, int] = Field(default_factory=dict)
    """How many pairs are in each other state."""
    differing: tuple[PairParity, ...] = ()

    @property
    def share(self) -> float:
        """1 where everything is in step, or there is nothing."""
        return self.in_step / self.pairs if self.pairs else 1.0


class SweepShown(Model):
    """What a sweep found."""

    integration: str
    listed: int
    behind: int
    """Linked records that their pairs had not read as they stand; they look now."""
    unlisted: int
    """Linked records that the listing doesn't show; their pairs look now."""


class FieldRate(Model):
    """What was logged of one field or group within a window that ends now."""

    field: str
    conflicts: int
    per_hour: float
    """Conflicts, as if the window were an hour."""
    reviews: int
    """Opened."""
    unmapped: int
    """Values held for want of a counterpart."""
    overruled: dict[str, int] = Field(default_factory=dict)
    """System → conflicts that set its value aside; merged ones and third values count for neither."""


class RuleShown(Model):
    """A declared alert, and what it counts now."""

    when: str
    notify: str
    now: int
    stands: bool


class RatesShown(Model):
    """An integration's rates."""

    integration: str
    within: str
    systems: tuple[str, str]
    fields: tuple[FieldRate, ...] = ()
    """Those of which something was logged."""
    overruled: dict[str, int] = Field(default_factory=dict)
    """By system, over all fields."""
    rules: tuple[RuleShown, ...] = ()


class AppliedShown(Model):
    integration: str
    version: int
    is_new: bool
    woken: int = 0


class BackfillShown(Model):
    """An initial load, or the plan of one: how far it is, and what it came to."""

    integration: str
    run: str
    dry_run: bool
    progress: BackfillProgress
    systems: tuple[str, str] = ("a", "b")
    """The connections, in the order of the declaration."""
    plan: Tally | None = None
    """Of a run: what the last plan has counted."""
    page: str | None = None
    """In the Temporal UI."""


ReviewShown.model_rebuild()
