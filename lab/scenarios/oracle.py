"""Run a case against the pure function alone: two simulated records, passes until nothing moves.

It plays the part of the activities around the core (plan, writes, responses, baselines, reviews, alerts, the flap
breaker) in memory, one step after the other, with no process, network or clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import JsonValue, ValidationError

from domain.deletion import DeleteAction, DeleteVerdict, LinkAfter, Loss, decide_delete
from domain.engine import decide
from domain.flap import is_flapping
from domain.integration import Integration
from domain.mapping import is_same
from domain.outcome import AlertRequest, Decision, LogLine, PlannedHalf, PlannedWrite, ReviewRequest, Verdict
from domain.records import FieldVersion, Origin
from domain.settlement import Outlook, settled_halves, still_holds
from domain.sides import SIDES, Pair, Side
from domain.values import Value
from domain.view import Baseline, Overwritten, PairView, SideFacts
from lab.scenarios.comparison import Outcome, logged
from lab.scenarios.corpus import SIDE_WORDS, Case, Event, Given, SideWord
from lab.scenarios.rule import decide as scenario_rule
from lab.scenarios.simulation import NotForTheCore, SimulatedRecord, true_time
from lab.scenarios.translation import (
    RULE_POLICY,
    clocks_of,
    integration_of,
    side_of,
    start_of,
    valid_of,
    word_of,
)

MOST_PASSES = 60
"""A pair that still moves after so many passes in one settle will never rest."""
MOST_REDELIVERIES = 10
POINT = re.compile(r"(before|after)_(read|write)_([AB])")
"""Named points of a pass where a case can slip in an edit."""
RUNNABLE = {"edit", "system_edit", "delete", "settle", "signal", "review", "config", "inject"}


class NeverRests(AssertionError):
    """The pair still moves after `MOST_PASSES` passes."""


def why_not_core(case: Case) -> str | None:
    """Why the pure function can't run the case; None if it can."""
    if not case.given.fields:
        return "the case declares no fields"
    for event in case.events:
        if event.verb not in RUNNABLE:
            return f"`{event.verb or next(iter(event.words), 'an empty event')}` needs the product"
        if event.verb in {"edit", "system_edit"} and "record" in event.words:
            return "edits of another record need the product"
        if event.verb == "inject" and not POINT.fullmatch(str(event.get("inject", {}).get("at"))):
            return f"no point {event.get('inject', {}).get('at')!r} in a pure pass"
    return None


def run_core(case: Case) -> Outcome:
    """Run the case to its end.

    Raises:
        NotForTheCore: The case needs the product; the message says what for.
        NeverRests: The pair never comes to rest.
    """
    reason = why_not_core(case)
    if reason:
        raise NotForTheCore(reason)
    world = World(case.given)
    for event in case.events:
        world.happen(event)
    world.settle(max((event.t for event in case.events), default=0.0))
    return world.outcome()


@dataclass(slots=True)
class World:
    """Two records, one pair, and what the store would hold of it."""

    given: Given
    rules: Integration = field(init=False)
    records: Pair[SimulatedRecord] = field(init=False)
    baselines: dict[str, Baseline] = field(default_factory=dict)
    marks: dict[str, Pair[int]] = field(default_factory=dict)
    """Field → how many saves each side had when its baseline last moved."""
    seen_at: Pair[dict[str, datetime]] = field(default_factory=lambda: Pair({}, {}))
    overwritten: Pair[dict[str, Overwritten]] = field(default_factory=lambda: Pair({}, {}))
    parked: dict[str, str] = field(default_factory=dict)
    reviews: dict[str, ReviewRequest] = field(default_factory=dict)
    first_tokens: dict[str, str] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    log: list[LogLine] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)
    writes: dict[SideWord, int] = field(default_factory=lambda: {"A": 0, "B": 0})
    link: LinkAfter = "active"
    stopped: str | None = None
    redelivered: int = 0
    """Signals that came twice: each costs another pass at the next settle, and must move nothing."""
    injections: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rules = integration_of(self.given)
        start = start_of(self.given)
        self.records = Pair.of(lambda side: self._record(side, start[side]))
        for name, one in self.given.fields.items():
            if one.base:
                self.baselines[name] = Baseline(a=one.base[0], b=one.base[1])

    def _record(self, side: Side, values: dict[str, JsonValue]) -> SimulatedRecord:
        word = word_of(side)
        automations = self.given.automation.get(word, [])
        return SimulatedRecord(word, values, self.given.clock, self.given.caps_of(word), automations)

    # ------------------------------------------------------------------------------------------ events

    def happen(self, event: Event) -> None:
        match event.verb:
            case "edit" | "system_edit":
                self._edit(event.t, event.words)
            case "delete":
                self.records[side_of(event.get("delete"))].delete(event.t, event.get("by"))
            case "settle":
                self.settle(event.t)
            case "signal":
                self.redelivered += min(int((event.get("signal") or {}).get("n", 1)), MOST_REDELIVERIES)
            case "review":
                self.decisions.append(self._decision(event))
            case "config":
                self._configure(event)
            case "inject":
                self.injections.append(event.get("inject"))

    def _edit(self, seconds: float, words: dict[str, Any]) -> None:
        by_system = "system_edit" in words
        side = side_of(words["system_edit"] if by_system else words["edit"])
        origin = Origin.AUTOMATION if by_system else Origin.PERSON
        by = words.get("by") or ("automation" if by_system else "somebody")
        self.records[side].edit(seconds, words["set"], by, origin)
        if not by_system:
            self._unpark(words["set"])

    def _unpark(self, touched: dict[str, JsonValue]) -> None:
        """A person's edit puts a field back into service."""
        self.stopped = None
        for name in touched:
            self.parked.pop(name, None)

    def _decision(self, event: Event) -> Decision:
        unit, choice = str(event.get("review")), event.get("choose")
        now = self.reviews[unit].conflict_id if unit in self.reviews else ""
        token = self.first_tokens.get(unit, "") if event.get("saw") == "opened" else now
        by, side = str(event.get("by", "")), event.get("side", "A")
        if choice in SIDE_WORDS:
            return Decision(token=token, unit=unit, choice="side", side=side_of(choice), by=by)
        if choice == "value":
            value = event.get("value")
            return Decision(token=token, unit=unit, choice="value", side=side_of(side), value=value, by=by)
        return Decision(token=token, unit=unit, choice="approve", by=by)

    def _configure(self, event: Event) -> None:
        """A new version of the declaration: the event's words replace those of `given`, field by field."""
        try:
            self.given = self.given.changed_by(event.get("config"))
        except ValidationError as error:
            raise NotForTheCore(f"config event: {error.errors()[0]['msg']}") from error
        self.rules = integration_of(self.given)
        self.stopped = None

    # ------------------------------------------------------------------------------------------ passes

    def settle(self, seconds: float) -> None:
        """Pass after pass until nothing moves, and once more for every signal that came again."""
        again, self.redelivered = self.redelivered, 0
        for _ in range(MOST_PASSES):
            if self.link != "active" or self.stopped:
                return
            moved = self._pass(seconds)
            again -= 0 if moved else 1
            if not moved and again < 0:
                return
        raise NeverRests(f"still moving after {MOST_PASSES} passes")

    def _pass(self, seconds: float) -> bool:
        """One pass; whether anything moved."""
        self._inject(seconds, "before_read")
        if any(record.gone for record in self.records):
            return self._after_delete(seconds)
        self._park_flapping(seconds)
        view = self._view(seconds)
        verdict = decide(self.rules, view)
        self.decisions.clear()
        self._keep(verdict)
        is_injected = self._inject(seconds, "after_read")
        return self._carry_out(verdict, seconds) or bool(verdict.adopted) or is_injected

    def _view(self, seconds: float) -> PairView:
        snapshots = self.records.map(lambda record: record.snapshot())
        self._note_seen(snapshots)
        return PairView(
            pair_id="pair",
            snapshots=snapshots,
            baselines=dict(self.baselines),
            now=true_time(seconds),
            clocks=clocks_of(self.given),
            facts=Pair.of(self._facts),
            parked=dict(self.parked),
            decisions=tuple(self.decisions),
            systems=Pair.of(lambda side: self.given.sides.get(word_of(side), word_of(side))),
            valid=valid_of(self.given),
            custom={RULE_POLICY: scenario_rule},
        )

    def _note_seen(self, snapshots: Pair[Any]) -> None:
        """Remember, per field, the last look that still showed the baseline value."""
        for one in self.rules.fields:
            base = self.baselines.get(one.name)
            for side in SIDES:
                native, snapshot = one.native(side), snapshots[side]
                if (
                    base
                    and is_same(one, side, snapshot.value(native), base.half(side))
                    and snapshot.modified_at
                ):
                    self.seen_at[side][native] = snapshot.modified_at

    def _facts(self, side: Side) -> SideFacts:
        return SideFacts(
            history=tuple(self._history(side)),
            seen_at=dict(self.seen_at[side]),
            overwritten=dict(self.overwritten[side]),
        )

    def _history(self, side: Side) -> Iterator[FieldVersion]:
        """Changes since each field's baseline. Where a case stamps only records, no change has a time of its own."""
        if self.records[side].stamps_fields:
            for number, version in enumerate(self.records[side].history(0)):
                if number >= self.marks.get(version.field, Pair(0, 0))[side]:
                    yield version

    def _keep(self, verdict: Verdict) -> None:
        """What the store commits of a verdict before the first write."""
        self._append(verdict.log)
        self._raise(verdict.alerts)
        self.stopped = verdict.stop_pair
        for unit in set(self.first_tokens) - {review.unit for review in verdict.reviews}:
            del self.first_tokens[unit]
        self.reviews = {review.unit: review for review in verdict.reviews}
        for review in verdict.reviews:
            self.first_tokens.setdefault(review.unit, review.conflict_id)
        for half in verdict.adopted:
            self._move(half, half.halves)

    def _append(self, lines: tuple[LogLine, ...]) -> None:
        """Append a line only if it says something else than the last one of its id (semantics §4.3)."""
        for line in lines:
            last = next((old for old in reversed(self.log) if old.conflict_id == line.conflict_id), None)
            if last is None or last.says != line.says:
                self.log.append(line)

    def _raise(self, alerts: tuple[AlertRequest, ...]) -> None:
        self.alerts += [name for alert in alerts if (name := f"{alert.kind} {alert.unit}") not in self.alerts]

    # ------------------------------------------------------------------------------------------ writing

    def _carry_out(self, verdict: Verdict, seconds: float) -> bool:
        """Send the plan's writes; the baselines move with the last of them, or not at all."""
        if verdict.plan is None:
            return False
        responses: dict[Side, dict[str, JsonValue]] = {}
        hit: set[str] = set()
        for write in verdict.plan.writes:
            sent = self._send(write, seconds)
            if sent is None:
                return True  # overtaken: look again, decide again
            responses[write.side] = sent.response
            hit |= sent.hit
        for half in verdict.plan.settles:
            if half.field not in hit:
                self._settle_field(half, responses)
        return True

    def _send(self, write: PlannedWrite, seconds: float) -> _Sent | None:
        """One request, as the connector's capabilities allow; None if it was overtaken."""
        record = self.records[write.side]
        read = record.snapshot()
        if still_holds(write, read, self.rules.fields) is Outlook.OVERTAKEN:
            return None
        before = len(record.saves)
        self._inject(seconds, "before_write", write.side)
        if record.gone or (record.caps.cas and record.snapshot().version != read.version):
            return None
        hit = self._note_hits(write, record.history(before))
        response = record.write(seconds, write.fields)
        self.writes[word_of(write.side)] += 1
        self._inject(seconds, "after_write", write.side)
        return _Sent(response, hit)

    def _note_hits(self, write: PlannedWrite, foreign: tuple[FieldVersion, ...]) -> set[str]:
        """A look at the change history: edits that came between our last read and our write."""
        hit: set[str] = set()
        for version in foreign:
            one = next((f for f in self.rules.fields if f.native(write.side) == version.field), None)
            if one and version.field in write.fields:
                ours = self.records[write.side].keep(write.fields[version.field])
                self.overwritten[write.side][version.field] = Overwritten(version, ours)
                hit.add(one.name)
        return hit

    def _settle_field(self, half: PlannedHalf, responses: dict[Side, dict[str, JsonValue]]) -> None:
        one = next(f for f in self.rules.fields if f.name == half.field)
        said: dict[Side, Value] = {s: r[one.native(s)] for s, r in responses.items() if one.native(s) in r}
        self._move(half, settled_halves(one, half, said).halves)

    def _move(self, half: PlannedHalf, halves: tuple[JsonValue, JsonValue]) -> None:
        old = self.baselines.get(half.field)
        self.baselines[half.field] = Baseline(
            a=halves[0], b=halves[1], revision=old.revision + 1 if old else 0
        )
        self.marks[half.field] = self.records.map(lambda record: len(record.saves))
        one = next(f for f in self.rules.fields if f.name == half.field)
        for side in SIDES:
            self.overwritten[side].pop(one.native(side), None)

    def _inject(self, seconds: float, point: str, side: Side | None = None) -> bool:
        """Let the edits happen that the case slips in at this point, once each."""
        due = [one for one in self.injections if _is_due(one["at"], point, side)]
        for one in due:
            self.injections.remove(one)
            words = {word: value for word, value in one.items() if word != "at"}
            self._edit(seconds, words)
        return bool(due)

    def _park_flapping(self, seconds: float) -> None:
        for one in self.rules.fields:
            if one.name not in self.parked and any(self._flaps(one.native(s), s, seconds) for s in SIDES):
                self.parked[one.name] = "flapping"
                self._raise((AlertRequest(kind="flap", unit=one.name, message="flapping"),))

    def _flaps(self, native: str, side: Side, seconds: float) -> bool:
        saves = [save for save in self.records[side].saves if save.version.field == native]
        versions = [save.version.model_copy(update={"at": save.true_at}) for save in saves]
        return is_flapping(versions, self.rules.limits.flap, true_time(seconds))

    # ------------------------------------------------------------------------------------------ deletes

    def _after_delete(self, seconds: float) -> bool:
        verdict = decide_delete(self.rules, self._loss())
        self.decisions.clear()
        self._append((verdict.log,) if verdict.log else ())
        self._raise(verdict.alerts)
        self.reviews = {verdict.review.unit: verdict.review} if verdict.review else {}
        self.first_tokens = {
            unit: self.first_tokens.get(unit, r.conflict_id) for unit, r in self.reviews.items()
        }
        self._follow(verdict, seconds)
        self.link = verdict.link_after
        return self.link != "active"

    def _loss(self) -> Loss:
        standing = [record for record in self.records if not record.gone]
        return Loss(
            pair_id="pair",
            gone=self.records.map(lambda record: record.gone),
            survivor=standing[0].snapshot() if standing else None,
            baselines=self.baselines,
            systems=Pair.of(lambda side: self.given.sides.get(word_of(side), word_of(side))),
            decisions=tuple(self.decisions),
        )

    def _follow(self, verdict: DeleteVerdict, seconds: float) -> None:
        if verdict.action is DeleteAction.RECREATE:
            raise NotForTheCore("recreating a record needs the product")
        if verdict.target is None or verdict.action not in {
            DeleteAction.DELETE_OTHER,
            DeleteAction.ARCHIVE_OTHER,
        }:
            return
        target = self.records[verdict.target]
        self.writes[word_of(verdict.target)] += 1
        if verdict.action is DeleteAction.DELETE_OTHER:
            target.delete(seconds, "accord")
        else:
            target.write(seconds, verdict.fields)

    # ------------------------------------------------------------------------------------------ the end

    def outcome(self) -> Outcome:
        return Outcome(
            records={r.side: None if r.gone else dict(r.values) for r in self.records},
            log=[logged(line) for line in self.log],
            writes=dict(self.writes),
            pending=list(self.reviews) if self.link == "active" else [],
            alerts=list(self.alerts),
            link=self.link,
            count={r.side: 0 if r.gone else 1 for r in self.records},
            links=1 if self.link == "active" else 0,
        )


@dataclass(frozen=True, slots=True)
class _Sent:
    """What a write's response showed, and the fields where it hit a foreign edit."""

    response: dict[str, JsonValue]
    hit: set[str]


def _is_due(at: str, point: str, side: Side | None) -> bool:
    """Reads of both sides are one point; a write belongs to its side."""
    name, _, word = at.rpartition("_")
    return name == point and (side is None or word == word_of(side))
