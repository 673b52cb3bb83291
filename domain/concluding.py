"""One unit, settled or not: what it ends with, what is logged, who is asked, what an operator hears."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from pydantic import JsonValue

from domain.deciding.answers import Asks, Settled, Takes
from domain.deciding.chain import Ruling, run_chain
from domain.detection import Finding, Situation
from domain.hearing import Accepted
from domain.integration import OnLink
from domain.log_lines import ON_LINK, asked_policy, conflict_line, spell_lack, unmapped_line
from domain.outcome import (
    AlertRequest,
    LogLine,
    LogStage,
    ReviewRequest,
    UnitState,
    UnitVerdict,
    Winner,
)
from domain.reading import UnitReading
from domain.resolution import Infeasible, Outcome, outcome_of, taken
from domain.reviews import review_of
from domain.sides import Pair, Side


@dataclass(frozen=True, slots=True)
class Conclusion:
    """A unit's part of the verdict."""

    reading: UnitReading
    verdict: UnitVerdict
    finals: dict[str, Pair[JsonValue]] = field(default_factory=dict)
    """Per field, what both sides end with. Empty: nothing is written, no baseline moves."""
    log: tuple[LogLine, ...] = ()
    review: ReviewRequest | None = None
    alerts: tuple[AlertRequest, ...] = ()
    stops_pair: str | None = None
    is_by_person: bool = False

    @property
    def state(self) -> UnitState:
        return self.verdict.state

    @property
    def is_merged(self) -> bool:
        return self.verdict.winner is Winner.MERGED


def conclude(finding: Finding, accepted: Accepted | None) -> Conclusion:
    """Settle one unit by semantics §2; `accepted` is a person's decision about it that counts."""
    reading, parked = finding.reading, finding.reading.view.parked
    match finding.situation:
        case Situation.ABSENT:
            return _left(finding, UnitState.IN_STEP, "one system has no such field")
        case Situation.PARKED:
            return _left(finding, UnitState.PARKED, parked[finding.unit])
        case Situation.UNCHANGED:
            return _left(finding, UnitState.IN_STEP, "")
        case Situation.AGREED:
            finals = {m.field.name: m.values for m in reading.members if not m.is_quiet}
            return replace(_left(finding, UnitState.ADOPTED, "both sides say the same"), finals=finals)
        case Situation.ONE_SIDED:
            return _carry(finding)
        case Situation.CONFLICT | Situation.DIFFERS:
            return _decide(finding, accepted)


def _left(finding: Finding, state: UnitState, reason: str) -> Conclusion:
    return Conclusion(finding.reading, _verdict(finding, state, reason=reason))


def _verdict(finding: Finding, state: UnitState, **said: object) -> UnitVerdict:
    return UnitVerdict.model_validate(
        {
            "unit": finding.unit,
            "state": state,
            "conflict_id": finding.conflict_id,
            "sides": finding.sides,
            **said,
        }
    )


def _carry(finding: Finding) -> Conclusion:
    """Carry the one side that moved, except where the field doesn't flow that way: there the edit stands alone."""
    side, names = finding.sides[0], finding.reading.view.systems
    outcome = taken(finding.reading, side)
    if outcome.holds:
        return _held(finding, outcome)
    travels = {name: final for name, final in outcome.finals.items() if name not in outcome.against_flow}
    if not travels:
        return _left(finding, UnitState.BLOCKED, f"does not flow from {names[side]} to {names[side.other]}")
    return Conclusion(
        finding.reading,
        _verdict(finding, UnitState.CARRIED, reason=f"only {names[side]} changed"),
        travels,
        log=_substitutes(finding, outcome),
    )


def _held(finding: Finding, outcome: Outcome) -> Conclusion:
    """Nothing of the unit is written; one alert; mending the map lets it flow by itself."""
    lack = outcome.holds[0]
    why = spell_lack(finding.reading, lack)
    return Conclusion(
        finding.reading,
        _verdict(finding, UnitState.HELD, policy=lack.mode, reason=f"{lack.field.name} has no counterpart"),
        log=(unmapped_line(finding.reading, outcome.holds, outcome),),
        alerts=(AlertRequest(kind="unmapped", unit=finding.unit, message=why),),
        stops_pair=why if lack.mode == "stop_pair" else None,
    )


def _substitutes(finding: Finding, outcome: Outcome) -> tuple[LogLine, ...]:
    return (unmapped_line(finding.reading, outcome.lacks, outcome),) if outcome.lacks else ()


def _decide(finding: Finding, accepted: Accepted | None) -> Conclusion:
    if accepted:
        return _by_person(finding, accepted)
    ruling = _ruling(finding)
    alerts = tuple(AlertRequest(kind="clock", unit=finding.unit, message=why) for why in ruling.alerts)
    settled = _by_policy(finding, ruling)
    return replace(settled, alerts=(*settled.alerts, *alerts))


def _ruling(finding: Finding) -> Ruling:
    """The chain's ruling; a person's where it led to a torn merge, or where the declaration names one on the first link."""
    unit, names, torn = finding.reading.unit, finding.reading.view.systems, finding.reading.view.torn
    if unit.name in torn:
        return Ruling(Asks("merge refused", torn[unit.name]))
    if finding.situation is Situation.CONFLICT:
        return run_chain(unit.chain, finding.reading)
    match unit.on_link:
        case OnLink.POLICY:
            return run_chain(unit.chain, finding.reading)
        case OnLink.REVIEW:
            return Ruling(Asks(f"{ON_LINK}: review", "the sides differ on the first link"))
        case OnLink.A | OnLink.B:
            side = Side(unit.on_link.value)
            return Ruling(Takes(side, f"{ON_LINK}: {names[side]}", f"{names[side]} stands on the first link"))


def _by_policy(finding: Finding, ruling: Ruling) -> Conclusion:
    if isinstance(ruling.answer, Asks):
        return _ask(finding, ruling.answer, ruling.why)
    outcome = outcome_of(finding.reading, ruling.answer)
    if isinstance(outcome, Infeasible):
        return _ask(finding, Asks(ruling.answer.rule, outcome.why), outcome.why)
    if outcome.holds:
        return _held(finding, outcome)
    return _settled(finding, outcome, LogStage.DECIDED, ruling.answer, reason=ruling.why)


def _ask(finding: Finding, asked: Asks, why: str) -> Conclusion:
    verdict = _verdict(finding, UnitState.PENDING, policy=asked_policy(finding), rule=asked.rule, reason=why)
    line = conflict_line(finding, LogStage.OPENED, reason=why)
    return Conclusion(finding.reading, verdict, log=(line,), review=review_of(finding, asked, why))


def _by_person(finding: Finding, accepted: Accepted) -> Conclusion:
    outcome = outcome_of(finding.reading, accepted.answer)
    assert isinstance(outcome, Outcome)  # the hearing accepts only what can be carried out
    answer = replace(accepted.answer, rule=accepted.rule)
    if accepted.is_fallback:
        return replace(_settled(finding, outcome, LogStage.DECIDED, answer), is_by_person=True)
    decision = accepted.decision
    settled = _settled(finding, outcome, LogStage.RESOLVED, answer, by=decision.by, note=decision.note)
    return replace(settled, is_by_person=True)


def _settled(
    finding: Finding, outcome: Outcome, stage: LogStage, answer: Settled, **said: str | None
) -> Conclusion:
    """A conflict with an outcome. Where the winner may not travel, both sides keep what they show."""
    blocked = bool(outcome.against_flow) and outcome.against_flow.issuperset(outcome.finals)
    reason = said.pop("reason", None) or answer.why
    if blocked:
        reason += "; it does not flow that way, so each side keeps its own"
    return Conclusion(
        finding.reading,
        _verdict(
            finding,
            UnitState.BLOCKED if blocked else UnitState.DECIDED,
            policy=asked_policy(finding),
            rule=answer.rule,
            winner=outcome.winner,
            reason=reason,
        ),
        outcome.finals,
        log=(
            conflict_line(finding, stage, outcome, rule=answer.rule, reason=reason, **said),
            *_substitutes(finding, outcome),
        ),
    )
