"""Ask the policies of a chain in turn. Each decides or passes with a reason; the end of every chain is a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from domain.deciding import custom, last_write_wins, merge, rules, source_priority
from domain.deciding.answers import Answer, Asks, Gives, Passes, Settled
from domain.policies import Chain, Custom, LastWriteWins, Merge, Policy, Review, Rules, SourcePriority
from domain.reading import UnitReading
from domain.resolution import Infeasible, outcome_of


@dataclass(frozen=True, slots=True)
class Ruling:
    """How a chain ended, and what it could not tell on the way."""

    answer: Settled | Asks
    passed: tuple[Passes, ...] = ()

    @property
    def why(self) -> str:
        return "; ".join([*(p.why for p in self.passed), self.answer.why])

    @property
    def alerts(self) -> tuple[str, ...]:
        return tuple(p.alert for p in self.passed if p.alert)


def run_chain(chain: Chain, reading: UnitReading) -> Ruling:
    """The first answer of the chain, or the question to a person at its end."""
    passed: list[Passes] = []
    for policy in chain:
        answer = ask(policy, reading)
        if not isinstance(answer, Passes):
            return Ruling(answer, tuple(passed))
        passed.append(answer)
    return Ruling(Asks("review", "no policy of the chain decides"), tuple(passed))


def ask(policy: Policy, reading: UnitReading) -> Answer:
    """One policy's answer. A value that it gives must fit both systems, else a person is asked."""
    answer = _asked(policy, reading)
    if not isinstance(answer, Gives):
        return answer
    outcome = outcome_of(reading, answer)
    return Asks(answer.rule, outcome.why) if isinstance(outcome, Infeasible) else answer


def _asked(policy: Policy, reading: UnitReading) -> Answer:
    match policy:
        case LastWriteWins():
            return last_write_wins.decide(reading)
        case SourcePriority():
            return source_priority.decide(policy, reading)
        case Merge():
            return merge.decide(reading)
        case Review():
            return Asks("review", "the declaration asks for a person")
        case Rules():
            return rules.decide(policy, reading)
        case Custom():
            return custom.decide(policy, reading)
        case never:
            assert_never(never)
