"""Who owns which field, as a table that people outside of the project can read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from domain.integration import FieldMap, Flow, Integration, OnLink, Unit
from domain.policies import (
    Chain,
    Custom,
    LastWriteWins,
    Merge,
    Policy,
    Review,
    Rule,
    Rules,
    SourcePriority,
    ValueChoice,
)
from domain.sides import Pair, Side

NOBODY = "–"


@dataclass(frozen=True, slots=True)
class OwnershipRow:
    """One field. Every text uses the systems' names."""

    field: str
    group: str | None
    """The group that it is decided with."""
    native: Pair[str]
    flow: str
    owner: str
    """Whose value wins a conflict without further question; `–` if that depends."""
    policy: str
    unmapped: str
    on_link: str


def ownership(rules: Integration, names: Pair[str] | None = None) -> list[OwnershipRow]:
    """One row per field, in the order of the units. `names`: what people call the systems, else the connections."""
    called = names or rules.ends.map(lambda end: end.connection)
    return [_row(unit, field, called) for unit in rules.units for field in unit.fields]


def _row(unit: Unit, field: FieldMap, names: Pair[str]) -> OwnershipRow:
    return OwnershipRow(
        field=field.name,
        group=unit.name if unit.is_group else None,
        native=Pair.of(field.native),
        flow=_flow_in_words(field.flow, names),
        owner=_owner(unit, field, names),
        policy=chain_in_words(unit.chain, names),
        unmapped=_unmapped_in_words(field, names),
        on_link=_on_link_in_words(unit.on_link, names),
    )


def _flow_in_words(flow: Flow, names: Pair[str]) -> str:
    match flow:
        case Flow.BOTH:
            return "both ways"
        case Flow.A_TO_B:
            return f"{names.a} → {names.b}"
        case Flow.B_TO_A:
            return f"{names.b} → {names.a}"
        case never:
            assert_never(never)


def _owner(unit: Unit, field: FieldMap, names: Pair[str]) -> str:
    if field.flow is not Flow.BOTH:
        return names[Side.A if field.flow is Flow.A_TO_B else Side.B]
    first = unit.chain[0] if unit.chain else None
    return names[first.owner] if isinstance(first, SourcePriority) else NOBODY


def chain_in_words(chain: Chain, names: Pair[str]) -> str:
    """`the later edit wins, else a person decides`."""
    steps = [_policy_in_words(policy, names) for policy in chain]
    always_ends = bool(chain) and isinstance(chain[-1], Review | SourcePriority)
    return ", else ".join(steps if always_ends else [*steps, "a person decides"])


def _policy_in_words(policy: Policy, names: Pair[str]) -> str:
    match policy:
        case LastWriteWins():
            return "the later edit wins"
        case SourcePriority():
            return f"{names[policy.owner]} wins"
        case Merge():
            return "both edits are merged"
        case Review():
            return "a person decides"
        case Rules():
            return ", else ".join(
                f"{_decision_in_words(rule, names)} if `{rule.when}`" for rule in policy.rules
            )
        case Custom():
            return f"the rule {policy.name!r} decides"
        case never:
            assert_never(never)


def _decision_in_words(rule: Rule, names: Pair[str]) -> str:
    match rule.decide:
        case "a" | "b":
            return f"{names[Side(rule.decide)]} wins"
        case "next":
            return "the next rule is asked"
        case "review":
            return "a person decides"
        case ValueChoice() as choice:
            return f"{names[choice.side]} gets {choice.value!r}"
        case never:
            assert_never(never)


def _unmapped_in_words(field: FieldMap, names: Pair[str]) -> str:
    if field.values is None:
        return NOBODY
    match field.unmapped.mode:
        case "hold":
            return "the field waits"
        case "blank":
            return "emptied"
        case "stop_pair":
            return "the pair stops"
        case "default":
            return ", ".join(f"{names[side]} gets {value!r}" for side, value in field.unmapped.defaults)
        case never:
            assert_never(never)


def _on_link_in_words(on_link: OnLink, names: Pair[str]) -> str:
    match on_link:
        case OnLink.A | OnLink.B:
            return f"{names[Side(on_link)]} wins"
        case OnLink.POLICY:
            return "as in a conflict"
        case OnLink.REVIEW:
            return "a person decides"
        case never:
            assert_never(never)
