from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import text

from activities import backfilling
from activities.backfilling import BackfillActivities, BackfillInput, BackfillProgress
from connectors.memory.connector import Interfere
from domain.backfilling import Tally
from domain.errors import LookAgain, RecordRejected, SystemUnavailable
from domain.sides import SIDES, Pair, Side
from store import audit, backfills, brakes, conflicts, deliveries, held_matches, pairs
from tests.activities.conftest import Build
from tests.activities.world import (
    NAME,
    NAMES,
    NOTES,
    OWNER,
    PRIORITY,
    TITLE,
    World,
    declaration,
    once,
    raising,
    run,
)

pytestmark = pytest.mark.stack

NUMBER: dict[str, Any] = {"name": "number", "a": "number", "b": "ref"}
FIELDS = (TITLE, PRIORITY, OWNER, NOTES, NUMBER)
ONWARD = {"when": "a.priority == '1'", "direction": "a_to_b"}
RUNS = count(1)


@dataclass
class Loader:
    """Loads a world as the workflow does: leg after leg, under one run."""

    world: World
    leg: timedelta = timedelta(0)
    legs: list[BackfillProgress] = field(default_factory=list)

    def twins(self, number: str, *, priority: str = "2", **b: Any) -> None:
        """One record on each side with the same number, in step but for `b`."""
        self.left(number, priority=priority)
        urgency = {"1": "High", "2": "Medium", "3": "Low"}[priority]
        self.right(number, **{"urgency": urgency, **b})

    def left(self, number: str, **fields: Any) -> str:
        first = {"title": "t", "priority": "2", "owner": "ines", "notes": "n\n", "number": number}
        return self.world.systems.a.create("ticket", {**first, **fields}).id

    def right(self, number: str, **fields: Any) -> str:
        first = {"summary": "t", "urgency": "Medium", "assignee": "ines", "description": "n\n", "ref": number}
        return self.world.systems.b.create("ticket", {**first, **fields}).id

    async def load(self, *, name: str = "", **asked: Any) -> Tally:
        given = BackfillInput(integration=NAME, run=name or f"run-{next(RUNS)}", by="ines", **asked)
        while True:
            progress = await run(BackfillActivities(self.world.context, self.leg).backfill, given)
            self.legs.append(progress)
            if progress.is_done or progress.waits:
                return progress.tally

    async def plan(self, **asked: Any) -> Tally:
        return await self.load(dry_run=True, **asked)

    async def pairs(self) -> set[tuple[str, str]]:
        async with self.world.database.begin() as tx:
            rows = await pairs.listing(tx, integration=NAME, limit=1000)
        return {(row.ends.a.ref.id, row.ends.b.ref.id) for row in rows}

    async def told(self) -> list[str]:
        """Records about which a delivery waits."""
        async with self.world.database.begin() as tx:
            kept = await deliveries.unsignalled(tx)
        return [notice.ref.id for one in kept for notice in one.notices]

    def writes(self) -> int:
        """How often any record was saved beyond its beginning."""
        return sum(r.version - 1 for side in SIDES for r in self.world.systems[side].records.values())


async def a_loader(build: Build, *fields: dict[str, Any], **words: Any) -> Loader:
    """Two systems with nothing in them but what the test puts there."""
    words = {"match": ["number"], **words}
    world = await build(declaration(*(fields or FIELDS), **words), linked=False)
    for side in SIDES:
        world.systems[side].records.clear()
    return Loader(world)


async def test_records_that_agree_are_linked_with_baselines_and_need_no_pass(build: Build) -> None:
    loader = await a_loader(build)
    for n in range(5):
        loader.twins(f"N{n}")
    assert await loader.load() == Tally(link=5)
    assert len(await loader.pairs()) == 5
    assert (await loader.told(), loader.writes()) == ([], 0)
    row = await loaded_pair(loader)
    assert (row.state, row.last_pass_at is not None) == (["in_sync"], True)


async def loaded_pair(loader: Loader) -> pairs.PairRow:
    async with loader.world.database.begin() as tx:
        row = (await pairs.listing(tx, integration=NAME))[0]
    loader.world.pair = loader.world.pair.model_copy(update={"pair_id": row.id})
    return row


async def test_the_first_pass_after_a_load_carries_an_edit_as_an_edit(build: Build) -> None:
    loader = await a_loader(build)
    loader.twins("N1")
    await loader.load()
    await loaded_pair(loader)
    (record_id,) = loader.world.systems.a.records
    loader.world.systems.a.edit(record_id, {"title": "edited"})
    await loader.world.settle()
    (other,) = loader.world.systems.b.records.values()
    assert other.fields["summary"] == "edited"
    assert await loader.world.log() == []


async def test_an_edit_between_listing_and_linking_is_seen_as_it_is_at_the_link(build: Build) -> None:
    loader = await a_loader(build)
    loader.twins("N1")
    name = "broken-off"
    await leg(loader, name)
    await leg(loader, name)
    (record_id,) = loader.world.systems.a.records
    loader.world.systems.a.edit(record_id, {"number": "N2"})
    assert await loader.load(name=name) == Tally(nothing=2)


async def leg(loader: Loader, name: str, **asked: Any) -> BackfillProgress:
    given = BackfillInput(integration=NAME, run=name, by="ines", **asked)
    return await run(BackfillActivities(loader.world.context, timedelta(0)).backfill, given)


async def test_the_database_plans_by_what_was_listed(build: Build) -> None:
    loader = await a_loader(build)
    for number in range(30):
        loader.left(str(number))
    await loader.plan()
    async with loader.world.database.begin() as tx:
        known = await tx.scalar(
            text("SELECT reltuples FROM pg_class WHERE oid = 'backfill_records'::regclass")
        )
    assert known == 30


async def test_what_is_missing_is_created_where_the_declaration_says_so(build: Build) -> None:
    loader = await a_loader(build, create=ONWARD)
    loader.left("N1", priority="1")
    loader.left("N2", priority="2")
    loader.right("N3")
    assert await loader.load() == Tally(create_a_to_b=1, nothing=2)
    assert len(loader.world.systems.b.records) == 2
    assert await loader.told() == []
    assert (await loaded_pair(loader)).state == ["in_sync"]


async def test_a_second_load_does_nothing(build: Build) -> None:
    loader = await a_loader(build, create=ONWARD)
    loader.twins("N1")
    loader.left("N2", priority="1")
    await loader.load()
    counted = [len(loader.world.systems[side].records) for side in SIDES]
    assert await loader.load() == Tally(linked_before=2)
    assert [len(loader.world.systems[side].records) for side in SIDES] == counted
    assert loader.writes() == 0


async def a_mixture(build: Build, **words: Any) -> Loader:
    """Something of everything, over more than one page."""
    loader = await a_loader(build, create=ONWARD, **words)
    for n in range(4):
        loader.twins(f"E{n}")
    for n in range(3):
        loader.twins(f"D{n}", assignee="tom")
    loader.twins("W1", priority="1", summary="u")
    for n in range(2):
        loader.left(f"C{n}", priority="1")
    loader.left("A1")
    loader.right("A1")
    loader.right("A1")
    loader.left("A2", priority="1")
    loader.left("A2", priority="1")
    loader.right("A2")
    loader.left("X1")
    loader.right("X2")
    return loader


MIXTURE = Tally(link=8, create_a_to_b=2, ambiguous=6, differs=4, reviews=4, nothing=2)


async def test_the_run_equals_the_plan_and_the_plan_writes_nothing(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfilling, "PAGE", 4)
    loader = await a_mixture(build)
    counted = [len(loader.world.systems[side].records) for side in SIDES]
    plan = await loader.plan()
    assert [len(loader.world.systems[side].records) for side in SIDES] == counted
    assert (await loader.pairs(), await loader.told(), await held(loader)) == (set(), [], [])
    assert plan == MIXTURE
    assert await loader.load() == plan


async def held(loader: Loader) -> list[held_matches.HeldMatch]:
    refs = [loader.world.ref(side, one) for side in SIDES for one in loader.world.systems[side].records]
    async with loader.world.database.begin() as tx:
        return await held_matches.of_records(tx, NAME, refs)


async def test_ambiguous_records_are_held_once_with_their_candidates(build: Build) -> None:
    loader = await a_mixture(build)
    await loader.load()
    await loader.load()
    found = await held(loader)
    assert sorted((len(one.records.a), len(one.records.b)) for one in found) == [(1, 2), (2, 1)]
    assert [one.kind for one in await loader.world.alerts()] == ["duplicate_candidate"] * 2


async def riddles(build: Build) -> tuple[Loader, list[str]]:
    """One record on the left and two on the right with the same number; and what the systems are searched for."""
    loader, searched = await a_loader(build), list[str]()
    loader.left("A1")
    loader.right("A1")
    loader.right("A1")
    for side in SIDES:
        loader.world.connectors[side].interfere = noting(searched)
    return loader, searched


def noting(searched: list[str]) -> Interfere:
    async def interfere(moment: str, operation: str, record_id: str | None) -> None:
        if (moment, operation) == ("before", "search"):
            searched.append(operation)

    return interfere


async def test_a_riddle_that_the_inventory_shows_is_held_without_another_search(build: Build) -> None:
    loader, searched = await riddles(build)
    for _ in SIDES:
        await leg(loader, "unchanged")
    searched.clear()
    assert await loader.load(name="unchanged") == Tally(ambiguous=3)
    (found,) = await held(loader)
    assert [end.key for end in found.records.b] == [loader.world.end(Side.B, r).key for r in ("1", "2")]
    assert searched == []


async def test_a_riddle_whose_records_have_changed_since_they_were_listed_is_searched_again(
    build: Build,
) -> None:
    loader, searched = await riddles(build)
    for _ in SIDES:
        await leg(loader, "edited")
    searched.clear()
    loader.world.systems.b.edit("2", {"ref": "A2"})
    assert await loader.load(name="edited") == Tally(link=1, nothing=1)
    assert await held(loader) == []
    assert searched


async def test_pairs_that_differ_are_told_to_their_workflows(build: Build) -> None:
    loader = await a_loader(build)
    loader.twins("N1")
    loader.twins("N2", assignee="tom")
    assert await loader.load() == Tally(link=2, differs=1, reviews=1)
    assert len(await loader.told()) == 1


async def test_a_kill_at_any_page_changes_nothing_of_the_outcome(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every commit of the place fails once: all that came before it is done again."""
    monkeypatch.setattr(backfilling, "PAGE", 3)
    loader = await a_mixture(build)
    died: set[str] = set()
    move = backfills.move

    async def dying(tx: Any, row: Any, phase: Any, place: str, tally: Tally) -> None:
        if (at := f"{row.phase}/{row.place}") not in died:
            died.add(at)
            raise SystemUnavailable("killed before the commit")
        await move(tx, row, phase, place, tally)

    monkeypatch.setattr(backfills, "move", dying)
    progress = BackfillProgress()
    while not progress.is_done:
        try:
            progress = await leg(loader, "killed")
        except SystemUnavailable:
            continue
    assert progress.tally == MIXTURE
    assert len(died) > 8
    markers = [r.fields["ref"] for r in loader.world.systems.b.records.values()]
    assert markers.count("C0") == markers.count("C1") == 1


async def test_two_attempts_at_once_make_one_load(build: Build) -> None:
    loader = await a_mixture(build)
    name = "twice"

    async def attempt() -> None:
        done = False
        while not done:
            try:
                done = (await leg(loader, name)).is_done
            except LookAgain:
                continue

    await asyncio.gather(attempt(), attempt())
    assert len(await loader.pairs()) == 10
    assert len(loader.world.systems.b.records) == 14


async def test_an_attempt_that_outlives_its_workflow_disturbs_nobody(build: Build) -> None:
    loader = await a_loader(build)
    loader.twins("N1")
    await leg(loader, "old")
    await leg(loader, "new")
    assert (await leg(loader, "old")).phase == "dropped"
    assert await loader.load(name="new") == Tally(link=1)


async def test_a_create_that_loses_its_answer_is_found_again(build: Build) -> None:
    loader = await a_loader(build, create=ONWARD)
    loader.left("N1", priority="1")
    connector = loader.world.connectors.b
    connector.interfere = once("after", "create", raising(SystemUnavailable("no answer")))
    with pytest.raises(SystemUnavailable):
        await loader.load(name="lost")
    assert await loader.load(name="lost") == Tally(create_a_to_b=1)
    assert len(loader.world.systems.b.records) == 1


async def test_a_refused_create_is_held_and_the_others_go_on(build: Build) -> None:
    loader = await a_loader(build, create=ONWARD)
    loader.left("N1", priority="1")
    loader.left("N2", priority="1")
    loader.world.connectors.b.interfere = once("before", "create", raising(RecordRejected("no such project")))
    assert await loader.load() == Tally(create_a_to_b=1, refused=1)


async def test_one_answer_settles_every_difference_without_a_review(build: Build) -> None:
    loader = await a_loader(build)
    loader.twins("N1", assignee="tom")
    assert await loader.load(on_differences="a") == Tally(link=1, differs=1)
    await loaded_pair(loader)
    await loader.world.settle()
    (other,) = loader.world.systems.b.records.values()
    assert other.fields["assignee"] == "ines"
    lines = await loader.world.log()
    assert [overruled.value for line in lines for overruled in line.line.overruled] == ["tom"]
    async with loader.world.database.begin() as tx:
        acts = await audit.of_pair(tx, loader.world.pair.pair_id)
        assert await conflicts.of_pair(tx, loader.world.pair.pair_id)
    assert ("ines", "differences_answered") in [(act.who, act.what) for act in acts]


async def test_only_records_in_the_scope_are_loaded(build: Build) -> None:
    ends = {s.value: {"connection": NAMES[s], "record_type": "ticket", "scope": "team=ops"} for s in SIDES}
    loader = await a_loader(build, **ends)
    loader.left("N1", team="ops")
    loader.right("N1", team="ops")
    loader.left("N2", team="ops")
    loader.right("N2", team="net")
    assert await loader.load() == Tally(link=1, nothing=1)


async def test_a_pair_that_was_linked_and_never_looked_at_is_settled(build: Build) -> None:
    loader = await a_loader(build)
    loader.twins("N1")
    await loader.world.link(*[next(iter(loader.world.systems[side].records)) for side in SIDES])
    assert await loader.load() == Tally(linked_before=1)
    assert (await loaded_pair(loader)).state == ["in_sync"]


async def test_what_somebody_said_of_a_record_holds(build: Build) -> None:
    loader = await a_loader(build)
    loader.twins("N1")
    ref = loader.world.ref(Side.A, next(iter(loader.world.systems.a.records)))
    async with loader.world.database.begin() as tx:
        await held_matches.decide(tx, NAME, ref, "ignore", "ines")
    assert await loader.plan() == await loader.load() == Tally(nothing=2)


async def test_a_link_that_somebody_ended_is_not_made_again(build: Build) -> None:
    loader = await a_loader(build)
    loader.twins("N1")
    pair = await loader.world.link(*[next(iter(loader.world.systems[side].records)) for side in SIDES])
    async with loader.world.database.begin() as tx:
        await pairs.unlink(tx, pair.pair_id, "detached", "wrong")
    assert await loader.plan() == await loader.load() == Tally(nothing=2)


async def test_a_brake_makes_it_wait(build: Build) -> None:
    loader = await a_loader(build)
    async with loader.world.database.begin() as tx:
        await brakes.pull(tx, NAME, "too much at once", "mass_change")
    await loader.load()
    assert loader.legs[-1].waits == "too much at once"


async def test_a_run_says_whether_records_have_changed_since_the_plan(build: Build) -> None:
    loader = await a_loader(build)
    loader.twins("N1")
    await loader.plan()
    await loader.load()
    unmoved = loader.legs[-1].moved_on
    loader.twins("N2")
    await loader.load()
    assert (unmoved, "records have changed" in loader.legs[-1].moved_on) == ("", True)


async def test_the_inventory_holds_no_values_and_is_gone_at_the_end(build: Build) -> None:
    loader = await a_loader(build)
    loader.twins("N1")
    for _ in range(2):
        await leg(loader, "short")
    async with loader.world.database.begin() as tx:
        row = await backfills.newest(tx, NAME, "short")
        assert row is not None
        assert await backfills.listed(tx, row) == Pair(1, 1)
    await loader.load(name="short")
    async with loader.world.database.begin() as tx:
        assert await backfills.listed(tx, row) == Pair(0, 0)
