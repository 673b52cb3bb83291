"""From a case's words to a declaration, so that the pure function and the real product run the very same rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import yaml

from domain.integration import (
    Create,
    Defaults,
    End,
    FieldMap,
    FieldType,
    Flow,
    Integration,
    Limits,
    Normaliser,
    OnDelete,
    Unmapped,
    ValueMap,
)
from domain.matching import MARKER
from domain.policies import Chain, Custom, LastWriteWins, Merge, Policy, Review, SourcePriority
from domain.records import Clock
from domain.sides import SIDES, Pair, Side
from lab.scenarios.corpus import SIDE_WORDS, Case, DeleteGiven, FieldGiven, Given, SideWord

RULE_POLICY = "scenario_rule"
"""The custom policy that evaluates a case's CEL rule: the entry point of `lab.scenarios.rule:decide`."""

POLICY_WORDS = {
    "lww": "last_write_wins",
    "source": "source_priority",
    "set": "merge",
    "text": "merge",
    "rules": "custom",
    "unlink": "detach",
    "halt": "hold",
}
"""A case's word → the product's. Words that aren't listed are the same."""

RECORD_TYPE = "ticket"
NO_FIELDS = {"id", "key", MARKER}
"""Words of a created record that aren't fields: its identity is the system's affair, the marker is carried beside them."""
NORMALISERS = {"strip": Normaliser.TRIM, "lower": Normaliser.LOWER}
VERSUS_EDIT = {"review": "ask", "ask": "ask", "keep": "keep", "delete": "delete"}


def side_of(word: str) -> Side:
    return Side(word.lower())


def word_of(side: Side) -> SideWord:
    return SIDE_WORDS[SIDES.index(side)]


def completed(case: Case) -> Case:
    """The case with fields: one that declares none keeps those that its records carry, as they are."""
    if case.given.fields:
        return case
    records = [event.get("rec", {}) for event in case.events if event.verb == "create"]
    names = {name: FieldGiven(policy="lww") for record in records for name in record if name not in NO_FIELDS}
    return case.model_copy(update={"given": case.given.model_copy(update={"fields": names})})


def creates(case: Case) -> bool:
    """Whether what the case creates gets a counterpart: where people create records and none were there before."""
    given = case.given
    has_records = bool(given.start) or any(one.base for one in given.fields.values())
    return not has_records and any(event.verb == "create" for event in case.events)


def integration_of(
    given: Given,
    *,
    creates: bool = False,
    name: str = "scenario",
    connections: Pair[str] | None = None,
    record_type: str = RECORD_TYPE,
) -> Integration:
    """The declaration that a case asks for.

    Args:
        given: The case's `given`.
        creates: Whether records get a counterpart, from either side: what must not be created is shown best so.
        name: Of the integration: lower case letters, digits, underscores.
        connections: The connections' names; the sides' letters if none are named.
        record_type: On both sides.
    """
    names = connections or Pair("a", "b")
    return Integration(
        name=name,
        a=End(connection=names.a, record_type=record_type, scope=given.scope.get("A")),
        b=End(connection=names.b, record_type=record_type, scope=given.scope.get("B")),
        match=(given.match_key,) if given.match_key else (),
        create=Create(when="true", direction=Flow.BOTH) if creates else None,
        on_delete=on_delete_of(given.delete),
        defaults=Defaults(policy=(LastWriteWins(), Review())),
        fields=tuple(field_of(field, one) for field, one in given.fields.items()),
        limits=Limits(brake=given.delete_guard.max_share) if given.delete_guard else Limits(),
    )


def spelled(rules: Integration) -> str:
    """The declaration as YAML that the loader takes; it refuses what has no effect, also where it is a default."""
    idle = {"on_delete": {"versus_edit"}} if "versus_edit" not in rules.on_delete.model_fields_set else None
    document = rules.model_dump(mode="json", by_alias=True, exclude=idle)
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False)


def on_delete_of(given: DeleteGiven) -> OnDelete:
    mode = POLICY_WORDS.get(given.mode, given.mode)
    versus_edit = {"versus_edit": VERSUS_EDIT[given.vs_edit]} if mode in {"propagate", "archive"} else {}
    closing = {"archive": given.archive} if mode == "archive" else {}
    return OnDelete.model_validate({"mode": mode, **versus_edit, **closing})


def field_of(name: str, given: FieldGiven) -> FieldMap:
    ignored = tuple(NORMALISERS[word] for word in given.norm if word in NORMALISERS)
    return FieldMap(
        name=name,
        a=name,
        b=name,
        type=type_of(given),
        values=_value_map(given),
        unmapped=_unmapped(given),
        policy=chain_of(given),
        normalise=(ignored, ignored),
    )


def type_of(given: FieldGiven) -> FieldType:
    if given.type:
        return FieldType(given.type)
    return FieldType(given.policy) if given.policy in {"set", "text"} else FieldType.VALUE


def _value_map(given: FieldGiven) -> ValueMap | None:
    if given.map is None:
        return None
    return ValueMap(a_to_b=tuple(given.map.a2b.items()), b_to_a=tuple(given.map.b2a.items()))


def _unmapped(given: FieldGiven) -> Unmapped:
    written: Mapping[str, Any] = {"a": given.default_a, "b": given.default_b}
    defaults = tuple((side, written[side.value]) for side in SIDES if written[side.value] is not None)
    return Unmapped.model_validate(
        {"mode": POLICY_WORDS.get(given.unmapped, given.unmapped), "defaults": defaults}
    )


def chain_of(given: FieldGiven) -> Chain:
    """The field's policy, then what its `tie` names."""
    tie: Policy = Review() if given.tie == "review" else SourcePriority(owner=side_of(given.tie))
    match given.policy:
        case "review":
            return (Review(),)
        case "lww":
            return (LastWriteWins(), tie)
        case "source":
            return (SourcePriority(owner=side_of(given.master or "A")), Review())
        case "set" | "text":
            return (Merge(), tie)
        case "custom" | "rules":
            return (Custom(name=RULE_POLICY, params={"rule": rule_of(given)}), tie)


def rule_of(given: FieldGiven) -> str:
    """One CEL expression; ordered rules `{when, then}` become a chain of conditions that ends in `next`."""
    if given.rule is not None:
        return given.rule
    expression = "'next'"
    for rule in reversed(given.rules):
        decided = rule.get("then", rule.get("decide", rule.get("winner", "review")))
        expression = f"({rule.get('when', 'true')}) ? '{decided}' : {expression}"
    return expression


def clocks_of(given: Given) -> Pair[Clock]:
    """`bound` stands for a connection's `clock_bound`: no offset, the bound as uncertainty."""
    return Pair.of(lambda side: _clock(given, word_of(side)))


def _clock(given: Given, side: SideWord) -> Clock:
    return Clock(
        uncertainty=timedelta(seconds=given.clock.bound.get(side, 1)),
        granularity=timedelta(seconds=given.clock.gran.get(side, 1)),
    )


def valid_of(given: Given) -> Pair[Mapping[str, tuple[Any, ...]]]:
    """Native field → allowed values, where the case names them."""
    return Pair.of(lambda side: _valid(given, word_of(side)))


def _valid(given: Given, side: SideWord) -> Mapping[str, tuple[Any, ...]]:
    written = {
        name: one.valid.get(side) if isinstance(one.valid, dict) else one.valid
        for name, one in given.fields.items()
    }
    return {name: tuple(values) for name, values in written.items() if values is not None}


def start_of(given: Given) -> Pair[dict[str, Any]]:
    """What each record holds at the start: its half of the baseline, unless `start` says otherwise."""
    return Pair.of(lambda side: _start(given, side))


def _start(given: Given, side: Side) -> dict[str, Any]:
    base = {
        name: one.base[SIDES.index(side)] if one.base else ([] if one.is_set else None)
        for name, one in given.fields.items()
    }
    return {**base, **given.start.get(word_of(side), {})}
