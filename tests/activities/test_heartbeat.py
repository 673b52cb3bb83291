from __future__ import annotations

import asyncio

import pytest
from temporalio.testing import ActivityEnvironment

from activities import heartbeat


async def test_the_beat_repeats_what_was_said_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "BEAT", 0.001)
    environment, beats = ActivityEnvironment(), asyncio.Queue[tuple[object, ...]]()
    environment.on_heartbeat = lambda *details: beats.put_nowait(details)

    async def work() -> None:
        async with heartbeat.beating():
            assert await beats.get() == ()
            heartbeat.say("row", 7)
            while await beats.get() != ("row", 7):
                pass
            assert await beats.get() == ("row", 7)

    await environment.run(work)
