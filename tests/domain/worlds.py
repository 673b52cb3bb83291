"""Hypothesis strategies: declarations of every kind, and pairs in every state that a declaration can meet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from domain.integration import FieldMap, FieldType, Flow, Group, Integration, OnLink, ValueMap
from domain.policies import Chain, LastWriteWins, Merge, Review, SourcePriority
from domain.records import Clock
from domain.sides import Pair, Side
from domain.view import Baseline, PairView
from tests.domain.builders import IMPACT, a_field, a_view, an_integration

WORDS = st.sampled_from(["u", "v", "w", "u ", "V", 1, 1.0, True, None])
LINES = st.lists(st.sampled_from(["one", "two", "three", "four", "five"]), max_size=6)
TEXTS = LINES.map("\n".join)
PLAIN_SETS = st.lists(st.sampled_from(["x", "y", "z", "X"]), max_size=4)
FINE = st.sampled_from([1, 2, 3, 4, 5, None])
COARSE = st.sampled_from(["High", "Medium", "Low", "Urgent", None])
FINE_SETS = st.lists(st.sampled_from([1, 2, 3, 4, 5]), max_size=4)
COARSE_SETS = st.lists(st.sampled_from(["High", "Medium", "Low", "Urgent"]), max_size=4)
SECONDS = st.one_of(st.none(), st.integers(0, 40))


@dataclass(frozen=True)
class Kind:
    """A kind of field: how it is declared and what it holds on either side."""

    words: dict[str, Any]
    a: st.SearchStrategy[Any]
    b: st.SearchStrategy[Any]


KINDS = {
    "plain": Kind({"type": "value"}, WORDS, WORDS),
    "normal": Kind({"type": "value", "normalise": (("trim", "lower"), ("trim", "lower"))}, WORDS, WORDS),
    "set": Kind({"type": "set"}, PLAIN_SETS, PLAIN_SETS),
    "text": Kind({"type": "text"}, TEXTS, TEXTS),
    "mapped": Kind({"type": "value", "values": IMPACT}, FINE, COARSE),
    "mapped_set": Kind({"type": "set", "values": IMPACT}, FINE_SETS, COARSE_SETS),
}

UNMAPPED = st.sampled_from(
    [
        {"mode": "hold"},
        {"mode": "blank"},
        {"mode": "default", "defaults": (("a", 3), ("b", "Low"))},
    ]
)
POLICIES = st.sampled_from(
    [LastWriteWins(), SourcePriority(owner=Side.A), SourcePriority(owner=Side.B), Merge(), Review()]
)
CHAINS: st.SearchStrategy[Chain] = st.lists(POLICIES, max_size=3).map(tuple)


@dataclass(frozen=True)
class World:
    """A declaration and a pair under it."""

    rules: Integration
    view: PairView


@st.composite
def fields(draw: st.DrawFn, name: str, kinds: tuple[str, ...] = tuple(KINDS), flows: bool = True) -> FieldMap:  # noqa: FBT001, FBT002 - a strategy's switch
    kind = KINDS[draw(st.sampled_from(kinds))]
    flow = draw(st.sampled_from([Flow.BOTH, Flow.BOTH, Flow.A_TO_B, Flow.B_TO_A])) if flows else Flow.BOTH
    words = {"policy": draw(CHAINS), "flow": flow, "on_link": draw(st.sampled_from(OnLink)), **kind.words}
    if "values" in words:
        words["unmapped"] = draw(UNMAPPED)
    return a_field(name, **words)


def kind_of(field: FieldMap) -> Kind:
    if field.values is not None:
        return KINDS["mapped_set" if field.type is FieldType.SET else "mapped"]
    if field.type is not FieldType.VALUE:
        return KINDS[field.type.value]
    return KINDS["normal" if field.normalise[0] else "plain"]


@st.composite
def worlds(
    draw: st.DrawFn,
    kinds: tuple[str, ...] = tuple(KINDS),
    *,
    most: int = 3,
    flows: bool = True,
    groups: bool = True,
    linked: bool = False,
) -> World:
    """A pair in any state. `linked`: every field has a baseline."""
    names = ["f1", "f2", "f3", "f4"][: draw(st.integers(1, most))]
    declared = [draw(fields(name, kinds, flows)) for name in names]
    rules = draw(declarations(declared, groups=groups))
    return World(rules, draw(views(rules, linked=linked)))


@st.composite
def declarations(draw: st.DrawFn, declared: list[FieldMap], *, groups: bool) -> Integration:
    if groups and len(declared) > 1 and draw(st.booleans()):
        members = tuple(field.name for field in declared[:2])
        group = Group(
            name="group", fields=members, policy=draw(CHAINS), on_link=draw(st.sampled_from(OnLink))
        )
        plain = [f.model_copy(update={"policy": None, "on_link": None}) for f in declared[:2]]
        return an_integration(*plain, *declared[2:], groups=(group,))
    return an_integration(*declared)


@st.composite
def views(draw: st.DrawFn, rules: Integration, *, linked: bool = False) -> PairView:
    """Both records, each field unchanged or anything; baselines that may disagree (after a default) or be missing."""
    base: dict[str, tuple[Any, Any]] = {}
    shown: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    stamps: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    for field in rules.fields:
        kind = kind_of(field)
        halves = (draw(kind.a), draw(kind.b))
        if linked or draw(st.integers(0, 4)):
            base[field.name] = halves
        for side, values in enumerate((kind.a, kind.b)):
            shown[side][field.name] = halves[side] if draw(st.booleans()) else draw(values)
            if draw(st.booleans()):
                stamps[side][field.name] = draw(SECONDS)
    clock = Clock(uncertainty=timedelta(seconds=draw(st.integers(0, 5))))
    return a_view(*shown, base, stamps, clocks=Pair(clock, clock))


# ------------------------------------------------------------------------------------------------ swapping the sides


def swapped(world: World) -> World:
    """The same world seen in a mirror."""
    return World(_swapped_rules(world.rules), _swapped_view(world.view))


def _swapped_rules(rules: Integration) -> Integration:
    return rules.model_copy(
        update={
            "a": rules.b,
            "b": rules.a,
            "fields": tuple(_swapped_field(field) for field in rules.fields),
            "groups": tuple(_swapped_chain(group) for group in rules.groups),
        }
    )


def _swapped_field(field: FieldMap) -> FieldMap:
    values = field.values and ValueMap(a_to_b=field.values.b_to_a, b_to_a=field.values.a_to_b)
    defaults = tuple((side.other, value) for side, value in field.unmapped.defaults)
    flow = {Flow.A_TO_B: Flow.B_TO_A, Flow.B_TO_A: Flow.A_TO_B}.get(field.flow, Flow.BOTH)
    mirrored = field.model_copy(
        update={
            "a": field.b,
            "b": field.a,
            "values": values,
            "flow": flow,
            "unmapped": field.unmapped.model_copy(update={"defaults": defaults}),
            "normalise": (field.normalise[1], field.normalise[0]),
        }
    )
    return _swapped_chain(mirrored)


def _swapped_chain(owner: Any) -> Any:
    on_link = {OnLink.A: OnLink.B, OnLink.B: OnLink.A}.get(owner.on_link, owner.on_link)
    chain = owner.policy and tuple(
        SourcePriority(owner=p.owner.other) if isinstance(p, SourcePriority) else p for p in owner.policy
    )
    return owner.model_copy(update={"policy": chain, "on_link": on_link})


def _swapped_view(view: PairView) -> PairView:
    return replace(
        view,
        snapshots=view.snapshots.swapped(),
        baselines={n: Baseline(a=x.b, b=x.a, revision=x.revision) for n, x in view.baselines.items()},
        clocks=view.clocks.swapped(),
        facts=view.facts.swapped(),
        systems=view.systems.swapped(),
        valid=view.valid.swapped(),
    )
