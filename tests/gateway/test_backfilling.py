"""The initial load as its operator sees it: by the verb, between two real systems over HTTP, and by the API."""

import json

import httpx
import pytest

from tests.gateway.house import House, eventually
from tests.gateway.site import Site

pytestmark = pytest.mark.stack

SITE = """
name: tickets
a: {connection: left, record_type: ticket}
b: {connection: right, record_type: issue}
match: [number]
create: {when: "a.priority == '1'", direction: a_to_b}
defaults: {policy: [review]}
fields:
  - {name: number, a: number, b: ref}
  - {name: title, a: title, b: summary}
"""


async def test_it_plans_asks_loads_and_has_nothing_left_to_do(site: Site) -> None:
    for n in range(3):
        await site.twins(f"N{n}")
    await site.left.control.create("ticket", {"number": "C1", "title": "Fax", "priority": "1"})
    code, text = await site.accord("backfill", "tickets", "--dry-run")
    assert (code, "create left → right" in text) == (2, True)
    assert len(await site.summaries()) == 3
    code, text = await site.accord("backfill", "tickets", "--yes", "--json")
    shown = json.loads(text)
    assert (code, shown["progress"]["tally"]) == (0, shown["plan"])
    assert shown["plan"]["link"] == 3
    assert len(await site.summaries()) == 4
    assert (await site.accord("backfill", "tickets", "--dry-run"))[0] == 0


async def test_many_reviews_need_one_answer_and_that_answer_is_carried_out(site: Site) -> None:
    for n in range(3):
        await site.twins(f"N{n}", summary="Scanner")
    code, text = await site.accord("backfill", "tickets", "--yes", "--ask-above", "2")
    assert (code, "3 reviews would open" in text) == (1, True)
    code, text = await site.accord("pairs", "--json")
    assert json.loads(text) == []
    code, _ = await site.accord("backfill", "tickets", "--yes", "--ask-above", "2", "--on-differences", "a")
    assert code == 0

    async def told() -> list[str]:
        _, text = await site.accord("pairs", "--json")
        return [pair["id"] for pair in json.loads(text)]

    for pair in await told():  # as the gateway's relay does with what the load has kept
        await site.accord("sync", pair)

    async def carried() -> bool:
        return await site.summaries() == ["Printer"] * 3

    await eventually(carried)
    assert json.loads((await site.accord("reviews", "--json"))[1]) == []
    lines = json.loads((await site.accord("conflicts", "--json"))[1])
    assert [line["winner"].startswith("Plain LEFT") for line in lines] == [True] * 3


async def test_what_isnt_applied_cant_be_loaded(site: Site) -> None:
    code, text = await site.accord("backfill", "tikets", "--yes")
    assert (code, "tickets" in text) == (1, True)


async def test_the_api_begins_a_load_and_says_how_far_it_is(house: House, client: httpx.AsyncClient) -> None:
    begun = await client.post("/api/backfills/tickets", json={"by": "ines", "dry_run": True})
    assert begun.status_code == 202

    async def done() -> bool:
        found = await client.get("/api/backfills/tickets", params={"run": begun.json()["run"]})
        return bool(found.json()["progress"]["phase"] == "done")

    await eventually(done)
    found = (await client.get("/api/backfills/tickets")).json()
    assert (found["dry_run"], found["progress"]["tally"]["nothing"]) == (True, 2)
    assert (await client.get("/api/backfills/nobody")).status_code == 404


async def test_the_temporal_ui_says_how_far_it_is(house: House) -> None:
    run = await house.operations.backfills.start("tickets", by="ines", dry_run=True)

    async def done() -> bool:
        return (await house.operations.backfills.show("tickets", run)).progress.is_done

    await eventually(done)
    handle = house.accord.temporal.get_workflow_handle("backfill/tickets")
    state = await handle.query("state")
    details = await handle.query("__temporal_workflow_metadata")
    assert state["progress"]["tally"]["nothing"] == 2
    assert "Plans the initial load of tickets" in str(details)
