"""Records and their saves, without a process."""

from typing import Any

from lab.systems.database import Database
from lab.systems.records import Author, Change, Event, Record, Records, Save


def a_save(
    version: int, applied_at: float, *, event: Event = "updated", key: str = "A-1", **fields: Any
) -> Save:
    author = Author("ann", "person", at=applied_at)
    changes = tuple(Change(name, None, value, author.by, author.origin) for name, value in fields.items())
    record = Record("ticket", "1", key, version, fields, event == "deleted", 0, "ann", applied_at, "ann")
    return Save(0, record, event, changes, author.origin, None, author.at, applied_at)


def records_with(*saves: Save) -> Records:
    records = Records(Database(None))
    for save in saves:
        records.append(save)
    return records


def titles(saves: list[Save]) -> list[Any]:
    return [save.record.fields["title"] for save in saves]


def test_a_lagging_index_shows_a_record_as_it_was() -> None:
    records = records_with(a_save(1, 10, title="old"), a_save(2, 20, title="new"))
    assert titles(records.indexed("ticket", until=9)) == []
    assert titles(records.indexed("ticket", until=15)) == ["old"]
    assert titles(records.indexed("ticket", until=20)) == ["new"]
    assert titles(records.feed("ticket", since=0, until=15, limit=10)) == ["old"]


def test_a_lagging_index_still_finds_by_the_old_value() -> None:
    records = records_with(a_save(1, 10, title="old"), a_save(2, 20, title="new"))
    assert titles(records.indexed("ticket", until=15, equal={"title": "old"})) == ["old"]
    assert records.indexed("ticket", until=15, equal={"title": "new"}) == []


def test_a_lagging_index_still_shows_a_deleted_record() -> None:
    records = records_with(a_save(1, 10, title="t"), a_save(2, 20, event="deleted", title="t"))
    assert titles(records.indexed("ticket", until=15)) == ["t"]
    assert records.indexed("ticket", until=20) == []


def test_a_moved_record_is_found_by_both_keys() -> None:
    records = records_with(a_save(1, 10, title="t"), a_save(2, 20, event="moved", key="B-7", title="t"))
    for key in ("A-1", "B-7"):
        found = records.by_key("ticket", key)
        assert found is not None
        assert found.key == "B-7"
    assert records.by_key("ticket", "C-1") is None


def test_a_save_reads_back_whole() -> None:
    records = Records(Database(None))
    kept = records.append(a_save(1, 10, title=None, labels=["x", {"y": 1}]))
    assert records.save(kept.n) == kept
    assert records.history("ticket", "1") == [kept]
