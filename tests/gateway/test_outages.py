"""A system that is out, refuses our credentials, or has had enough: one alert, others go on, it resumes by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lab.systems.faults import Fault
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


async def all_are(town: Town, pairs: list, state: str) -> bool:  # type: ignore[type-arg]
    return set(await town.states(pairs)) == {state}


async def probed(town: Town, since: int) -> bool:
    return await town.requests("beta", since) > 0
