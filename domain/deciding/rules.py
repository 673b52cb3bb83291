"""Ordered conditions that an owner wrote in CEL: the first that holds decides."""

from __future__ import annotations

from typing import assert_never

from pydantic import JsonValue

from domain.deciding.answers import Answer, Asks, Gives, Passes, Takes
from domain.deciding.facts import facts_of
from domain.policies import Rule, Rules, ValueChoice
from domain.reading import UnitReading
from domain.rules_language import RuleFailed, compile_condition
from domain.sides import Side


def decide(policy: Rules, reading: UnitReading) -> Answer:
    """Decide by the first rule that holds. A rule that fails holds the field for a person: it may have been the guard."""
    facts = facts_of(reading)
    for rule in policy.rules:
        try:
            if compile_condition(rule.when).holds(facts):
                return _decided(rule, reading)
        except RuleFailed as failure:
            return Asks(_spelled(rule), str(failure))
    return Passes("no rule holds")


def _decided(rule: Rule, reading: UnitReading) -> Answer:
    spelled, why = _spelled(rule), f"{rule.when} holds"
    match rule.decide:
        case "a" | "b":
            return Takes(Side(rule.decide), spelled, why)
        case "next":
            return Passes(why)
        case "review":
            return Asks(spelled, why)
        case ValueChoice() as choice:
            return Gives(values_by_field(reading, choice.value), choice.side, spelled, why)
        case never:
            assert_never(never)


def values_by_field(reading: UnitReading, value: JsonValue) -> dict[str, JsonValue]:
    """A field's value by its name; for a group the value must be such a map already, or nothing fits."""
    if not reading.unit.is_group:
        return {reading.name: value}
    return value if isinstance(value, dict) else {}


def _spelled(rule: Rule) -> str:
    return f"rules: {rule.when}"
