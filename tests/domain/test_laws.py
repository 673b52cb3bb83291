"""The laws of the pure function, one test per law of the semantics (§9), over declarations and pairs of every kind."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from domain.deciding.answers import Takes
from domain.deciding.last_write_wins import decide as last_write_wins
from domain.deciding.set_merge import merge_sets
from domain.deciding.text_merge import merge_texts
from domain.deletion import DeleteAction, Loss, decide_delete
from domain.engine import assess, decide
from domain.integration import FieldType, Flow
from domain.mapping import agree, is_same
from domain.normalise import elements, key
from domain.outcome import Decision, LogStage, Refusal, UnitState, Verdict, Winner
from domain.policies import Custom, SourcePriority
from domain.reading import read_field, read_unit
from domain.records import Clock, Evidence, Gone
from domain.sides import SIDES, Pair, Side
from tests.domain.builders import (
    IMPACT,
    a_field,
    a_snapshot,
    a_view,
    an_integration,
    decided,
    edited,
    unit,
    written,
)
from tests.domain.worlds import (
    COARSE,
    FINE,
    KINDS,
    PLAIN_SETS,
    TEXTS,
    WORDS,
    World,
    swapped,
    worlds,
)

QUIET = {UnitState.PENDING, UnitState.HELD, UnitState.PARKED, UnitState.IN_STEP}
"""States in which nothing of a unit may be written."""


@given(worlds())
def test_determinism(world: World) -> None:
    assert decide(world.rules, world.view) == decide(world.rules, world.view)


@given(worlds(linked=True))
def test_nothing_changed_nothing_happens(world: World) -> None:
    at_rest = world.view
    for side in SIDES:
        halves = {name: base.half(side) for name, base in world.view.baselines.items()}
        at_rest = edited(at_rest, side, **halves)
    verdict = decide(world.rules, at_rest)
    assert {one.state for one in verdict.units} == {UnitState.IN_STEP}
    assert (verdict.plan, verdict.adopted, verdict.log, verdict.reviews) == (None, (), (), ())


@given(worlds())
def test_agreeing_changes_need_no_write_and_no_line(world: World) -> None:
    verdict = decide(world.rules, world.view)
    for declared in world.rules.units:
        if read_unit(declared, world.view).agreed:
            assert unit(verdict, declared.name).state in {UnitState.IN_STEP, UnitState.ADOPTED}
            assert declared.name not in {line.unit for line in verdict.log}
            assert not written_of(world, verdict, declared.name)


@given(worlds(linked=True), st.sampled_from(SIDES))
def test_one_sided_change_is_no_conflict_and_never_writes_to_its_own_side(world: World, side: Side) -> None:
    other = {name: base.half(side.other) for name, base in world.view.baselines.items()}
    view = edited(world.view, side.other, **other)
    verdict = decide(world.rules, view)
    assert not assess(world.rules, view).conflicts
    assert not verdict.reviews
    assert not [where for where in written(verdict) if where[0] is side]


@given(worlds())
def test_symmetry(world: World) -> None:
    there = swapped(world)
    verdict, mirrored = decide(world.rules, world.view), decide(there.rules, there.view)
    for one, image in zip(verdict.units, mirrored.units, strict=True):
        assert (one.unit, one.state, mirror(one.winner)) == (image.unit, image.state, image.winner)
    assert {(s.other, n): v for (s, n), v in written(verdict).items()} == written(mirrored)
    assert halves_of(verdict) == {name: (b, a) for name, (a, b) in halves_of(mirrored).items()}
    for line, image_line in zip(verdict.log, mirrored.log, strict=True):
        assert {(o.side.other, o.field, repr(o.value)) for o in line.overruled} == {
            (o.side, o.field, repr(o.value)) for o in image_line.overruled
        }


@given(worlds())
def test_idempotence_a_second_run_is_quiet_and_knows_no_new_id(world: World) -> None:
    first, then = decided(world.rules, world.view)
    second = decide(world.rules, then)
    assert (second.plan, second.adopted) == (None, ())
    assert {line.conflict_id for line in second.log} <= {line.conflict_id for line in first.log}
    assert {line.conflict_id: line.says for line in first.log} | {
        line.conflict_id: line.says for line in second.log
    } == {line.conflict_id: line.says for line in first.log}


@given(worlds())
def test_convergence(world: World) -> None:
    _, then = decided(world.rules, world.view)
    for declared in world.rules.units:
        state = unit(decide(world.rules, then), declared.name).state
        reading = read_unit(declared, then)
        assert reading.agreed or state in {UnitState.PENDING, UnitState.HELD, UnitState.BLOCKED}


@given(worlds())
def test_no_silent_loss(world: World) -> None:
    verdict = decide(world.rules, world.view)
    named = {(o.side, o.field, repr(o.value)) for line in verdict.log for o in line.overruled}
    merged = {one.unit for one in verdict.units if one.winner is Winner.MERGED}
    for declared in world.rules.units:
        reading = read_unit(declared, world.view)
        for member in reading.members:
            for side in SIDES:
                new = written(verdict).get((side, member.field.native(side)))
                is_hit = (side, member.field.native(side)) in written(verdict) and member.changed[side]
                if is_hit and declared.name in merged:
                    assert keeps_additions(member, side, new)
                elif is_hit:
                    assert (side, member.field.name, repr(member.values[side])) in named


@given(worlds())
def test_minimal_writes_and_none_on_a_pending_field(world: World) -> None:
    verdict = decide(world.rules, world.view)
    for declared in world.rules.units:
        of_unit = written_of(world, verdict, declared.name)
        if unit(verdict, declared.name).state in QUIET:
            assert not of_unit
        for field in declared.fields:
            for side in SIDES:
                if (side, field.native(side)) in of_unit:
                    shown = world.view.snapshots[side].fields[field.native(side)]
                    assert not is_same(field, side, of_unit[side, field.native(side)], shown)
    for write in verdict.plan.writes if verdict.plan else ():
        shown_now = world.view.snapshots[write.side].fields
        assert write.expect == {name: shown_now[name] for name in write.fields}


@given(worlds(most=4))
def test_frame_the_outcome_of_a_unit_depends_on_that_unit_only(world: World) -> None:
    whole = decide(world.rules, world.view)
    for declared in world.rules.units:
        names = {field.name for field in declared.fields}
        groups = tuple(group for group in world.rules.groups if set(group.fields) & names)
        alone_rules = world.rules.model_copy(update={"fields": declared.fields, "groups": groups})
        alone = decide(alone_rules, world.view)
        assert alone.units == (unit(whole, declared.name),)
        assert written(alone) == written_of(world, whole, declared.name)
        assert alone.log == tuple(line for line in whole.log if line.unit == declared.name)


@given(worlds(("normal",), linked=True), st.sampled_from([str.upper, lambda text: f" {text} "]))
def test_normalisers_are_absorbed_ids_included(world: World, disguise: Any) -> None:
    disguised = world.view
    for side in SIDES:
        shown = world.view.snapshots[side].fields
        hidden = {name: disguise(value) if isinstance(value, str) else value for name, value in shown.items()}
        disguised = restamped(edited(disguised, side, **hidden), world)
    plain, seen = decide(world.rules, world.view), decide(world.rules, disguised)
    assert [(one.state, one.conflict_id, one.winner) for one in plain.units] == [
        (one.state, one.conflict_id, one.winner) for one in seen.units
    ]
    assert [line.conflict_id for line in plain.log] == [line.conflict_id for line in seen.log]


@given(FINE, COARSE)
def test_get_put_a_finer_value_that_says_the_same_is_never_replaced(fine: Any, coarse: Any) -> None:
    field = a_field(values=IMPACT)
    assume(agree(field, fine, coarse))
    rules = an_integration(field)
    for old_fine, old_coarse in ((3, "Medium"), (4, "Low"), (1, "High")):
        view = a_view({"title": fine}, {"title": coarse}, {"title": (old_fine, old_coarse)})
        assert written(decide(rules, view)) == {}


@given(worlds(("mapped", "mapped_set"), linked=True, groups=False, flows=False))
def test_put_get_what_was_carried_says_the_same_over_there(world: World) -> None:
    verdict, then = decided(world.rules, world.view)
    for one in verdict.units:
        has_lack = any(line.kind == "unmapped" for line in verdict.log if line.unit == one.unit)
        if one.state is UnitState.CARRIED and not has_lack:
            reading = read_unit(next(u for u in world.rules.units if u.name == one.unit), then)
            assert all(says_the_same(member) for member in reading.members)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 5), st.integers(-1000, 1000))
@example(10, 13, 1, 7)  # the intervals touch: half open, so one is later
@example(10, 12, 1, 7)  # they overlap by a second
def test_last_write_wins_is_shift_invariant_and_passes_on_overlap(
    a: int, b: int, bound: int, shift: int
) -> None:
    clock = Clock(uncertainty=timedelta(seconds=bound))
    answers = [last_write_wins(clash(a + moved, b + moved, Pair(clock, clock))) for moved in (0, shift)]
    sides = [answer.side if isinstance(answer, Takes) else None for answer in answers]
    gap = 2 * bound + 1
    expected = None if abs(a - b) < gap else Side.A if a > b else Side.B
    assert sides == [expected, expected]


@given(worlds(linked=True), worlds(linked=True), st.sampled_from(["approve", "side"]), st.sampled_from(SIDES))
def test_a_decision_counts_only_for_what_was_seen(seen: World, now: World, choice: Any, side: Side) -> None:
    tokens = set(assess(now.rules, now.view).conflicts.values())
    for token in assess(seen.rules, seen.view).conflicts.values():
        decision = Decision(token=token, choice=choice, side=side, by="ann")
        verdict = decide(now.rules, replace(now.view, decisions=(decision,)))
        if token not in tokens:
            assert verdict.decisions[0].refusal is Refusal.STALE
            assert not [line for line in verdict.log if line.stage is LogStage.RESOLVED]


@given(st.one_of(WORDS, st.text(max_size=5)), st.sampled_from(SIDES))
def test_an_invalid_value_is_refused(value: Any, side: Side) -> None:
    rules = an_integration(a_field(policy=["review"]))
    view = a_view(
        {"title": "u"}, {"title": "v"}, {"title": ("t", "t")}, valid=Pair({"title": ("u", "w")}, {})
    )
    token = assess(rules, view).conflicts["title"]
    decision = Decision(token=token, choice="value", side=side, value=value, by="ann")
    verdict = decide(rules, replace(view, decisions=(decision,)))
    if value in ("u", "w"):
        assert verdict.decisions[0].accepted
    else:
        assert verdict.decisions[0].refusal is Refusal.INVALID
        assert unit(verdict).state is UnitState.PENDING
        assert written(verdict) == {}


@given(worlds(linked=True), st.integers(1, 9))
def test_ids_are_distinct_per_baseline_revision_and_stable_otherwise(world: World, more: int) -> None:
    conflicts = assess(world.rules, world.view).conflicts
    later = replace(world.view, now=world.view.now + timedelta(days=1))
    moved = {
        name: base.model_copy(update={"revision": base.revision + more})
        for name, base in world.view.baselines.items()
    }
    assert assess(world.rules, later).conflicts == conflicts
    again = assess(world.rules, replace(world.view, baselines=moved)).conflicts
    assert all(again[name] != conflict_id for name, conflict_id in conflicts.items())
    other = {name: base.model_copy(update={"a": "other base"}) for name, base in world.view.baselines.items()}
    from_elsewhere = assess(world.rules, replace(world.view, baselines=other)).conflicts
    assert not set(from_elsewhere.values()) & set(conflicts.values())


@given(TEXTS, TEXTS, TEXTS)
@example("one\ntwo\nthree", "ONE\ntwo\nthree", "one\ntwo\nTHREE")
def test_text_merge_is_symmetric_identity_on_one_sided_and_keeps_every_added_line(
    base: str, a: str, b: str
) -> None:
    merged = merge_texts(base, a, b)
    assert merged == merge_texts(base, b, a)
    assert merge_texts(base, a, base) == a
    if merged is not None:
        assert added(base, a) | added(base, b) <= set(merged.split("\n"))


@given(PLAIN_SETS, PLAIN_SETS, PLAIN_SETS)
def test_set_merge_is_commutative(base: list[str], a: list[str], b: list[str]) -> None:
    field = a_field(type="set")
    merged = [merge_sets(member_of(field, *sides, base)) for sides in ((a, b), (b, a))]
    expected = (set(a) | set(b)) - (set(base) - set(a)) - (set(base) - set(b))
    for pair in merged:
        assert pair is not None
        assert set(elements(pair.a)) == set(elements(pair.b)) == expected


@given(
    st.sampled_from(["detach", "propagate", "archive", "recreate", "ask"]),
    st.sampled_from(["ask", "keep", "delete"]),
    WORDS,
    st.sampled_from(SIDES),
)
def test_deletes_lose_no_edit_unnamed_and_never_touch_the_lost_record(
    mode: Any, versus_edit: Any, value: Any, lost: Side
) -> None:
    archive = {"a": {"state": "closed"}, "b": {"state": "closed"}}
    rules = an_integration(
        a_field(), on_delete={"mode": mode, "versus_edit": versus_edit, "archive": archive}
    )
    loss = a_loss(lost, value)
    verdict = decide_delete(rules, loss)
    is_edited = key(rules.fields[0], lost.other, value) != key(rules.fields[0], lost.other, "t")
    assert verdict.target is lost.other
    assert verdict.log is not None
    assert verdict.log.kind == ("delete_vs_edit" if is_edited else "delete")
    if is_edited and verdict.action in {DeleteAction.DELETE_OTHER, DeleteAction.ARCHIVE_OTHER}:
        assert versus_edit == "delete"
        assert [(o.field, o.value) for o in verdict.log.overruled] == [("title", value)]
    if verdict.action is DeleteAction.ASK:
        assert verdict.link_after == "active"
        assert verdict.review is not None


@given(st.lists(st.tuples(st.sampled_from(SIDES), st.integers(0, 2), st.integers()), max_size=6), st.data())
def test_sequential_edits_never_conflict(edits: list[Any], data: st.DataObject) -> None:
    world = data.draw(worlds(linked=True, flows=False))
    _, view = settled(world)
    for side, which, _ in edits:
        field = world.rules.fields[which % len(world.rules.fields)]
        kind = next(k for k in KINDS.values() if k.words.items() <= declared_words(field).items())
        value = data.draw(kind.a if side is Side.A else kind.b)
        waiting = set(assess(world.rules, view).conflicts)
        held = {one.unit for one in decide(world.rules, view).units if one.state is UnitState.HELD}
        view = edited(view, side, **{field.native(side): value})
        verdict, view = decided(world.rules, view)
        assert set(assess(world.rules, view).conflicts) <= waiting | held
        assert {r.unit for r in verdict.reviews} <= waiting | held


@pytest.mark.parametrize("said", [RuntimeError("broken"), 7, None, "c", {"value": 1}, {"side": "a"}, ["a"]])
def test_a_failing_custom_rule_holds_the_field(said: Any) -> None:
    def broken(params: Any, facts: Any) -> Any:
        if isinstance(said, Exception):
            raise said
        return said

    chain = (Custom(name="broken"), SourcePriority(owner=Side.A))
    rules = an_integration(a_field(policy=chain))
    view = a_view({"title": "u"}, {"title": "v"}, {"title": ("t", "t")}, custom={"broken": broken})
    verdict = decide(rules, view)
    assert unit(verdict).state is UnitState.PENDING
    assert written(verdict) == {}


@given(worlds(("mapped", "mapped_set")))
def test_hold_touches_nothing(world: World) -> None:
    verdict = decide(world.rules, world.view)
    moved = {half.unit for half in (*verdict.adopted, *(verdict.plan.settles if verdict.plan else ()))}
    for one in verdict.units:
        if one.state is UnitState.HELD:
            assert not written_of(world, verdict, one.unit)
            assert one.unit not in moved
            assert [alert.unit for alert in verdict.alerts].count(one.unit) == 1


@given(worlds(most=3, linked=True))
def test_a_group_never_ends_in_a_combination_that_nobody_showed_or_chose(world: World) -> None:
    assume(world.rules.groups)
    verdict, then = decided(world.rules, world.view)
    group = next(u for u in world.rules.units if u.is_group)
    before, now = read_unit(group, world.view), read_unit(group, then)
    if (
        unit(verdict, "group").state is not UnitState.DECIDED
        or unit(verdict, "group").winner is Winner.MERGED
    ):
        return
    if any(member.field.flow is not Flow.BOTH for member in before.members):
        return  # what may not travel stays where it is, by declaration
    for winner in SIDES:
        if unit(verdict, "group").winner is Winner.side(winner):
            assert [m.values[winner] for m in now.members] == [m.values[winner] for m in before.members]


# ------------------------------------------------------------------------------------------------ what the laws speak of


def mirror(winner: Winner | None) -> Winner | None:
    return {Winner.A: Winner.B, Winner.B: Winner.A}.get(winner, winner) if winner else None


def written_of(world: World, verdict: Verdict, name: str) -> dict[tuple[Side, str], Any]:
    declared = next(u for u in world.rules.units if u.name == name)
    mine = {(side, field.native(side)) for side in SIDES for field in declared.fields}
    return {where: value for where, value in written(verdict).items() if where in mine}


def halves_of(verdict: Verdict) -> dict[str, tuple[Any, Any]]:
    settles = (*verdict.adopted, *(verdict.plan.settles if verdict.plan else ()))
    return {half.field: half.halves for half in settles}


def keeps_additions(member: Any, side: Side, new: Any) -> bool:
    """Whether a merge kept everything that the side added."""
    base = member.base.half(side) if member.base else None
    if member.field.type is FieldType.TEXT:
        return added(base or "", member.values[side] or "") <= set((new or "").split("\n"))
    old, now = elements(base), elements(new)
    return all(element in now for element in elements(member.values[side]) if element not in old)


def added(base: str, text: str) -> set[str]:
    return set(text.split("\n")) - set(base.split("\n"))


def restamped(view: Any, world: World) -> Any:
    """An edit in disguise keeps its stamp."""
    snapshots = Pair.of(
        lambda s: view.snapshots[s].model_copy(
            update={
                "changes": {
                    name: change.model_copy(update={"value": view.snapshots[s].fields[name]})
                    for name, change in world.view.snapshots[s].changes.items()
                }
            }
        )
    )
    return replace(view, snapshots=snapshots)


def says_the_same(member: Any) -> bool:
    if member.agreed:
        return True
    # An element that stood in step without a counterpart stays at home.
    return bool(member.field.type is FieldType.SET and member.is_quiet)


def clash(a: int, b: int, clocks: Pair[Clock]) -> Any:
    rules = an_integration(a_field())
    view = a_view(
        {"title": "u"}, {"title": "v"}, {"title": ("t", "t")}, ({"title": a}, {"title": b}), clocks=clocks
    )
    return read_unit(rules.units[0], view)


def member_of(field: Any, a: Any, b: Any, base: Any) -> Any:
    member = read_field(field, a_view({"title": a}, {"title": b}, {"title": (base, base)}))
    assert member is not None
    return member


def a_loss(lost: Side, value: Any) -> Loss:
    survivor = a_snapshot(lost.other, {"title": value})
    gone = Gone(ref=survivor.ref, evidence=Evidence.EVENT)
    view = a_view({"title": "t"}, {"title": "t"}, {"title": ("t", "t")})
    return Loss("pair", Pair.of(lambda s: gone if s is lost else None), survivor, view.baselines)


def declared_words(field: Any) -> dict[str, Any]:
    words: dict[str, Any] = {"type": field.type.value}
    if field.values is not None:
        words["values"] = IMPACT
    if field.normalise[0]:
        words["normalise"] = KINDS["normal"].words["normalise"]
    return words


def settled(world: World) -> tuple[Verdict, Any]:
    return decided(world.rules, world.view)
