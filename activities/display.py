"""Short, safe texts for histories and pages. A field declared `sensitive` never shows a value."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import JsonValue

from activities.messages import SHOWN, ContestedField, PairRef, UnitShort
from domain.integration import Integration
from domain.outcome import LogLine, ReviewRequest, SideValue, UnitVerdict
from domain.sides import Side
from domain.values import canonical

HIDDEN = "(sensitive)"


def shown(value: JsonValue) -> str:
    """A value on one line, cut to a bounded length."""
    text = value if isinstance(value, str) else canonical(value)
    text = " ".join(text.split())
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def sensitive_fields(rules: Integration) -> frozenset[str]:
    return frozenset(f.name for f in rules.fields if f.sensitive)


def side_values(values: Iterable[SideValue], pair: PairRef, hidden: frozenset[str]) -> dict[str, str]:
    """System → what it holds; a group's members are joined."""
    found: dict[str, list[str]] = {}
    listed = list(values)
    several = len({v.field for v in listed}) > 1
    for value in listed:
        text = HIDDEN if value.field in hidden else shown(value.value)
        found.setdefault(system_of(pair, value.side), []).append(f"{value.field}={text}" if several else text)
    return {system: ", ".join(texts) for system, texts in found.items()}


def system_of(pair: PairRef, side: Side) -> str:
    """The system's name; with the record's key where both ends live in the same system."""
    a, b = pair.systems
    name = a if side is Side.A else b
    return name if a != b else pair.end(side)


def halves(pairs: dict[str, tuple[JsonValue, JsonValue]], hidden: frozenset[str]) -> str:
    """Baseline or outcome of a unit: `2 / In Progress`."""
    texts = [
        HIDDEN if name in hidden else " / ".join(dict.fromkeys((shown(a), shown(b))))
        for name, (a, b) in pairs.items()
    ]
    return ", ".join(texts)


def contested_by_line(line: LogLine, pair: PairRef, hidden: frozenset[str]) -> ContestedField:
    """A log line as an operator sees it in an activity's result."""
    outcome = halves(line.outcome, hidden) if line.outcome else "waits for a person"
    return ContestedField(
        unit=line.unit,
        token=line.conflict_id,
        base=halves(line.base, hidden),
        values=side_values(line.values, pair, hidden),
        policy=line.rule or line.policy,
        outcome=outcome,
    )


def units_shown(verdicts: Iterable[UnitVerdict], pair: PairRef) -> tuple[UnitShort, ...]:
    """Every unit that is not simply in step."""
    return tuple(
        UnitShort(
            unit=v.unit,
            state=v.state,
            rule=v.rule or v.policy,
            winner=winner_shown(v.winner, pair),
            reason=v.reason,
        )
        for v in verdicts
        if v.state != "in_step"
    )


def winner_shown(winner: str | None, pair: PairRef) -> str:
    """`Jira`, "merged", "a third value", or empty."""
    if winner in {"a", "b"}:
        return system_of(pair, Side(winner))
    return {"value": "a third value", None: ""}.get(winner, winner or "")


def proposal_shown(request: ReviewRequest, pair: PairRef, hidden: frozenset[str]) -> str:
    if request.proposal is None:
        return ""
    who = winner_shown(request.proposal.winner, pair)
    return f"{who}: {halves(request.proposal.outcome, hidden)} ({request.proposal.rule})"
