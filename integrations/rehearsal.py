"""What would happen, for every field of a declaration, before anything does.

Every situation is decided by the very function that decides in production; nothing is written anywhere. Outcomes can
be recorded beside the declaration (`NAME.rehearsal.yaml`), so that a later change that alters one is noticed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import yaml

from domain.engine import decide
from domain.integration import Integration
from domain.outcome import PlannedWrite, UnitState, UnitVerdict, Verdict, Winner
from domain.sides import Pair, Side
from domain.view import PairView
from integrations.document import read_document
from integrations.mistakes import DeclarationError
from integrations.situations import Situation, situations, view_of

Decide: TypeAlias = Callable[[Integration, PairView], Verdict]
Expectations: TypeAlias = Mapping[str, Mapping[str, str]]
"""Unit → situation → outcome."""


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """One situation and what would become of it."""

    unit: str
    situation: str
    state: UnitState
    outcome: str
    """`Jira gets status='Done'`, `a person decides`, `nothing is written`: what is recorded and compared."""
    reason: str
    """Why, in the core's words; not compared."""


@dataclass(frozen=True, slots=True)
class Departure:
    """An outcome that isn't the recorded one. None: the situation is new, or no longer there."""

    unit: str
    situation: str
    expected: str | None
    found: str | None


def rehearse(
    rules: Integration,
    run: Decide = decide,
    *,
    names: Pair[str] | None = None,
    custom: Mapping[str, Callable[..., Any]] | None = None,
) -> list[Rehearsed]:
    """Try every situation that this declaration can get into.

    Args:
        rules: The declaration.
        run: The pure function that decides.
        names: What people call the systems; the connections' names, if omitted. They are part of what is recorded.
        custom: Custom policies by name. A chain that asks another one ends in a review.
    """
    called = _told_apart(names or rules.ends.map(lambda end: end.connection))
    tried = situations(rules, called)
    return [_rehearsed(rules, situation, run, called, custom or {}) for situation in tried]


def _told_apart(names: Pair[str]) -> Pair[str]:
    return names if names.a != names.b else Pair(f"{names.a} (a)", f"{names.b} (b)")


def _rehearsed(
    rules: Integration,
    situation: Situation,
    run: Decide,
    names: Pair[str],
    custom: Mapping[str, Callable[..., Any]],
) -> Rehearsed:
    verdict = run(rules, replace(view_of(rules, situation, names), custom=custom))
    unit = next(unit for unit in verdict.units if unit.unit == situation.unit)
    return Rehearsed(
        unit=situation.unit,
        situation=situation.what,
        state=unit.state,
        outcome=_outcome(unit, verdict, names),
        reason=verdict.stop_pair or unit.reason,
    )


def _outcome(unit: UnitVerdict, verdict: Verdict, names: Pair[str]) -> str:
    if verdict.stop_pair:
        return "the pair stops"
    if waiting := WAITING.get(unit.state):
        return waiting
    writes = [_write(write, names) for write in verdict.plan.writes] if verdict.plan else []
    return "; ".join([*_winner(unit, names), *(writes or ["nothing is written"])])


WAITING = {
    UnitState.PENDING: "a person decides",
    UnitState.HELD: "the field waits",
    UnitState.BLOCKED: "it stays there, nothing flows",
}


def _winner(unit: UnitVerdict, names: Pair[str]) -> list[str]:
    match unit.winner:
        case Winner.A | Winner.B:
            return [f"{names[Side(unit.winner)]} wins"]
        case Winner.MERGED:
            return ["merged"]
        case _:
            return []


def _write(write: PlannedWrite, names: Pair[str]) -> str:
    values = ", ".join(f"{native}={value!r}" for native, value in write.fields.items())
    return f"{names[write.side]} gets {values}"


# ------------------------------------------------------------------------------------------------- expectations
def recorded(rows: Sequence[Rehearsed]) -> str:
    """The expectations file for these outcomes."""
    by_unit: dict[str, dict[str, str]] = {}
    for row in rows:
        by_unit.setdefault(row.unit, {})[row.situation] = row.outcome
    return yaml.safe_dump(by_unit, sort_keys=False, allow_unicode=True, width=200)


def read_expectations(text: str, origin: str = "") -> Expectations:
    """Read an expectations file.

    Raises:
        DeclarationError: No mapping of unit to situation to outcome.
    """
    document = read_document(text, origin)
    value = document.value
    inner = list(value.values()) if isinstance(value, dict) else [None]
    if not all(isinstance(unit, dict) for unit in inner):
        raise DeclarationError(
            origin, [document.mistake((), "expectations belong here: unit, situation, outcome")]
        )
    return {str(unit): {str(k): str(v) for k, v in told.items()} for unit, told in value.items()}


def departures(rows: Sequence[Rehearsed], expected: Expectations) -> list[Departure]:
    """Where the outcomes aren't the recorded ones, in the order of the rehearsal; vanished situations come last."""
    found = {(row.unit, row.situation): row.outcome for row in rows}
    wanted = {(unit, what): outcome for unit, told in expected.items() for what, outcome in told.items()}
    return [
        Departure(*key, expected=wanted.get(key), found=found.get(key))
        for key in dict.fromkeys([*found, *wanted])
        if wanted.get(key) != found.get(key)
    ]
