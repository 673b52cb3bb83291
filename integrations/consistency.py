"""What no single part of a declaration can know: names that must fit together, settings that would do nothing.

Every check yields (path, message); the loader adds file and line.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TypeAlias

from domain.integration import FieldMap, FieldType, Flow, Group, Integration, OnLink
from domain.outcome import RECORD_UNIT
from domain.policies import Chain, Custom, Merge, Rules
from domain.rules_language import CREATE_VARIABLES, POLICY_VARIABLES, ConditionError, compile_condition
from domain.sides import SIDES, Side
from integrations.mistakes import Path, suggestion

Inconsistency: TypeAlias = tuple[Path, str]
RESERVED = frozenset({"a", "b", "policy", "review", "next", "both", "a_to_b", "b_to_a"})
CORRELATION = "correlation_id"


def inconsistencies(
    rules: Integration, custom_policies: Collection[str] | None = None
) -> Iterator[Inconsistency]:
    """Everything that contradicts itself. Custom policies are looked up only if their names are given."""
    yield from _ends(rules)
    yield from _names(rules)
    yield from _native_names(rules)
    yield from _match(rules)
    yield from _fields(rules)
    yield from _groups(rules)
    yield from _create(rules)
    yield from _deletes(rules)
    yield from _reviews(rules)
    for path, chain in _chains(rules):
        yield from _conditions(path, chain)
        yield from _custom(path, chain, custom_policies)


def _ends(rules: Integration) -> Iterator[Inconsistency]:
    for side in SIDES:
        if rules.ends[side].connection in RESERVED:
            name = rules.ends[side].connection
            yield (
                (side.value, "connection"),
                f"{name!r} means something else in declarations; rename the connection",
            )
    if rules.a == rules.b:
        yield ("b",), "both sides are the same records; give them different scopes"


def _names(rules: Integration) -> Iterator[Inconsistency]:
    seen: dict[str, Path] = {RECORD_UNIT: ()}
    named: list[tuple[str, Sequence[FieldMap | Group]]] = [("fields", rules.fields), ("groups", rules.groups)]
    for key, parts in named:
        for index, part in enumerate(parts):
            if part.name in seen:
                yield (key, index, "name"), f"the name {part.name!r} is taken"
            seen.setdefault(part.name, (key, index))


def _native_names(rules: Integration) -> Iterator[Inconsistency]:
    for side in SIDES:
        first: dict[str, str] = {}
        for index, field in enumerate(rules.fields):
            native = field.native(side)
            if native in first:
                system = rules.ends[side].connection
                message = f"{system}'s field {native!r} is mapped already, by {first[native]!r}"
                yield ("fields", index, side.value), message
            first.setdefault(native, field.name)


def _match(rules: Integration) -> Iterator[Inconsistency]:
    known = [CORRELATION, *(field.name for field in rules.fields)]
    for index, name in enumerate(rules.match):
        if name not in known:
            yield ("match", index), f"{name!r} is no declared field; {suggestion(name, known)}"


def _fields(rules: Integration) -> Iterator[Inconsistency]:
    for index, field in enumerate(rules.fields):
        path: Path = ("fields", index)
        if field.type is FieldType.VALUE and _merges(field.policy):
            yield (
                (*path, "policy"),
                "single values can't be merged; declare `type: text` or `type: set`, or drop merge",
            )
        if field.values and not (field.values.a_to_b or field.values.b_to_a):
            yield (*path, "values"), "the map is empty; leave it out to carry values as they are"
        if _links_against_flow(field.flow, field.on_link):
            yield (
                (*path, "on_link"),
                f"with `flow: {field.flow}` nothing is ever written to that side's counterpart",
            )


def _merges(chain: Chain | None) -> bool:
    return any(isinstance(policy, Merge) for policy in chain or ())


def _links_against_flow(flow: Flow, on_link: OnLink | None) -> bool:
    return on_link in (OnLink.A, OnLink.B) and not flow.allows(Side(on_link))


def _groups(rules: Integration) -> Iterator[Inconsistency]:
    position = {field.name: index for index, field in enumerate(rules.fields)}
    grouped: dict[str, str] = {}
    for index, group in enumerate(rules.groups):
        for member, name in enumerate(group.fields):
            path: Path = ("groups", index, "fields", member)
            if name not in position:
                yield path, f"{name!r} is no declared field; {suggestion(name, list(position))}"
            elif name in grouped:
                yield path, f"{name!r} is in group {grouped[name]!r} already; a field is decided once"
            else:
                yield from _member_rules(position[name], rules.fields[position[name]], group)
            grouped.setdefault(name, group.name)


def _member_rules(index: int, field: FieldMap, group: Group) -> Iterator[Inconsistency]:
    for key in ("policy", "on_link"):
        if getattr(field, key) is not None:
            message = f"{field.name!r} is in group {group.name!r}, whose own {key} decides; move it there"
            yield ("fields", index, key), message


def _create(rules: Integration) -> Iterator[Inconsistency]:
    if not (create := rules.create):
        return
    for side in create.with_:
        if not create.direction.allows(side.other):
            name = rules.ends[side].connection
            yield ("create", "with"), f"with `direction: {create.direction}` nothing is created in {name}"
    yield from _condition(("create", "when"), create.when, CREATE_VARIABLES)


def _deletes(rules: Integration) -> Iterator[Inconsistency]:
    rule = rules.on_delete
    if rule.mode == "archive" and not rule.archive:
        yield ("on_delete",), "`mode: archive` needs `archive: {SIDE: {field: closing value}}`"
    if rule.mode != "archive" and rule.archive:
        yield ("on_delete", "archive"), f"closing fields do nothing with `mode: {rule.mode}`"
    if rule.mode not in ("archive", "propagate") and "versus_edit" in rule.model_fields_set:
        yield ("on_delete", "versus_edit"), f"does nothing with `mode: {rule.mode}`"


def _reviews(rules: Integration) -> Iterator[Inconsistency]:
    asked = rules.reviews
    for needing, needed in (
        ("fallback_after", "fallback"),
        ("fallback", "fallback_after"),
        ("escalate_after", "escalate_to"),
        ("escalate_to", "escalate_after"),
    ):
        if getattr(asked, needing) is not None and getattr(asked, needed) is None:
            yield ("reviews", needing), f"does nothing without `{needed}`"


def _chains(rules: Integration) -> Iterator[tuple[Path, Chain]]:
    yield ("defaults", "policy"), rules.defaults.policy
    yield ("reviews", "fallback"), rules.reviews.fallback or ()
    for index, field in enumerate(rules.fields):
        yield ("fields", index, "policy"), field.policy or ()
    for index, group in enumerate(rules.groups):
        yield ("groups", index, "policy"), group.policy or ()


def _conditions(path: Path, chain: Chain) -> Iterator[Inconsistency]:
    for step, policy in enumerate(chain):
        for index, rule in enumerate(policy.rules if isinstance(policy, Rules) else ()):
            yield from _condition((*path, step, "rules", index, "when"), rule.when, POLICY_VARIABLES)


def _condition(path: Path, text: str, variables: frozenset[str]) -> Iterator[Inconsistency]:
    try:
        compile_condition(text, variables)
    except ConditionError as error:
        place = f" (at character {error.column} of its line {error.line})" if error.line else ""
        yield path, f"{error}{place}"


def _custom(path: Path, chain: Chain, known: Collection[str] | None) -> Iterator[Inconsistency]:
    for step, policy in enumerate(chain):
        if isinstance(policy, Custom) and known is not None and policy.name not in known:
            message = f"no installed plug-in offers the policy {policy.name!r}"
            yield (*path, step, "custom"), f"{message}; {suggestion(policy.name, sorted(known))}"
