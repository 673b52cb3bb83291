"""How far a plan has come."""

from activities.progress import Progress
from domain.integration import Integration
from domain.outcome import PlannedHalf, PlannedWrite, WritePlan
from domain.records import FieldVersion
from domain.sides import Side
from domain.view import Overwritten
from tests.domain.builders import a_field, an_integration

BOTH = (Side.A, Side.B)


def rules() -> Integration:
    group = {"name": "severity", "fields": ["impact", "urgency"]}
    return an_integration(
        a_field("title"), a_field("notes"), a_field("impact"), a_field("urgency"), groups=[group]
    )


def half(field: str, *written: Side, unit: str = "") -> PlannedHalf:
    return PlannedHalf(field=field, unit=unit or field, halves=("new", "new"), written=written)


def progress(*halves: PlannedHalf, merges: tuple[str, ...] = ()) -> Progress:
    writes = tuple(PlannedWrite(side=side, fields={}, expect={}) for side in BOTH)
    return Progress(rules(), WritePlan(writes=writes, settles=halves, merges=merges))


def names(progress: Progress) -> list[str]:
    return [half.field for half in progress.ready()]


def test_a_baseline_is_ready_once_every_side_is_written() -> None:
    one = progress(half("title", *BOTH))
    one.take(Side.A, {"title": "new"}, {})
    assert names(one) == []
    one.take(Side.B, {"title": "new"}, {})
    assert names(one) == ["title"]


def test_a_groups_baselines_wait_for_each_other() -> None:
    one = progress(half("impact", Side.B, unit="severity"), half("urgency", Side.A, unit="severity"))
    one.take(Side.B, {"impact": "new"}, {})
    assert names(one) == []
    one.take(Side.A, {"urgency": "new"}, {})
    assert names(one) == ["impact", "urgency"]


def test_what_was_refused_stays_where_it_was() -> None:
    one = progress(half("title", Side.B), half("notes", Side.B))
    one.refused = {"title": "too long"}
    one.take(Side.B, {"title": "new", "notes": "new"}, {})
    assert names(one) == ["notes"]
    assert one.still_wanted(Side.B, {"title": "new", "notes": "new"}) == {"notes": "new"}


def test_what_our_write_hit_is_left_to_the_next_pass() -> None:
    one = progress(half("title", Side.B))
    one.take(Side.B, {"title": "new"}, {})
    one.hit(Side.B, [Overwritten(FieldVersion(field="title", value="theirs"), ours="new")])
    assert names(one) == []


def test_what_is_settled_is_not_settled_again() -> None:
    one = progress(half("title", Side.B))
    one.take(Side.B, {"title": "new"}, {})
    one.settled.add("title")
    assert names(one) == []


def test_the_written_half_is_what_the_response_shows() -> None:
    one = progress(half("title", Side.B))
    one.take(Side.B, {"title": "new"}, {"title": "ne"})
    halves = one.halves(one.plan.settles[0])
    assert (halves.halves, halves.adjusted) == (("new", "ne"), True)


def test_only_a_merge_that_reached_a_side_is_taken_back() -> None:
    one = progress(half("title", *BOTH), half("notes", *BOTH), merges=("notes",))
    one.take(Side.A, {"title": "new", "notes": "new"}, {})
    assert one.half_merged() == {}
    one.refused = {"title": "no", "notes": "no"}
    assert one.half_merged() == {"notes": [Side.A]}


def test_a_merge_that_reached_nobody_needs_no_taking_back() -> None:
    one = progress(half("notes", *BOTH), merges=("notes",))
    one.refused = {"notes": "no"}
    assert one.half_merged() == {}
