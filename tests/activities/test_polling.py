from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.polling import PAUSE, PollActivities, Polled, PollInput
from activities.watching import Watched
from domain.capture import Changes
from domain.errors import ConfigError, LookAgain, SystemUnavailable
from domain.records import ChangeNotice
from domain.sides import Side
from integrations.connections import ConnectionConfig
from store import connections, cursors, deliveries
from tests.activities.conftest import Build
from tests.activities.world import NAMES, World, declaration, once, raising

pytestmark = pytest.mark.stack

QUICK = {"every": timedelta(minutes=1), "jitter": timedelta(0), "pause": timedelta(0)}
LONG = timedelta(hours=1)


@dataclass
class Poller:
    """Polls the left system of a world, as a worker does."""

    world: World
    scope: str | None = None

    def set_changes(self, **changes: Any) -> Poller:
        configs: Any = self.world.context.connections.configs
        given = Changes.model_validate({**QUICK, **changes})
        configs[NAMES.a] = ConnectionConfig(name=NAMES.a, system="memory", changes=given)
        return self

    async def poll(self, leg: timedelta = LONG, lasts: timedelta = timedelta(0)) -> Polled:
        """One round. `lasts`: for how long it has been tried already."""
        environment = ActivityEnvironment()
        since = self.world.context.now() - lasts
        environment.info = replace(environment.info, scheduled_time=since)
        asked = PollInput(connection=NAMES.a, record_type="ticket", scope=self.scope)
        return await environment.run(PollActivities(self.world.context, leg).poll_changes, asked)

    async def begun(self) -> Poller:
        """After the first round, which finds its place."""
        await self.poll()
        await self.signal_all()
        return self

    async def waiting(self) -> list[tuple[str, str | None]]:
        """Record and version of what waits to be signalled."""
        async with self.world.database.begin() as tx:
            kept = await deliveries.unsignalled(tx)
        return [(notice.ref.id, notice.version) for one in kept for notice in one.notices]

    async def signal_all(self) -> None:
        async with self.world.database.begin() as tx:
            kept = await deliveries.unsignalled(tx)
            await deliveries.mark_signalled(tx, [one.id for one in kept])

    async def hear(self, **said: Any) -> None:
        """A webhook about the first record as it stands, signalled."""
        version = str(self.world.record(Side.A).version)
        notice = ChangeNotice(ref=self.world.ref(Side.A), source="webhook", version=version, **said)
        async with self.world.database.begin() as tx:
            number = await deliveries.keep(tx, NAMES.a, "w1", [notice])
            assert number is not None
            await deliveries.mark_signalled(tx, [number])

    async def place(self) -> cursors.CursorRow | None:
        one = Watched(NAMES.a, "ticket", self.scope)
        async with self.world.database.begin() as tx:
            return await cursors.find(tx, one.connection, one.record_type, one.query)

    def create(self, number: int = 1) -> None:
        for _ in range(number):
            self.world.systems.a.create("ticket", {"title": "another"})


async def a_poller(build: Build, *, linked: bool = False, **changes: Any) -> Poller:
    return Poller(await build(linked=linked)).set_changes(**changes)


async def test_what_changes_after_the_first_round_waits_to_be_signalled_once(build: Build) -> None:
    poller = await (await a_poller(build)).begun()
    poller.world.edit(Side.A, title="edited")
    poller.create()
    first, second = await poller.poll(), await poller.poll()
    assert (first.told, second.told) == (2, 0)
    assert await poller.waiting() == [("1", "2"), ("2", "1")]


async def test_the_first_round_tells_of_linked_records_that_changed_and_leaves_others_to_the_backfill(
    build: Build,
) -> None:
    poller = await a_poller(build, linked=True)
    await poller.world.settle()
    poller.create(3)
    poller.world.edit(Side.A, title="edited while nobody looked")
    assert (await poller.poll()).told == 1
    assert await poller.waiting() == [("1", "2")]


async def test_the_first_round_leaves_alone_what_its_pair_has_read(build: Build) -> None:
    poller = await a_poller(build, linked=True)
    await poller.world.settle()
    assert (await poller.poll()).told == 0


async def test_a_first_round_that_breaks_off_is_still_the_first_when_it_goes_on(build: Build) -> None:
    poller = await a_poller(build, page=1)
    poller.create(2)
    broken = await poller.poll(timedelta(0))
    assert broken.more
    assert (await poller.poll()).told == 0
    assert await poller.waiting() == []


async def test_what_a_webhook_has_told_is_not_told_again(build: Build) -> None:
    poller = await (await a_poller(build)).begun()
    poller.world.edit(Side.A, title="edited")
    await poller.hear()
    assert (await poller.poll()).told == 0
    poller.world.edit(Side.A, title="edited again")
    assert (await poller.poll()).told == 1


async def test_a_deletion_is_told_although_its_version_was_heard_of(build: Build) -> None:
    poller = await (await a_poller(build)).begun()
    await poller.hear()
    record = poller.world.record(Side.A)
    poller.world.systems.a.delete("1")
    record.version -= 1
    assert (await poller.poll()).told == 1


async def test_pages_follow_each_other_and_each_is_kept_with_its_cursor(build: Build) -> None:
    poller = await (await a_poller(build, page=2)).begun()
    poller.create(5)
    stopped = await poller.poll(timedelta(0))
    assert (stopped.more, stopped.told) == (True, 2)
    rest = await poller.poll()
    assert (rest.more, rest.told) == (False, 3)
    assert [record for record, _ in await poller.waiting()] == ["2", "3", "4", "5", "6"]


@pytest.mark.parametrize("place", ["keep_each", "move_from", "catch_up"])
async def test_a_worker_that_dies_between_page_and_cursor_loses_and_doubles_nothing(
    build: Build, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    poller = await (await a_poller(build, page=2)).begun()
    poller.create(5)
    module: Any = deliveries if place == "keep_each" else cursors
    monkeypatch.setattr(module, place, _dying_once(getattr(module, place)))
    with pytest.raises(SystemUnavailable):
        await poller.poll()
    await poller.poll()
    assert [record for record, _ in await poller.waiting()] == ["2", "3", "4", "5", "6"]


def _dying_once(step: Callable[..., Any]) -> Callable[..., Any]:
    """The step does its work, then the worker is gone."""
    left = [SystemUnavailable("killed")]

    async def die(*given: Any, **words: Any) -> Any:
        done = await step(*given, **words)
        if left:
            raise left.pop()
        return done

    return die


async def test_of_two_at_once_one_is_refused_and_nothing_is_kept_twice(build: Build) -> None:
    poller = await (await a_poller(build, page=1)).begun()
    poller.create(3)
    outcomes = await asyncio.gather(poller.poll(), poller.poll(), return_exceptions=True)
    while any(isinstance(outcome, LookAgain) for outcome in outcomes):
        outcomes = [await poller.poll()]
    assert not [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert [record for record, _ in await poller.waiting()] == ["2", "3", "4"]


# --------------------------------------------------------------------------------------------------- changed queries
async def test_another_query_has_a_cursor_of_its_own_and_the_old_one_ends_once_it_has_begun(
    build: Build,
) -> None:
    old = await (await a_poller(build)).begun()
    scope = "title=another"
    ends = {"connection": NAMES.a, "record_type": "ticket", "scope": scope}
    await old.world.declare(declaration(a=ends))
    old.create()
    asked_still = await old.poll()
    assert (asked_still.outcome, asked_still.told) == ("polled", 1)
    new = replace(old, scope=scope)
    assert await new.place() is None
    await new.poll()
    old.create()
    last = await old.poll()
    assert (last.outcome, last.told) == ("ended", 1)
    await old.signal_all()
    assert (await new.poll()).told == 0, "both were heard of under the old query"


async def test_a_cursor_that_the_connector_calls_foreign_is_given_up(build: Build) -> None:
    poller = await (await a_poller(build)).begun()
    async with poller.world.database.begin() as tx:
        one = Watched(NAMES.a, "ticket", None)
        await cursors.move(tx, one.connection, one.record_type, one.query, '{"query": "other", "at": 9}')
    with pytest.raises(LookAgain):
        await poller.poll()
    assert (await poller.poll()).outcome == "polled"
    poller.create()
    assert (await poller.poll()).told == 1


async def test_a_query_that_nobody_declares_any_more_ends(build: Build) -> None:
    poller = await a_poller(build)
    await poller.world.declare(declaration(a={"connection": NAMES.b, "record_type": "other"}))
    assert (await poller.poll()).outcome == "ended"


async def test_a_connection_that_only_webhooks_tell_of_is_not_polled(build: Build) -> None:
    poller = Poller(await build(linked=False))
    changes = Changes(mode="webhook")
    configs: Any = poller.world.context.connections.configs
    configs[NAMES.a] = ConnectionConfig(name=NAMES.a, system="memory", webhook=True, changes=changes)
    assert (await poller.poll()).outcome == "ended"


# -------------------------------------------------------------------------------------------------- rhythm and pauses
async def test_the_next_round_is_due_by_the_interval(build: Build) -> None:
    poller = await a_poller(build)
    assert (await poller.poll()).next_at == poller.world.clock.at + timedelta(minutes=1)


async def test_nothing_is_asked_in_a_freeze_and_all_of_it_is_found_afterwards(build: Build) -> None:
    poller = await (await a_poller(build)).begun()
    poller.set_changes(freeze=[{"start": "* * * * *", "for": "30s"}])
    poller.world.clock.at = poller.world.clock.at.replace(second=10, microsecond=0)
    poller.create()
    frozen = await poller.poll()
    assert (frozen.outcome, frozen.told) == ("frozen", 0)
    assert frozen.next_at == poller.world.clock.at + timedelta(seconds=20)
    poller.world.clock.at = frozen.next_at
    assert (await poller.poll()).told == 1


async def test_a_paused_connection_is_left_alone(build: Build) -> None:
    poller = await a_poller(build)
    async with poller.world.database.begin() as tx:
        await connections.pause(tx, NAMES.a, "ines")
    paused = await poller.poll()
    assert (paused.outcome, paused.next_at) == ("paused", poller.world.clock.at + PAUSE)
    assert await poller.place() is None


# --------------------------------------------------------------------------------------------------------- failures
async def test_an_outage_raises_one_alert_once_it_lasts_and_clears_it_when_it_is_over(build: Build) -> None:
    poller = await a_poller(build, late_after="10m")
    connector = poller.world.connectors.a

    async def out(lasts: timedelta) -> list[str]:
        connector.interfere = once("before", "search", raising(SystemUnavailable("the line is dead")))
        with pytest.raises(SystemUnavailable):
            await poller.poll(lasts=lasts)
        return [alert.kind for alert in await poller.world.alerts()]

    assert await out(timedelta(minutes=1)) == []
    assert await out(timedelta(minutes=11)) == ["poll_late"]
    assert await out(timedelta(minutes=12)) == ["poll_late"]
    await poller.poll(lasts=timedelta(minutes=13))
    assert await poller.world.alerts() == []


async def test_a_connection_that_is_known_to_be_out_gets_no_second_alert(build: Build) -> None:
    poller = await a_poller(build)
    async with poller.world.database.begin() as tx:
        await connections.set_health(tx, NAMES.a, "unreachable", "the line is dead")
    poller.world.connectors.a.interfere = once("before", "search", raising(SystemUnavailable("dead")))
    with pytest.raises(SystemUnavailable):
        await poller.poll(lasts=LONG)
    assert await poller.world.alerts() == []


async def test_a_query_that_is_refused_is_told_at_once(build: Build) -> None:
    poller = await a_poller(build)
    poller.world.connectors.a.interfere = once("before", "search", raising(ConfigError("no such field")))
    with pytest.raises(ConfigError):
        await poller.poll()
    (alert,) = await poller.world.alerts()
    assert "no such field" in alert.message
