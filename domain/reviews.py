"""Reviews: what a person is asked, and whether an answer counts (semantics §5).

The token of a review is the conflict id, so an answer to a question that has moved on can't be accepted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from pydantic import JsonValue

from domain.carrying import is_allowed
from domain.deciding import last_write_wins
from domain.deciding.answers import Asks, Gives, Passes, Settled, Takes
from domain.deciding.chain import ask, run_chain
from domain.detection import Finding
from domain.integration import FieldMap, Flow, Unit
from domain.log_lines import evidence, spelled
from domain.mapping import UNMAPPED, mapped
from domain.outcome import Decision, LogKind, Proposal, Refusal, ReviewRequest
from domain.policies import Chain
from domain.reading import FieldReading, UnitReading
from domain.resolution import Infeasible, Outcome, outcome_of
from domain.sides import SIDES, Pair, Side

NO_VALUES: Pair[Mapping[str, tuple[Any, ...]]] = Pair({}, {})


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a decision doesn't count, for the person who made it."""

    refusal: Refusal
    message: str


def review_of(finding: Finding, asked: Asks, reason: str) -> ReviewRequest:
    """What the reviewer sees: base, both values, how each reads over there, who and when, and the proposal."""
    reading = finding.reading
    return ReviewRequest(
        unit=reading.name,
        conflict_id=reading.conflict_id(),
        kind=LogKind.RACE if reading.has_race else LogKind.CONFLICT,
        asked_by=asked.rule,
        reason=reason,
        mapped={m.field.name: _mapped(m) for m in reading.members if not m.is_quiet},
        proposal=_shown_proposal(reading),
        **evidence(reading),
    )


def _mapped(member: FieldReading) -> tuple[JsonValue, JsonValue]:
    found = (mapped(member.field, member.values[side.other], side) for side in SIDES)
    as_a, as_b = (None if value is UNMAPPED else value for value in found)
    return as_a, as_b


def proposed(reading: UnitReading) -> tuple[Settled, Outcome] | None:
    """What the later stamp would pick, else the last policy of the chain that decides; None if nobody does."""
    for answer in _candidates(reading):
        outcome = outcome_of(reading, answer)
        if not isinstance(outcome, Infeasible) and not outcome.holds:
            return answer, outcome
    return None


def _candidates(reading: UnitReading) -> Iterator[Settled]:
    later = last_write_wins.decide(reading)
    if isinstance(later, Takes):
        yield later
    for policy in reversed(reading.unit.chain):
        answer = ask(policy, reading)
        if not isinstance(answer, Asks | Passes):
            yield answer


def _shown_proposal(reading: UnitReading) -> Proposal | None:
    found = proposed(reading)
    if found is None:
        return None
    answer, outcome = found
    return Proposal(winner=outcome.winner, rule=answer.rule, outcome=spelled(outcome.finals))


def judge(
    decision: Decision,
    review: ReviewRequest,
    unit: Unit,
    valid: Pair[Mapping[str, tuple[Any, ...]]] = NO_VALUES,
) -> Objection | None:
    """Whether the decision can count for this review: asked at the door and again by the engine.

    Args:
        decision: What the person said.
        review: What is open now.
        unit: The contested field or group as declared.
        valid: Allowed values per side and native field, where known.
    """
    if decision.token != review.conflict_id:
        return Objection(Refusal.STALE, f"{unit.name} has moved on since; look at the new values")
    match decision.choice:
        case "":
            return Objection(Refusal.MALFORMED, "say approve, side or value")
        case "approve":
            return (
                None
                if review.proposal
                else Objection(Refusal.NO_PROPOSAL, "there is no proposal: choose a side")
            )
        case "side":
            return _judge_side(decision, review, unit)
        case "value":
            return _judge_value(decision, unit, valid)
        case never:
            assert_never(never)


def _judge_side(decision: Decision, review: ReviewRequest, unit: Unit) -> Objection | None:
    if decision.side is None:
        return Objection(Refusal.MALFORMED, "say whose value stands")
    fields = {field.name: field for field in unit.fields}
    chosen = [value for value in review.values if value.side is decision.side and value.field in fields]
    for value in chosen:
        field = fields[value.field]
        held = field.unmapped.mode in {"hold", "stop_pair"} and field.flow.allows(decision.side)
        if held and mapped(field, value.value, decision.side.other) is UNMAPPED:
            return _unmappable(field)
    return None


def _judge_value(
    decision: Decision, unit: Unit, valid: Pair[Mapping[str, tuple[Any, ...]]]
) -> Objection | None:
    if decision.side is None:
        return Objection(Refusal.MALFORMED, "say to which system the value is native")
    values = values_of(decision, unit)
    for field in unit.fields:
        if field.name not in values:
            return Objection(Refusal.MALFORMED, f"say a value for {field.name}")
        objection = _judge_one(field, values[field.name], decision.side, valid)
        if objection:
            return objection
    return None


def _judge_one(
    field: FieldMap, value: JsonValue, side: Side, valid: Pair[Mapping[str, tuple[Any, ...]]]
) -> Objection | None:
    if field.flow is not Flow.BOTH:
        return Objection(Refusal.INVALID, f"{field.name} flows one way: choose a side")
    there = mapped(field, value, side.other)
    if there is UNMAPPED:
        return _unmappable(field)
    both = Pair.of(lambda s: value if s is side else there)
    if not all(is_allowed(field, s, both[s], valid[s]) for s in SIDES):
        return Objection(Refusal.INVALID, f"this is no allowed value of {field.name}")
    return None


def _unmappable(field: FieldMap) -> Objection:
    return Objection(Refusal.INVALID, f"the value of {field.name} has no counterpart on the other side")


def values_of(decision: Decision, unit: Unit) -> dict[str, JsonValue]:
    """The given value by field name; empty where a group's isn't such a map."""
    if not unit.is_group:
        return {unit.name: decision.value}
    return decision.value if isinstance(decision.value, dict) else {}


def answer_of(decision: Decision, reading: UnitReading) -> Settled | Asks:
    """The judged decision as an answer to the conflict."""
    found = proposed(reading) if decision.choice == "approve" else None
    if found:
        return found[0]
    if decision.choice == "side" and decision.side:
        return Takes(
            decision.side, "review: a side", f"{_who(decision)} chose {reading.view.systems[decision.side]}"
        )
    if decision.choice == "value" and decision.side:
        values = values_of(decision, reading.unit)
        return Gives(values, decision.side, "review: a value", f"{_who(decision)} gave a value")
    return Asks("review", "the decision names nothing")


def fallback_answer(chain: Chain | None, reading: UnitReading) -> Settled | Asks:
    """What the declared fallback decides once nobody came."""
    return run_chain(chain or (), reading).answer


def _who(decision: Decision) -> str:
    return decision.by or "somebody"
