"""Webhooks over real HTTP, into a real store, to workflows on a real Temporal server."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from connectors.memory.system import SOMEBODY
from domain.outcome import PlannedWrite, WritePlan
from domain.sides import Pair, Side
from gateway.assembly import temporal_client
from gateway.body import MOST_BYTES
from gateway.relay import Relay
from gateway.signaller import Signaller
from store import deliveries, ledger, plans, work
from store.database import Database
from store.ledger import Written
from store.pairs import PairRow
from store.plans import NewStep
from tests.activities.world import declaration
from tests.gateway.house import NOWHERE, House, a_house, deliver, eventually, outcome, served, signed

pytestmark = pytest.mark.stack

JSON = {"content-type": "application/json"}


async def waiting(house: House) -> int:
    """Deliveries that nobody has been told of."""
    async with house.database.begin() as tx:
        return len(await deliveries.unsignalled(tx, older_than=timedelta(0)))


async def all_told(house: House) -> bool:
    return await waiting(house) == 0


async def kept(house: House) -> int:
    async with house.database.begin() as tx:
        return await deliveries.keep(tx, "left", None, [house.notice(Side.A)]) or 0


async def test_an_edit_that_a_webhook_tells_of_arrives_on_the_other_side(
    house: House, client: httpx.AsyncClient
) -> None:
    await house.linked_in_step()
    house.world.edit(Side.A, title="Printer on fire")
    answer = await deliver(client, house.notice(Side.A))
    assert outcome(answer) == (200, "signalled")

    async def arrived() -> bool:
        return house.world.shows(Side.B, "summary") == "Printer on fire"

    await eventually(arrived)
    await eventually(lambda: all_told(house))


@pytest.mark.parametrize(
    "headers",
    [
        {"x-memory-signature": "sha256=" + "0" * 64},
        {"x-memory-signature": ""},
        {"x-memory-timestamp": "soon"},
        {"x-memory-timestamp": "1"},
    ],
)
async def test_a_delivery_without_a_valid_signature_is_refused_and_leaves_nothing(
    house: House, client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    pair = await house.linked_in_step()
    assert (await deliver(client, house.notice(Side.A), **headers)).status_code == 401
    assert await kept(house) == 1, "the first delivery that was ever kept"
    assert await house.signals(pair) == 1, "from its link"


async def test_a_signature_over_other_bytes_is_refused(house: House, client: httpx.AsyncClient) -> None:
    body = house.notice(Side.A).model_dump_json().encode()
    answer = await client.post("/webhooks/left", content=body[:-1], headers=signed(body))
    assert answer.status_code == 401


async def test_signed_bytes_that_are_no_delivery_are_a_bad_request(client: httpx.AsyncClient) -> None:
    assert (await client.post("/webhooks/left", content=b"{}", headers=signed(b"{}"))).status_code == 400


async def test_a_connection_that_takes_no_webhooks_is_not_found(client: httpx.AsyncClient) -> None:
    assert (await client.post("/webhooks/nobody", content=b"{}", headers=signed(b"{}"))).status_code == 404


async def test_a_body_that_is_too_large_is_refused_before_it_is_read(client: httpx.AsyncClient) -> None:
    async def parts() -> object:
        for _ in range(MOST_BYTES // 65_536 + 2):
            yield b"x" * 65_536

    announced = await client.post("/webhooks/left", content=b"x" * (MOST_BYTES + 1), headers=JSON)
    streamed = await client.post("/webhooks/left", content=parts(), headers=JSON)
    assert (announced.status_code, streamed.status_code) == (413, 413)


async def test_a_delivery_that_comes_again_changes_nothing(house: House, client: httpx.AsyncClient) -> None:
    pair = await house.linked_in_step()
    notice = house.notice(Side.A)
    assert outcome(await deliver(client, notice)) == (200, "signalled")
    assert outcome(await deliver(client, notice)) == (200, "seen_before")
    assert await house.signals(pair) == 2, "from its link, and the first time"


async def test_an_echo_of_our_own_write_costs_no_workflow_task(
    house: House, client: httpx.AsyncClient
) -> None:
    pair = await house.linked_in_step()
    house.world.edit(Side.A, title="Printer on fire")
    await deliver(client, house.notice(Side.A))

    async def written() -> bool:
        return bool((await house.operations.pairs.show(pair.id)).writes)

    await eventually(written)
    echo = await deliver(client, house.notice(Side.B))
    assert outcome(echo) == (200, "ignored")
    await eventually(lambda: all_told(house))
    assert await house.signals(pair) == 2, "from its link, and for the edit"


async def test_an_edit_after_our_own_write_is_no_echo(house: House, client: httpx.AsyncClient) -> None:
    pair = await house.linked_in_step()
    house.world.edit(Side.A, title="Printer on fire")
    await deliver(client, house.notice(Side.A))

    async def written() -> bool:
        return bool((await house.operations.pairs.show(pair.id)).writes)

    await eventually(written)
    house.world.edit(Side.B, summary="Printer replaced")
    assert outcome(await deliver(client, house.notice(Side.B))) == (200, "signalled")


async def test_a_record_without_a_pair_is_matched_where_the_declaration_wants_that(
    database: Database, temporal_address: str
) -> None:
    async with (
        a_house(database, temporal_address, declaration(match=["title"])) as house,
        served(house.accord) as client,
    ):
        assert outcome(await deliver(client, house.notice(Side.A))) == (200, "signalled")

        async def matched() -> bool:
            return len(await house.operations.pairs.listed()) == 1

        await eventually(matched)


async def test_a_record_that_nobody_declared_is_ignored(house: House, client: httpx.AsyncClient) -> None:
    house.world.systems.a.create("change", {"title": "x"}, SOMEBODY)
    notice = house.notice(Side.A, record_id="2")
    assert outcome(await deliver(client, notice)) == (200, "ignored")


async def test_a_delivery_is_kept_while_temporal_is_out_and_relayed_later(house: House) -> None:
    pair = await house.linked_in_step()
    house.world.edit(Side.A, title="Printer on fire")
    settings = house.accord.settings.model_copy(update={"temporal_address": NOWHERE})
    cut_off = house.without_temporal(await temporal_client(settings, lazy=True))
    async with served(cut_off) as client:
        assert outcome(await deliver(client, house.notice(Side.A))) == (202, "kept")
    assert await waiting(house) == 1

    signaller = Signaller(house.accord.context, house.accord.temporal, house.accord.settings.task_queue)
    assert await Relay(house.accord, signaller).relay() == 1

    async def arrived() -> bool:
        return house.world.shows(Side.B, "summary") == "Printer on fire"

    await eventually(arrived)
    assert (await waiting(house), pair.link) == (0, "active")


async def test_a_gateway_signals_by_itself_what_a_dead_one_kept(house: House) -> None:
    await house.linked_in_step()
    house.world.edit(Side.A, title="Printer on fire")
    assert await kept(house)
    async with served(house.accord):
        await eventually(lambda: all_told(house))


async def test_what_was_signalled_is_marked_when_the_gateway_stops(house: House) -> None:
    await house.linked_in_step()
    async with served(house.accord) as client:
        assert outcome(await deliver(client, house.notice(Side.A))) == (200, "signalled")
    assert await waiting(house) == 0


async def test_a_delivery_that_cannot_be_kept_must_be_sent_again(house: House) -> None:
    nowhere = Database("postgresql://nobody@127.0.0.1:1/none")
    cut_off = replace(house.accord, context=replace(house.accord.context, database=nowhere))
    async with served(cut_off) as client:
        assert (await deliver(client, house.notice(Side.A))).status_code == 503
        ready = await client.get("/ready")
        assert (ready.status_code, ready.json()) == (503, {"database": False, "temporal": True})
        assert (await client.get("/health")).status_code == 200


async def test_an_echo_that_comes_before_its_write_is_kept_waits_for_that_and_is_dropped(
    house: House, client: httpx.AsyncClient
) -> None:
    pair = await house.linked_in_step()
    step = await being_written(house, pair)
    before = await house.signals(pair)
    delivering = asyncio.create_task(deliver(client, house.notice(Side.B, version="77")))
    await eventually(lambda: waiting(house))
    await keep_write(house, pair, step, version="77")
    assert (await delivering).status_code == 200
    await eventually(lambda: all_told(house))
    assert await house.signals(pair) == before


async def test_an_edit_that_comes_while_we_write_is_told_once_the_write_is_kept(
    house: House, client: httpx.AsyncClient
) -> None:
    pair = await house.linked_in_step()
    step = await being_written(house, pair)
    before = await house.signals(pair)
    delivering = asyncio.create_task(deliver(client, house.notice(Side.B, version="78")))
    await eventually(lambda: waiting(house))
    await keep_write(house, pair, step, version="77")
    assert outcome(await delivering) == (200, "signalled")
    assert await house.signals(pair) == before + 1


async def being_written(house: House, pair: PairRow) -> int:
    """A write on the right side is under way; its step."""
    async with house.database.begin() as tx:
        last = (await work.load(tx, pair.id)).last
        assert last.a is not None
        assert last.b is not None
        write = PlannedWrite(side=Side.B, fields={"summary": "x"}, expect={"summary": "y"})
        step = NewStep(write.side, write.fields, write.expect)
        ids, plan = Pair(last.a.id, last.b.id), WritePlan(writes=(write,), settles=())
        made = await plans.create(tx, pair.id, pair.version, ids, [step], plan)
        await plans.claim(tx, made.steps[0].id, "attempt 1")
        return made.steps[0].id


async def keep_write(house: House, pair: PairRow, step: int, *, version: str) -> None:
    async with house.database.begin() as tx:
        await plans.finish_step(tx, step, "attempt 1", None, "done")
        await ledger.record(tx, pair.id, Written(Side.B, pair.ends.b.ref, version, {}, exact=True))
