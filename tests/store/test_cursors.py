import pytest

from store import cursors
from store.database import Tx

pytestmark = pytest.mark.stack


async def test_a_cursor_goes_on_where_it_stopped(tx: Tx) -> None:
    assert await cursors.get(tx, "jira", "Bug", "project = OPS") is None
    for position in ("10", "20"):
        await cursors.move(tx, "jira", "Bug", "project = OPS", position)
    assert await cursors.get(tx, "jira", "Bug", "project = OPS") == "20"


async def test_another_query_begins_anew(tx: Tx) -> None:
    await cursors.move(tx, "jira", "Bug", "project = OPS", "10")
    assert await cursors.get(tx, "jira", "Bug", "project = WEB") is None


async def test_of_two_readers_that_began_at_one_place_one_moves_on(tx: Tx) -> None:
    place = ("desk", "*", "stream")
    assert await cursors.move_from(tx, *place, expected=None, cursor="10")
    assert not await cursors.move_from(tx, *place, expected=None, cursor="11")
    assert await cursors.move_from(tx, *place, expected="10", cursor="20")
    assert not await cursors.move_from(tx, *place, expected="10", cursor="15")
    assert await cursors.get(tx, *place) == "20"
