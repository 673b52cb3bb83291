"""Requests leased from a budget that processes share."""

from __future__ import annotations

import asyncio
import time

import pytest

from activities.allowance import Allowance
from activities.urgency import set_urgency
from domain.errors import RateLimited
from integrations.budget import Budget, parse_budget
from store import connections
from store.database import Database

pytestmark = pytest.mark.stack


def budget(spelled: str) -> Budget:
    return Budget.model_validate(parse_budget(spelled))


async def taken(allowance: Allowance, seconds: float) -> int:
    """How many requests get through within so long."""
    count = 0

    async def go_on() -> None:
        nonlocal count
        while True:
            await allowance.take()
            count += 1

    try:
        async with asyncio.timeout(seconds):
            await asyncio.gather(go_on(), go_on())
    except TimeoutError:
        return count


async def test_two_processes_together_stay_within_one_budget(database: Database) -> None:
    given = budget("100 per 1s")
    started = time.monotonic()
    counts = await asyncio.gather(*(taken(Allowance("jira", given, database), 2) for _ in range(2)))
    spent = time.monotonic() - started
    assert 0 < sum(counts) <= given.burst + given.rate * spent + 1
    assert all(counts)


async def test_requests_that_wait_together_are_leased_together(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    leases = 0
    lease = connections.lease

    async def counted(*given: object, **said: object) -> int:
        nonlocal leases
        leases += 1
        return await lease(*given, **said)  # type: ignore[arg-type] # passed on as given

    monkeypatch.setattr(connections, "lease", counted)
    allowance = Allowance("jira", budget("60000 per 1m"), database)
    await asyncio.gather(*(allowance.take() for _ in range(100)))
    assert leases == 2


async def test_nothing_is_leased_in_store(database: Database) -> None:
    given = budget("100 per 1000h")  # nothing comes back within the test
    waiting, other = Allowance("jira", given, database), Allowance("jira", given, database)
    await waiting.take()
    assert await drained(other, 1) == 9


async def test_background_work_leaves_a_reserve_to_what_people_wait_for(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.allowance.PATIENCE", 0)
    given = budget("100 per 1000h")  # nothing comes back within the test
    background, urgent = Allowance("jira", given, database), Allowance("jira", given, database)
    assert [await drained(background, 5), await drained(urgent, 1)] == [7, 3]


async def drained(allowance: Allowance, priority: int) -> int:
    """How many requests work of this priority gets before there are none."""
    set_urgency(priority)
    count = 0
    try:
        while True:
            await allowance.take()
            count += 1
    except RateLimited:
        return count
    finally:
        set_urgency(None)
