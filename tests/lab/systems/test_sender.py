"""The sender within its own kind of event loop."""

import asyncio
import time

import pytest
import uvloop

from lab.systems.outbox import Subscription
from lab.systems.plain.system import PlainSystem
from lab.systems.receiver import hanging_up, turned_until
from lab.systems.records import Author


@pytest.mark.parametrize("turn", range(10))
def test_a_webhook_is_given_up_where_the_receiver_hangs_up_at_once(turn: int) -> None:
    """At some turn the loop hears of the connection and of its end together."""

    async def given_up() -> int:
        system = PlainSystem("alpha", None, {"webhook_retries": 0})
        system.outbox.subscribe(Subscription(id="hook", url=url))
        system.desk.create("ticket", {"title": "t"}, Author("ann", "person", time.time()))
        sending = asyncio.create_task(system.sender.run())
        await turned_until(lambda: not system.outbox.counts()["undelivered"] or sending.done(), turn)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        failed = system.outbox.counts()["failed"]
        system.database.close()
        return failed

    with hanging_up() as url:
        assert uvloop.run(given_up()) == 1
