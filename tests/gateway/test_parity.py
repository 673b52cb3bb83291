"""Whether both sides agree, and sweeps that find what nobody told."""

from contextlib import suppress
from datetime import timedelta

import httpx
import pytest
from temporalio.service import RPCError

from domain.sides import Side
from gateway.answers import PairParity, ParityShown, SweepShown
from gateway.finding import Unknown
from store import deliveries
from store.pairs import PairRow
from tests.activities.world import NAME
from tests.gateway.house import House, eventually

pytestmark = pytest.mark.stack


async def share(house: House) -> ParityShown:
    return await house.operations.parity.of_integration(NAME)


async def standing(house: House, pair: PairRow) -> PairParity:
    return await house.operations.parity.of_pair(pair.id)


async def sweep(house: House) -> SweepShown:
    """One sweep by this house's worker; another house's on the same server is ended first."""
    with suppress(RPCError):
        await house.accord.temporal.get_workflow_handle(f"sweep/{NAME}").terminate()
    return await house.operations.parity.sweep(NAME, patience=timedelta(seconds=60))


async def relayed(house: House, client: httpx.AsyncClient) -> bool:
    """Whether the gateway's relay has signalled all that the sweep kept."""
    del client  # it is served as long as the test wants it
    async with house.database.begin() as tx:
        return not await deliveries.unsignalled(tx, older_than=timedelta(0))


async def test_an_edit_that_nobody_told_of_is_found_and_carried_and_the_next_sweep_finds_nothing(
    house: House, client: httpx.AsyncClient
) -> None:
    await house.linked_in_step()
    house.world.edit(Side.A, title="Printer on fire")
    found = await sweep(house)
    assert (found.listed, found.behind, found.unlisted) == (2, 1, 0)

    async def arrived() -> bool:
        return house.world.shows(Side.B, "summary") == "Printer on fire"

    await eventually(arrived)
    await eventually(lambda: relayed(house, client))
    before = house.world.versions()
    again = await sweep(house)
    assert (again.behind, again.unlisted) == (0, 0)
    assert house.world.versions() == before


async def test_a_record_that_vanished_untold_is_found_by_not_being_listed(
    house: House, client: httpx.AsyncClient
) -> None:
    pair = await house.linked_in_step()
    house.world.systems[Side.B].records["1"].deleted = True
    found = await sweep(house)
    assert (found.behind, found.unlisted) == (0, 1)
    await eventually(lambda: relayed(house, client))

    async def noticed() -> bool:
        return (await house.operations.pairs.find(pair.id)).state != ["in_sync"]

    await eventually(noticed)


async def test_a_pair_in_step_says_since_when_and_a_pass_that_changes_nothing_does_not_move_that(
    house: House,
) -> None:
    pair = await house.linked_in_step()
    first = await standing(house, pair)
    assert (first.in_step, first.why, first.fields) == (True, (), {})
    house.world.edit(Side.A, title="Printer on fire")
    await house.operations.controls.sync(pair.id, by="ines")

    async def arrived() -> bool:
        return house.world.shows(Side.B, "summary") == "Printer on fire"

    await eventually(arrived)
    assert (await standing(house, pair)).since == first.since
    counted = await share(house)
    assert (counted.pairs, counted.in_step, counted.share, counted.oldest) == (1, 1, 1.0, None)


async def test_a_contested_field_is_why_a_pair_differs(house: House) -> None:
    pair = await house.in_review()
    shown = await standing(house, pair)
    assert (shown.in_step, shown.why, shown.fields) == (False, ("pending",), {"owner": "pending"})
    counted = await share(house)
    assert (counted.in_step, counted.states) == (0, {"pending_review": 1})
    assert counted.oldest == shown.since
    assert [one.id for one in counted.differing] == [pair.id]


async def test_a_paused_pair_is_late(house: House) -> None:
    pair = await house.linked_in_step()
    await house.operations.controls.tell(pair.id, "pause", by="ines")

    async def is_paused() -> bool:
        return "paused" in (await house.operations.pairs.find(pair.id)).state

    await eventually(is_paused)
    assert (await standing(house, pair)).why == ("late",)


async def test_the_api_tells_the_same(house: House, client: httpx.AsyncClient) -> None:
    pair = await house.linked_in_step()
    shares = (await client.get("/api/parity")).json()
    assert [(one["integration"], one["pairs"], one["in_step"]) for one in shares] == [(NAME, 1, 1)]
    assert (await client.get(f"/api/parity/{NAME}")).json()["differing"] == []
    assert (await client.get(f"/api/pairs/{pair.id}/parity")).json()["in_step"] is True
    assert (await client.get("/api/parity/nobody")).status_code == 404


async def test_an_unknown_integration_cannot_be_swept(house: House) -> None:
    with pytest.raises(Unknown, match="no integration 'nobody'"):
        await house.operations.parity.sweep("nobody", patience=timedelta(seconds=1))
