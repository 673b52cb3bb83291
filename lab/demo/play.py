"""Plays the script, step by step. What is done already isn't done again, whoever was killed meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TypeVar

import httpx

from domain.errors import SyncError, SystemUnavailable
from domain.sides import Pair
from gateway.operations import Operations
from lab.demo.chaos import Chaos
from lab.demo.hands import Hands
from lab.demo.outcome import Onlooker, Row
from lab.demo.script import SCRIPT, Name, Scenario
from lab.demo.telling import Teller
from lab.systems.records import Record
from store.pairs import PairRow

T = TypeVar("T")

LOOK_EVERY = 0.1
PATIENCE = timedelta(seconds=60)
"""A killed server is back in seconds; what isn't there after that won't come."""

LINKED: dict[Name, str] = {
    "jira": "servicenow_jira_incident",
    "pagerduty": "servicenow_pagerduty_incident",
}
"""Which integration links ServiceNow's incidents with this system's records."""


class TooLate(SyncError):
    """Something that was waited for didn't happen."""


@dataclass(frozen=True, slots=True)
class Play:
    operations: Operations
    hands: Hands
    onlooker: Onlooker
    chaos: Chaos
    tell: Teller

    async def run(self) -> list[Row]:
        """Play what hasn't been played yet; all rows as they stand in the end."""
        await self.hands.resume(SCRIPT)
        for number, scenario in enumerate(SCRIPT, 1):
            await self._scenario(number, scenario)
        return await self.rows()

    async def rows(self) -> list[Row]:
        """Every scenario as it stands now: a later one may not have disturbed an earlier one."""
        return [await persistently(partial(self.onlooker.row, scenario)) for scenario in SCRIPT]

    async def _scenario(self, number: int, scenario: Scenario) -> None:
        with self.tell.scenario(number, scenario):
            records = await self.hands.prepare(scenario)
            await persistently(lambda: self._link(records))
            self.tell.happened(await self.hands.perform(scenario))
            if scenario.is_conflict:
                await self.chaos.strike()
            row = await self._settled(scenario)
            await self.chaos.heal()
            self.tell.row(row)

    async def _link(self, records: Mapping[Name, Record]) -> None:
        """Link the incident with its counterparts, and wait until each pair has been looked at.

        A link that was kept, but whose workflow wasn't started any more, is made again: that only starts it.
        """
        found = await self.onlooker.pairs(records)
        known = {pair.integration for pair in found if pair.last_pass_at is not None}
        for name, integration in LINKED.items():
            if name in records and integration not in known and "servicenow" in records:
                keys = Pair(records["servicenow"].key, records[name].key)
                await self.operations.links.link(integration, keys, by="demo")
        await until(lambda: self.onlooker.pairs(records), are_looked_at, "the new pairs are in step")

    async def _settled(self, scenario: Scenario) -> Row:
        """The row as soon as it is as expected; as it stands, if patience ends before that."""
        try:
            return await until(
                lambda: self.onlooker.row(scenario), lambda row: row.is_as_expected, scenario.title
            )
        except TooLate:
            return await persistently(lambda: self.onlooker.row(scenario))


def are_looked_at(found: Sequence[PairRow]) -> bool:
    """Whether each of these pairs has had its first pass."""
    return all(pair.last_pass_at is not None for pair in found)


async def until(
    ask: Callable[[], Awaitable[T]],
    holds: Callable[[T], bool],
    what: str,
    patience: timedelta = PATIENCE,
) -> T:
    """Ask again and again until the answer is so; the answer.

    Raises:
        TooLate: It isn't within `patience`.
    """
    try:
        async with asyncio.timeout(patience.total_seconds()):
            while not holds(answer := await persistently(ask)):
                await asyncio.sleep(LOOK_EVERY)
    except TimeoutError as error:
        raise TooLate(f"{what}: not within {patience.total_seconds():.0f} s") from error
    return answer


async def persistently(ask: Callable[[], Awaitable[T]], patience: timedelta = PATIENCE) -> T:
    """The answer, though what answers is out for a while.

    Raises:
        SystemUnavailable: Still out when patience ended.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience.total_seconds()
    while True:
        try:
            return await ask()
        except (SystemUnavailable, httpx.TransportError):
            if loop.time() >= deadline:
                raise
        await asyncio.sleep(LOOK_EVERY)
