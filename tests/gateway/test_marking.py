import asyncio
from contextlib import suppress

from gateway.marking import Marking
from store.database import Database


async def test_what_the_store_could_not_mark_stays_to_be_marked() -> None:
    marking = Marking(Database("postgresql://nobody@127.0.0.1:1/none"))
    marking.add(7)
    running = asyncio.create_task(marking.run())
    await asyncio.sleep(0)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert 7 in marking
