"""Which decisions of people count in this pass: only what was seen, once, and only what both systems can hold."""

from __future__ import annotations

from dataclasses import dataclass, field

from domain.deciding.answers import Asks, Settled
from domain.detection import Finding
from domain.integration import Integration
from domain.outcome import RECORD_UNIT, AlertRequest, Decision, DecisionVerdict, Refusal
from domain.resolution import Infeasible, outcome_of
from domain.reviews import Objection, answer_of, fallback_answer, judge, review_of
from domain.view import PairView

ALERTED = {Refusal.STALE, Refusal.INVALID}


@dataclass(frozen=True, slots=True)
class Accepted:
    """A decision that counts."""

    decision: Decision
    answer: Settled

    @property
    def rule(self) -> str:
        """How the log names it."""
        approved = self.decision.choice == "approve"
        prefix = "fallback: " if self.is_fallback else "review: approved " if approved else ""
        return f"{prefix}{self.answer.rule}"

    @property
    def is_fallback(self) -> bool:
        """Nobody came: the declared fallback decided."""
        return self.decision.channel == "fallback"


@dataclass(frozen=True, slots=True)
class Hearing:
    """What became of all decisions."""

    accepted: dict[str, Accepted] = field(default_factory=dict)
    """By unit."""
    verdicts: tuple[DecisionVerdict, ...] = ()
    alerts: tuple[AlertRequest, ...] = ()


def hear(rules: Integration, view: PairView, contested: tuple[Finding, ...]) -> Hearing:
    """Judge the decisions in the order in which they came; the first that counts for a conflict closes it."""
    open_now = {finding.reading.conflict_id(): finding for finding in contested}
    hearing = Hearing()
    for decision in view.decisions:
        finding = open_now.get(decision.token)
        heard = _heard(rules, decision, finding, hearing)
        hearing = _noted(hearing, decision, finding, heard)
    return hearing


def _heard(
    rules: Integration, decision: Decision, finding: Finding | None, hearing: Hearing
) -> Accepted | Objection:
    if finding is None:
        return Objection(Refusal.STALE, "no conflict with this token is open; look at the new values")
    if finding.unit in hearing.accepted:
        return Objection(Refusal.DOUBLE, f"{finding.unit} is decided already")
    if decision.channel == "fallback":
        return _feasible(decision, fallback_answer(rules.reviews.fallback, finding.reading), finding)
    review = review_of(finding, Asks("", ""), "")
    objection = judge(decision, review, finding.reading.unit, finding.reading.view.valid)
    return objection or _feasible(decision, answer_of(decision, finding.reading), finding)


def _feasible(decision: Decision, answer: Settled | Asks, finding: Finding) -> Accepted | Objection:
    if isinstance(answer, Asks):
        return Objection(Refusal.NO_PROPOSAL, answer.why)
    outcome = outcome_of(finding.reading, answer)
    if isinstance(outcome, Infeasible):
        return Objection(Refusal.INVALID, outcome.why)
    if outcome.holds:
        return Objection(Refusal.INVALID, f"the value of {finding.unit} has no counterpart on the other side")
    return Accepted(decision, answer)


def _noted(
    hearing: Hearing, decision: Decision, finding: Finding | None, heard: Accepted | Objection
) -> Hearing:
    unit = finding.unit if finding else decision.unit
    if isinstance(heard, Accepted):
        verdict = DecisionVerdict(
            token=decision.token, unit=unit, accepted=True, message=heard.answer.why, by=decision.by
        )
        return Hearing({**hearing.accepted, unit: heard}, (*hearing.verdicts, verdict), hearing.alerts)
    verdict = DecisionVerdict(
        token=decision.token,
        unit=unit,
        accepted=False,
        refusal=heard.refusal,
        message=heard.message,
        by=decision.by,
    )
    alerts = (*hearing.alerts, *_alert(heard, unit)) if heard.refusal in ALERTED else hearing.alerts
    return Hearing(hearing.accepted, (*hearing.verdicts, verdict), alerts)


def _alert(objection: Objection, unit: str) -> tuple[AlertRequest, ...]:
    return (AlertRequest(kind=objection.refusal.value, unit=unit or RECORD_UNIT, message=objection.message),)
