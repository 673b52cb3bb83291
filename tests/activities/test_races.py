"""Did our write hit somebody's edit? By the history, where nothing else proves it."""

from datetime import timedelta

import pytest
from pydantic import JsonValue

from activities.races import edits_hit
from activities.sending import Sent
from connectors.base import Capabilities, WriteResult
from connectors.memory.connector import MemoryConnector
from connectors.memory.settings import MemorySettings
from connectors.memory.system import Author, MemorySystem
from domain.records import Origin, RecordRef, Snapshot

REF = RecordRef(connection="right", record_type="ticket", id="1")
US = Author("accord", Origin.ACCORD)


class Told(MemoryConnector):
    """Promises what the case wants."""

    def __init__(self, **promises: bool) -> None:
        settings = MemorySettings.model_validate({"compare_and_set": False, **promises})
        super().__init__("right", MemorySystem(granularity=timedelta(0)), settings)
        self.state.create("ticket", {"title": "old", "notes": "old"})

    def without_counter(self) -> "Told":
        self.capabilities: Capabilities = self.capabilities.model_copy(update={"sequence": False})
        return self


async def written(
    connector: Told, *between: dict[str, JsonValue], author: Author = US
) -> tuple[Snapshot, Sent]:
    """What stood at our last read, and our write of the title; with these edits of others in between."""
    before = await connector.read(REF)
    for fields in between:
        connector.state.edit("1", fields)
    connector.state.edit("1", {"title": "ours"}, author)
    after = await connector.read(REF)
    return before, Sent(after, WriteResult(after.version, after.fields), requests=1, fields={"title": "ours"})


async def test_an_edit_of_the_very_field_is_found_with_its_value() -> None:
    connector = Told()
    (hit,) = await edits_hit(connector, *await written(connector, {"title": "theirs"}))
    assert (hit.version.value, hit.ours) == ("theirs", "ours")


async def test_the_last_of_several_edits_counts() -> None:
    connector = Told()
    (hit,) = await edits_hit(connector, *await written(connector, {"title": "first"}, {"title": "second"}))
    assert hit.version.value == "second"


async def test_an_edit_of_another_field_is_no_hit() -> None:
    connector = Told()
    assert await edits_hit(connector, *await written(connector, {"notes": "theirs"})) == []


async def test_an_edit_that_came_back_to_the_old_value_is_no_news() -> None:
    connector = Told()
    assert await edits_hit(connector, *await written(connector, {"title": "x"}, {"title": "old"})) == []


async def test_an_edit_after_our_write_is_no_hit() -> None:
    connector = Told().without_counter()
    before, sent = await written(connector)
    connector.state.edit("1", {"title": "later"})
    assert await edits_hit(connector, before, sent) == []


async def test_without_a_marker_our_entry_is_known_by_its_value() -> None:
    connector = Told(write_marker=False)
    unknown = Author("integration user", Origin.UNKNOWN)
    (hit,) = await edits_hit(connector, *await written(connector, {"title": "theirs"}, author=unknown))
    assert hit.version.value == "theirs"


@pytest.mark.parametrize("promise", [{"compare_and_set": True}, {"change_history": False}])
async def test_the_history_is_asked_only_where_it_tells_more_than_the_write(promise: dict[str, bool]) -> None:
    connector = Told(**promise)
    assert await edits_hit(connector, *await written(connector, {"title": "theirs"})) == []


async def test_nothing_is_looked_for_where_nothing_was_accepted() -> None:
    connector = Told()
    before, sent = await written(connector, {"title": "theirs"})
    assert await edits_hit(connector, before, Sent(sent.target)) == []
