import asyncio
from collections.abc import Sequence

import pytest

from domain.records import FieldVersion, Origin
from domain.sides import Pair, Side
from store import snapshots, work
from store.database import Database, Tx
from store.errors import Fenced
from store.pairs import PairRow
from tests.store.builders import a_snapshot, at, both

pytestmark = pytest.mark.stack

PRIORITY: Pair[Sequence[str]] = Pair(["priority"], ["priority"])


async def history(tx: Tx, pair: PairRow) -> list[tuple[Side, object, object]]:
    found = await snapshots.field_history(tx, pair.id, PRIORITY)
    return [(side, version.old, version.value) for side, version in found]


async def test_what_was_read_comes_back(tx: Tx, pair: PairRow) -> None:
    read = both(priority="2", tags=["a", "b"], empty=None, count=3, nested={"x": 1.5})
    ids = await snapshots.save(tx, pair.id, read)
    assert await snapshots.get(tx, ids) == read


async def test_the_first_look_notes_every_field(tx: Tx, pair: PairRow) -> None:
    await snapshots.save(tx, pair.id, both(priority="2"))
    assert await history(tx, pair) == [(Side.A, None, "2"), (Side.B, None, "2")]


async def test_an_unchanged_record_writes_nothing(tx: Tx, pair: PairRow) -> None:
    first = await snapshots.save(tx, pair.id, both(priority="2"))
    assert await snapshots.save(tx, pair.id, both(priority="2")) == first
    assert len(await history(tx, pair)) == 2


async def test_a_changed_field_is_noted_with_who_and_when_on_its_side_only(tx: Tx, pair: PairRow) -> None:
    first = await snapshots.save(tx, pair.id, both(priority="2", note="x"))
    edited = both(priority="2", note="x").replace(
        Side.A, a_snapshot(version="2", minutes=5, priority="1", note="x")
    )
    second = await snapshots.save(tx, pair.id, edited)
    assert (second.a != first.a, second.b) == (True, first.b)
    side, newest = (await snapshots.field_history(tx, pair.id, Pair(["priority", "note"], [])))[-1]
    assert (side, newest.field, newest.old, newest.value) == (Side.A, "priority", "2", "1")
    assert (newest.by, newest.at) == ("tom", at(5))


async def test_a_version_token_that_lies_is_found_out(tx: Tx, pair: PairRow) -> None:
    await snapshots.save(tx, pair.id, both(version="1", priority="2"))
    await snapshots.save(tx, pair.id, both(version="1", priority="3"))
    assert (Side.A, "2", "3") in await history(tx, pair)


async def test_a_record_that_returns_to_an_earlier_version_is_noted_each_time(tx: Tx, pair: PairRow) -> None:
    first = await snapshots.save(tx, pair.id, both(version="x", priority="2"))
    await snapshots.save(tx, pair.id, both(version="y", priority="3"))
    assert await snapshots.save(tx, pair.id, both(version="x", priority="2")) == first
    assert [value for side, _, value in await history(tx, pair) if side is Side.A] == ["2", "3", "2"]


async def test_the_fields_own_stamp_is_better_than_the_records(tx: Tx, pair: PairRow) -> None:
    stamp = FieldVersion(field="priority", value="1", old="2", at=at(3), by="ann", origin=Origin.PERSON)
    shown = a_snapshot(minutes=9, priority="1").model_copy(update={"changes": {"priority": stamp}})
    await snapshots.save(tx, pair.id, both(priority="2").replace(Side.A, shown))
    [(_, version)] = await snapshots.field_history(tx, pair.id, Pair(["priority"], []))
    assert version == stamp


async def test_a_stamp_of_another_value_is_not_taken_for_this_ones(tx: Tx, pair: PairRow) -> None:
    stamp = FieldVersion(field="priority", value="5", at=at(3), by="ann")
    shown = a_snapshot(minutes=9, priority="1").model_copy(update={"changes": {"priority": stamp}})
    await snapshots.save(tx, pair.id, both(priority="2").replace(Side.A, shown))
    [(_, version)] = await snapshots.field_history(tx, pair.id, Pair(["priority"], []))
    assert (version.value, version.by) == ("1", "tom")


async def test_the_systems_history_is_taken_over_instead_of_our_own_look(tx: Tx, pair: PairRow) -> None:
    await snapshots.save(tx, pair.id, both(priority="2"))
    told = [
        FieldVersion(field="priority", value=value, old=old, at=at(n), by="ann", sequence=n)
        for n, (old, value) in enumerate([("2", "4"), ("4", "1")], 1)
    ]
    edited = both(priority="2").replace(Side.A, a_snapshot(version="2", minutes=5, priority="1"))
    await snapshots.save(tx, pair.id, edited, Pair(told, ()))
    found = await snapshots.field_history(tx, pair.id, Pair(["priority"], []))
    assert [version for _, version in found[1:]] == told


async def test_two_passes_at_once_note_a_change_once(database: Database, pair: PairRow) -> None:
    async def save(version: str) -> None:
        async with database.begin() as tx:
            await snapshots.save(tx, pair.id, both(version, priority=version))

    await save("1")
    await asyncio.gather(*(save("2") for _ in range(5)))
    async with database.begin() as tx:
        assert len(await history(tx, pair)) == 4


async def test_of_a_look_behind_the_fence_nothing_is_kept(tx: Tx, pair: PairRow) -> None:
    first = await snapshots.save(tx, pair.id, both("1", priority="1"), scheduled=at(0))
    await snapshots.fence(tx, pair.id, at(2))
    await snapshots.fence(tx, pair.id, at(1))
    with pytest.raises(Fenced, match="a later attempt to look has begun"):
        await snapshots.save(tx, pair.id, both("2", priority="2"), scheduled=at(1))
    assert await snapshots.save(tx, pair.id, both("1", priority="1"), scheduled=at(1)) == first
    assert len(await history(tx, pair)) == 2


async def test_what_was_seen_in_front_of_the_fence_or_written_by_us_is_kept(tx: Tx, pair: PairRow) -> None:
    await snapshots.fence(tx, pair.id, at(2))
    await snapshots.save(tx, pair.id, both("1", priority="1"), scheduled=at(2))
    await snapshots.save(tx, pair.id, both("2", priority="2"))
    assert len(await history(tx, pair)) == 4


async def test_a_pass_that_knows_older_snapshots_notes_only_what_is_new(tx: Tx, pair: PairRow) -> None:
    await snapshots.save(tx, pair.id, both("1", priority="1"))
    known = (await work.load(tx, pair.id)).last
    quicker = await snapshots.save(tx, pair.id, both("2", priority="2"), known=known)
    assert await snapshots.save(tx, pair.id, both("2", priority="2"), known=known) == quicker
    await snapshots.save(tx, pair.id, both("3", priority="3"), known=known)
    assert await history(tx, pair) == [
        (side, old, value) for old, value in ((None, "1"), ("1", "2"), ("2", "3")) for side in Side
    ]


async def test_the_last_snapshot_that_showed_a_value_is_found(tx: Tx, pair: PairRow) -> None:
    for minutes, value in enumerate(["2", "2", None, "1"]):
        await snapshots.save(tx, pair.id, both(str(minutes), minutes, priority=value, note=minutes))
    seen = [
        (await snapshots.last_showing(tx, pair.id, Side.A, {"priority": value})).get("priority")
        for value in ("2", None, "1", "9")
    ]
    assert [snapshot and snapshot.modified_at for snapshot in seen] == [at(1), at(2), at(3), None]


async def test_each_field_has_its_own_last_snapshot(tx: Tx, pair: PairRow) -> None:
    for version, priority, note in [("1", "2", "x"), ("2", "1", "x"), ("3", "1", "y")]:
        await snapshots.save(tx, pair.id, both(version, priority=priority, note=note))
    seen = await snapshots.last_showing(tx, pair.id, Side.B, {"priority": "2", "note": "x"})
    assert {field: snapshot.version for field, snapshot in seen.items()} == {"priority": "1", "note": "2"}


async def test_a_missing_field_does_not_show_an_empty_value(tx: Tx, pair: PairRow) -> None:
    await snapshots.save(tx, pair.id, both(priority=None))
    assert set(await snapshots.last_showing(tx, pair.id, Side.B, {"priority": None, "note": None})) == {
        "priority"
    }


async def test_a_field_history_is_the_newest_part_oldest_first(tx: Tx, pair: PairRow) -> None:
    for n in range(5):
        await snapshots.save(tx, pair.id, both(str(n), n, priority=n))
    found = await snapshots.field_history(tx, pair.id, Pair(["priority"], []), limit=3)
    assert [version.value for _, version in found] == [2, 3, 4]
