import pytest

from store import brakes
from store.database import Tx

pytestmark = pytest.mark.stack


async def test_a_brake_keeps_the_reason_given_first(tx: Tx) -> None:
    assert await brakes.pull(tx, "incidents", "23 of 40 records vanished", "mass_change")
    assert not await brakes.pull(tx, "incidents", "maintenance", "ines")
    brake = (await brakes.get_all(tx))["incidents"]
    assert (brake.reason, brake.by) == ("23 of 40 records vanished", "mass_change")


async def test_a_released_integration_goes_on(tx: Tx) -> None:
    await brakes.pull(tx, "incidents", "maintenance", "ines")
    assert await brakes.release(tx, "incidents")
    assert not await brakes.release(tx, "incidents")
    assert await brakes.get_all(tx) == {}
