"""Rates as operators see them, and the alerts on them that a running gateway keeps."""

from __future__ import annotations

import httpx
import pytest

from store.database import Database
from tests.activities.world import NAME, declaration
from tests.gateway.house import House, a_house, eventually, served

pytestmark = pytest.mark.stack

OFTEN = {"when": "review_rate > 0 per 1h", "notify": "ops"}


async def kinds(client: httpx.AsyncClient) -> list[str]:
    return [alert["kind"] for alert in (await client.get("/api/alerts")).json()]


async def test_a_gateway_raises_the_declared_alert_and_shows_the_rate_by_field_and_system(
    database: Database, temporal_address: str
) -> None:
    async with a_house(database, temporal_address, declaration(alerts=[OFTEN])) as house:
        async with served(house.accord) as client:
            assert await kinds(client) == []
            await house.in_review()

            async def stands() -> bool:
                return await kinds(client) == ["rate"]

            await eventually(stands)
            await house.operations.reviews.decide("ticket-1", "side", by="ines", side="Left")
            (shown,) = (await client.get("/api/rates", params={"integration": NAME, "hours": 2})).json()
        assert shown["within"] == "2h"
        (field,) = shown["fields"]
        assert (field["field"], field["conflicts"], field["per_hour"], field["reviews"]) == (
            "owner",
            1,
            0.5,
            1,
        )
        names = shown["systems"]
        assert field["overruled"] == shown["overruled"] == {names[1]: 1}
        assert shown["rules"] == [{**OFTEN, "now": 1, "stands": True}]


async def test_nothing_logged_is_an_empty_list(house: House, client: httpx.AsyncClient) -> None:
    assert house.database is not None
    (shown,) = (await client.get("/api/rates")).json()
    assert (shown["integration"], shown["fields"], shown["rules"]) == (NAME, [], [])
    assert (await client.get("/api/rates", params={"integration": "nobody"})).status_code == 404
