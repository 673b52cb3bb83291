"""Findings about who wins: fields that nobody owns, policies that can't decide, stamps that can't be trusted."""

from __future__ import annotations

from collections.abc import Iterator

from domain.integration import FieldType, Flow, Integration, Unit
from domain.policies import LastWriteWins, Merge, Review, SourcePriority
from domain.sides import SIDES, Pair
from integrations.findings import Finding, SystemFacts, note, warning
from integrations.mistakes import Path


def policy_findings(rules: Integration, systems: Pair[SystemFacts]) -> Iterator[Finding]:
    """Everything about the policy of each field and group, in the order of the declaration."""
    for unit in rules.units:
        path = _place(rules, unit)
        if _flows_both_ways(unit):
            yield from _unowned(path, rules, unit)
            yield from _always_asks(path, unit)
            yield from _never_merges(path, unit)
            yield from _untrusted_stamps(path, rules, unit, systems)
        else:
            yield from _target_owns(path, rules, unit)


def _place(rules: Integration, unit: Unit) -> Path:
    named = rules.groups if unit.is_group else rules.fields
    return ("groups" if unit.is_group else "fields", [part.name for part in named].index(unit.name))


def _flows_both_ways(unit: Unit) -> bool:
    return any(field.flow is Flow.BOTH for field in unit.fields)


def _unowned(path: Path, rules: Integration, unit: Unit) -> Iterator[Finding]:
    declared = {group.name: group.policy for group in rules.groups} if unit.is_group else {}
    own = declared.get(unit.name, unit.fields[0].policy)
    if own is None and "policy" not in rules.defaults.model_fields_set:
        message = f"{unit.name} flows both ways and nobody declared who wins"
        yield warning(path, f"{message}; the built-in chain holds: the later edit, else a person")


def _always_asks(path: Path, unit: Unit) -> Iterator[Finding]:
    if all(isinstance(policy, Review) for policy in unit.chain):
        yield note(path, f"every conflict of {unit.name} waits for a person")


def _never_merges(path: Path, unit: Unit) -> Iterator[Finding]:
    singles = [field.name for field in unit.fields if field.type is FieldType.VALUE]
    if singles and any(isinstance(policy, Merge) for policy in unit.chain):
        yield note(path, f"merge passes where single values differ: {', '.join(singles)}")


def _untrusted_stamps(
    path: Path, rules: Integration, unit: Unit, systems: Pair[SystemFacts]
) -> Iterator[Finding]:
    if not any(isinstance(policy, LastWriteWins) for policy in unit.chain):
        return
    for side in SIDES:
        name, facts = rules.ends[side].connection, systems[side]
        if facts.stamps_fields is False:
            message = (
                f"{name} stamps records, not fields: an edit of another field makes {unit.name} look newer"
            )
            yield warning(path, f"{message}, so last_write_wins will often pass")
        elif facts.stamps_fields and facts.clock_uncertainty is None:
            message = f"{name}'s clock was never compared with ours"
            yield warning(path, f"{message}; last_write_wins can't be trusted before: set clock_bound")


def _target_owns(path: Path, rules: Integration, unit: Unit) -> Iterator[Finding]:
    for field in unit.fields:
        for policy in unit.chain:
            if isinstance(policy, SourcePriority) and not field.flow.allows(policy.owner):
                name = rules.ends[policy.owner].connection
                message = f"{name} owns {field.name}, but nothing flows from it (`flow: {field.flow}`)"
                yield warning(path, f"{message}: where it wins, both sides stay different")
