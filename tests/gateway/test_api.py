"""The JSON API over real HTTP."""

from dataclasses import replace

import httpx
import pytest
from pydantic import SecretStr

from tests.gateway.house import House, eventually, served

pytestmark = pytest.mark.stack


async def test_pairs_reviews_and_decisions_are_reached_by_a_tickets_key(
    house: House, client: httpx.AsyncClient
) -> None:
    pair = await house.in_review()
    listed = (await client.get("/api/pairs", params={"state": "pending_review"})).json()
    assert [one["id"] for one in listed] == [pair.id]
    shown = (await client.get("/api/pairs/TICKET-1")).json()
    assert shown["pair"]["waits_for"] == "a decision on owner"
    (review,) = (await client.get("/api/reviews", params={"pair": "TICKET-1"})).json()
    answer = await client.post(
        "/api/reviews/TICKET-1/decision", json={"choice": "side", "side": "Left", "by": "ines"}
    )
    assert (answer.status_code, answer.json()["outcome"]) == (200, "accepted")
    late = await client.post(
        f"/api/reviews/{review['token']}/decision", json={"choice": "approve", "by": "tom"}
    )
    assert (late.status_code, late.json()["refusal"]) == (409, "already_decided")
    assert (await client.get("/api/conflicts")).json()[0]["by"] == "ines"
    assert (await client.get(f"/api/pairs/{pair.id}/history")).json()["lines"]
    assert (await client.get("/api/alerts")).status_code == 200


async def test_wishes_are_passed_on(house: House, client: httpx.AsyncClient) -> None:
    linked = await client.post(
        "/api/links", json={"integration": "tickets", "a": "TICKET-1", "b": "TICKET-1", "by": "ines"}
    )
    assert linked.status_code == 201
    assert (await client.post("/api/pairs/TICKET-1/sync", json={"by": "ines"})).status_code == 202
    assert (await client.post("/api/pairs/TICKET-1/pause", json={"by": "ines"})).status_code == 202

    async def paused() -> bool:
        return "paused" in (await client.get("/api/pairs/TICKET-1")).json()["pair"]["states"]

    await eventually(paused)
    assert (await client.post("/api/pairs/TICKET-1/explode", json={"by": "ines"})).status_code == 422
    assert (await client.post("/api/pairs/TICKET-1/pause", json={})).status_code == 422


async def test_errors_have_one_shape(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/pairs/INC0012")
    assert answer.status_code == 404
    assert answer.json()["error"]["type"] == "Unknown"


@pytest.mark.parametrize(
    "headers",
    [
        {"x-forwarded-for": "127.0.0.1"},
        {"host": "rebound.example"},
        {"origin": "https://evil.example"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
    ],
    ids=[
        "forwarded",
        "a rebound name",
        "a page in a browser",
        "another port",
        "no origin",
        "by the browser's word",
    ],
)
async def test_without_a_token_only_this_machine_is_answered(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    assert (await client.get("/api/pairs")).status_code == 200
    assert (await client.get("/api/pairs", headers=headers)).status_code == 403


async def test_with_a_token_only_who_has_it_is_answered(house: House) -> None:
    settings = house.accord.settings.model_copy(update={"api_token": SecretStr("t0ken")})
    async with served(replace(house.accord, settings=settings)) as client:
        tried = [
            (await client.get("/api/pairs", headers={"authorization": given})).status_code
            for given in ("Bearer t0ken", "Bearer wrong", "Basic t0ken", "")
        ]
        assert tried == [200, 401, 401, 401]
        assert (await client.get("/health")).status_code == 200


async def test_a_form_of_another_site_decides_nothing(house: House, client: httpx.AsyncClient) -> None:
    pair = await house.in_review()
    body = b'{"by": "mallory", "choice": "side", "side": "a"}'
    path = f"/api/reviews/{pair.id}/decision"
    for kind in ("text/plain", "application/json"):
        from_elsewhere = {"content-type": kind, "origin": "https://evil.example"}
        assert (await client.post(path, content=body, headers=from_elsewhere)).status_code == 403
    no_json = await client.post(path, content=body, headers={"content-type": "text/plain"})
    assert no_json.status_code == 422
    assert len(await house.operations.reviews.listed(named=pair.id)) == 1
