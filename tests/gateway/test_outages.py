"""A system that is out, refuses our credentials, or has had enough: one alert, others go on, it resumes by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from activities.gating import LOOK_EVERY
from embedded.ports import choose_port
from embedded.supervisor import Supervisor
from embedded.temporal import TemporalServer, find_temporal
from gateway.finding import Unknown
from gateway.watching import Watch
from lab.systems.faults import Fault
from store import deliveries
from tests.gateway.house import eventually
from tests.gateway.town import Town, a_town

pytestmark = pytest.mark.stack


@pytest.fixture
async def town(database_url: str, temporal_address: str, tmp_path: Path) -> AsyncIterator[Town]:
    async with a_town(database_url, temporal_address, tmp_path) as opened:
        await opened.open_worker()
        await opened.hear()
        yield opened


async def test_an_outage_is_one_alert_others_go_on_and_what_waited_goes_on_by_itself(town: Town) -> None:
    waiting, other = await town.link("alpha_beta", 6), await town.link("alpha_gamma", 2)
    beta = town.systems["beta"].control
    number = await beta.arm(Fault(effect="outage"))
    await town.edit(waiting, "edited")
    await eventually(lambda: town.is_closed("beta"))
    await eventually(lambda: all_are(town, waiting, "unreachable"))
    assert [(alert.kind, alert.key) for alert in await town.alerts()] == [("connection", "connection/beta")]
    assert "beta doesn't answer" in (await town.operations.pairs.find(waiting[0].id)).waits_for

    await town.edit(other, "edited too")
    await eventually(lambda: town.shows(other, "edited too"))

    await beta.disarm(number)
    await eventually(lambda: town.shows(waiting, "edited"))
    await eventually(lambda: all_are(town, waiting, "in_sync"))
    assert await town.alerts() == []
    assert await town.is_open("beta")


async def test_while_it_is_known_to_be_out_only_probes_are_sent(town: Town) -> None:
    pairs = await town.link("alpha_beta", 6)
    beta = town.systems["beta"].control
    await beta.arm(Fault(effect="outage"))
    await town.edit(pairs, "edited")
    await eventually(lambda: all_are(town, pairs, "unreachable"))
    since = (await beta.journal())[-1].n
    await town.edit(pairs, "edited again")
    await eventually(lambda: probed(town, since))
    assert {entry.path for entry in await beta.journal(since)} == {"/capabilities"}


async def test_refused_credentials_are_tried_seldom_and_new_ones_at_once(town: Town) -> None:
    pairs = await town.link("alpha_beta", 4)
    beta = town.systems["beta"].control
    since = (await beta.journal())[-1].n
    await beta.change_settings(token="rotated")
    await town.edit(pairs, "edited")
    await eventually(lambda: all_are(town, pairs, "unreachable"))
    row = await town.connection("beta")
    assert row is not None
    assert row.health == "refused"
    assert [alert.key for alert in await town.alerts()] == ["connection/beta"]
    refused = [entry for entry in await beta.journal(since) if entry.status == 401]
    assert len(refused) <= 2 * len(pairs)

    town.write_secret("beta", "rotated")
    await eventually(lambda: town.shows(pairs, "edited"))
    assert await town.alerts() == []
    late = [entry for entry in await beta.journal(refused[-1].n) if entry.status == 401]
    assert len(late) <= 2


async def test_an_asked_pause_is_kept(town: Town) -> None:
    pairs = await town.link("alpha_beta", 6)
    beta = town.systems["beta"].control
    since = (await beta.journal())[-1].n
    storm = Fault(effect="status", status=429, headers={"Retry-After": "12"}, times=3)
    await beta.arm(storm)
    await town.edit(pairs, "edited")
    await eventually(lambda: town.is_closed("beta"))
    await eventually(lambda: town.shows(pairs, "edited"), 90)
    journal = await beta.journal(since)
    refused = [entry.at for entry in journal if entry.status == 429]
    early = [entry for entry in journal if refused[0] + 1 < entry.at < refused[0] + 12]
    assert early == []
    assert await town.alerts() == []


async def test_a_paused_connection_is_asked_nothing_and_what_waited_goes_on_once_it_is_resumed(
    town: Town,
) -> None:
    waiting, other = await town.link("alpha_beta", 4), await town.link("alpha_gamma", 1)
    desk = town.operations.connections
    assert "is paused by ines" in (await desk.pause("beta", by="ines", reason="upgrade")).message
    await asyncio.sleep(2 * LOOK_EVERY)  # until every gate has looked
    since = await town.requests("beta")

    await town.edit([*waiting, *other], "edited")
    await eventually(lambda: town.shows(other, "edited"))
    await eventually(lambda: all_are(town, waiting, "unreachable"))
    assert await town.requests("beta") == since
    assert "paused by ines" in (await town.operations.pairs.find(waiting[0].id)).waits_for
    beta = {one.name: one for one in await desk.listed()}["beta"]
    assert (beta.state, beta.reason, beta.waiting) == ("paused", "by ines: upgrade", 4)
    assert await town.alerts() == []

    await desk.resume("beta", by="ines")
    await eventually(lambda: town.shows(waiting, "edited"))
    await eventually(lambda: all_are(town, waiting, "in_sync"))


async def test_a_connection_that_is_not_configured_cannot_be_paused(town: Town) -> None:
    with pytest.raises(Unknown, match="no connection is called 'betta'; configured are alpha, beta, gamma"):
        await town.operations.connections.pause("betta", by="ines")


async def all_are(town: Town, pairs: list, state: str) -> bool:  # type: ignore[type-arg]
    return set(await town.states(pairs)) == {state}


async def probed(town: Town, since: int) -> bool:
    return await town.requests("beta", since) > 0


async def test_what_is_heard_while_temporal_is_out_is_not_lost_though_no_sender_repeats_it(
    database_url: str, tmp_path: Path
) -> None:
    server = TemporalServer(
        find_temporal(None), tmp_path / "temporal.db", choose_port(0, "unused"), ui_port=None
    )
    async with Supervisor(tmp_path / "var") as supervisor:
        await supervisor.start(server.child())
        await server.prepare()
        async with a_town(database_url, server.address, tmp_path) as town:
            await town.open_worker()
            await town.hear()
            pairs = await town.link("alpha_beta", 4)
            await town.systems["alpha"].control.change_settings(webhook_retries=0)
            await supervisor.stop(server.child().name)
            await town.edit(pairs, "edited meanwhile")
            await eventually(lambda: are_kept(town, len(pairs)))
            await supervisor.start(server.child())
            await eventually(lambda: town.shows(pairs, "edited meanwhile"))


async def test_the_end_of_credentials_is_foretold_until_they_are_replaced(
    database_url: str, temporal_address: str, tmp_path: Path
) -> None:
    async with a_town(database_url, temporal_address, tmp_path, beta={"expires": "2026-12-01"}) as town:
        watch = Watch(town.accord)
        await watch.foretell(date(2026, 11, 1))
        assert await town.alerts() == []
        for _ in range(2):
            await watch.foretell(date(2026, 11, 20))
        assert [(alert.kind, alert.key) for alert in await town.alerts()] == [("expiry", "expiry/beta")]
        await watch.foretell(date(2026, 10, 1))
        assert await town.alerts() == []


async def test_operators_see_which_connection_is_out_and_what_waits_for_it(town: Town) -> None:
    pairs = await town.link("alpha_beta", 3)
    await town.systems["beta"].control.arm(Fault(effect="outage"))
    await town.edit(pairs, "edited")
    await eventually(lambda: all_are(town, pairs, "unreachable"))
    shown = {one.name: one for one in await town.operations.connections.listed()}
    assert (shown["beta"].state, shown["beta"].waiting) == ("unreachable", 3)
    assert shown["beta"].reason
    assert shown["alpha"].state == "ok"
    assert shown["alpha"].heard_at
    assert shown["alpha"].ways == "webhook, poll every 5m"
    assert shown["alpha"].exposure is not None
    assert shown["alpha"].exposure >= timedelta(minutes=5)


async def are_kept(town: Town, number: int) -> bool:
    """So many deliveries wait to be signalled."""
    async with town.database.begin() as tx:
        return len(await deliveries.unsignalled(tx, older_than=timedelta(0))) >= number
