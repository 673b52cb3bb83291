"""The pure function: a look at a pair in, everything that should happen out.

`assess` says what changed and what conflicts; `decide` also asks the policy chains, hears people's decisions and
plans the writes. Both are deterministic: the detect and the resolve activity may run them as often as they like.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from domain.concluding import Conclusion, conclude
from domain.detection import Assessment, assess
from domain.hearing import Hearing, hear
from domain.integration import Integration
from domain.outcome import UnitState, Verdict
from domain.planning import plan
from domain.view import PairView

__all__ = ["Assessment", "assess", "decide"]

MOVING = {UnitState.ADOPTED, UnitState.CARRIED, UnitState.DECIDED, UnitState.BLOCKED}


def decide(rules: Integration, view: PairView, assessed: Assessment | None = None) -> Verdict:
    """Decide one pass over a pair.

    Args:
        rules: The declaration.
        view: Both snapshots, the baselines and what else is known. Histories in `view.facts` sharpen a conflict's
            decision; without conflicts (`assess(…).conflicts` is empty) they aren't needed.
        assessed: What `assess` says of this very view, if it was asked.
    """
    assessment = assessed or assess(rules, view)
    hearing = hear(rules, view, assessment.contested)
    conclusions = [conclude(finding, hearing.accepted.get(finding.unit)) for finding in assessment.findings]
    return _verdict(_with_waiting_pair(rules, conclusions), hearing)


def _with_waiting_pair(rules: Integration, conclusions: Sequence[Conclusion]) -> list[Conclusion]:
    """Hold back what would move where the whole pair must wait. A person's decision is carried out all the same."""
    stopped = [s.reading.name for s in conclusions if s.stops_pair]
    pending = [s.reading.name for s in conclusions if s.state is UnitState.PENDING]
    waits_for = stopped or (pending if rules.reviews.hold == "record" else [])
    if not waits_for:
        return list(conclusions)
    return [_held_back(s, f"the pair waits for {', '.join(waits_for)}") for s in conclusions]


def _held_back(conclusion: Conclusion, why: str) -> Conclusion:
    if conclusion.is_by_person or conclusion.state not in MOVING:
        return conclusion
    verdict = conclusion.verdict.model_copy(
        update={"state": UnitState.BLOCKED, "winner": None, "reason": why}
    )
    return replace(conclusion, verdict=verdict, finals={}, log=())


def _verdict(conclusions: Sequence[Conclusion], hearing: Hearing) -> Verdict:
    write_plan, adopted = plan(conclusions)
    alerts = [alert for s in conclusions for alert in s.alerts]
    return Verdict(
        units=tuple(s.verdict for s in conclusions),
        plan=write_plan,
        adopted=adopted,
        log=tuple(line for s in conclusions for line in s.log),
        reviews=tuple(s.review for s in conclusions if s.review),
        alerts=(*alerts, *hearing.alerts),
        decisions=hearing.verdicts,
        stop_pair=next((s.stops_pair for s in conclusions if s.stops_pair), None),
    )
