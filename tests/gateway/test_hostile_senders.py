"""Senders that mean harm, over raw sockets: refused cheaply, kept nowhere, and others are answered meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pytest

from domain.sides import Side
from gateway import body as bodies
from gateway.body import MOST_BYTES
from gateway.depth import MOST_DEPTH
from gateway.patience import PatientProtocol
from store import deliveries
from tests.gateway.house import House, deliver, outcome, signed

pytestmark = pytest.mark.stack

JSON = {"content-type": "application/json"}


@asynccontextmanager
async def connected(
    client: httpx.AsyncClient,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
    try:
        yield reader, writer
    finally:
        writer.close()


def head(**more: str) -> bytes:
    named = {"host": "accord", "content_type": "application/json", **more}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in named.items()]
    return "\r\n".join(["POST /webhooks/left HTTP/1.1", *lines, "", ""]).encode()


async def status(reader: asyncio.StreamReader) -> int:
    line = await asyncio.wait_for(reader.readline(), 20)
    return int(line.split()[1])


async def kept(house: House) -> int:
    async with house.database.begin() as tx:
        return len(await deliveries.unsignalled(tx, older_than=timedelta(0)))


async def test_a_large_body_is_refused_by_its_announcement(client: httpx.AsyncClient) -> None:
    async with connected(client) as (reader, writer):
        writer.write(head(content_length="50000000"))
        assert await status(reader) == 413


async def test_a_large_body_without_announcement_is_refused_where_it_grows_too_large(
    client: httpx.AsyncClient,
) -> None:
    async with connected(client) as (reader, writer):
        writer.write(head(transfer_encoding="chunked"))
        part = b"x" * 65_536
        for _ in range(MOST_BYTES // len(part) + 2):
            writer.write(b"%x\r\n" % len(part) + part + b"\r\n")
            await writer.drain()
        assert await status(reader) == 413


async def test_who_sends_all_of_a_large_body_still_sees_the_answer(client: httpx.AsyncClient) -> None:
    answer = await client.post("/webhooks/left", content=b"x" * 20_000_000, headers=JSON)
    assert answer.status_code == 413


async def test_a_refused_body_that_never_ends_is_not_listened_to_for_long(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PatientProtocol, "head_patience", 0.5)
    async with connected(client) as (reader, writer):
        writer.write(head(content_length="50000000000"))
        assert await status(reader) == 413
        with pytest.raises(ConnectionError):
            await pour(writer)


async def pour(writer: asyncio.StreamWriter) -> None:
    """Send until the other side hangs up."""
    async with asyncio.timeout(20):
        while True:
            writer.write(b"x" * 1000)
            await writer.drain()
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
async def test_what_is_said_to_be_no_json_is_refused_without_its_body(
    client: httpx.AsyncClient, kind: str
) -> None:
    async with connected(client) as (reader, writer):
        writer.write(head(content_type=kind, content_length="1000"))
        assert await status(reader) == 415


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON; charset=UTF-8", "application/cloudevents+json"]
)
async def test_every_spelling_of_json_is_taken(house: House, client: httpx.AsyncClient, kind: str) -> None:
    answer = await deliver(client, house.notice(Side.A), **{"content-type": kind})
    assert outcome(answer) == (200, "ignored")


async def test_a_signed_body_that_nests_too_deeply_is_refused(
    house: House, client: httpx.AsyncClient
) -> None:
    body = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    answer = await client.post("/webhooks/left", content=body, headers=signed(body))
    assert (answer.status_code, answer.json()["detail"]) == (400, f"nested more than {MOST_DEPTH} deep")
    assert await kept(house) == 0


async def test_an_unsigned_body_is_refused_before_anybody_looks_at_its_depth(
    client: httpx.AsyncClient,
) -> None:
    body = b"[" * 100_000
    answer = await client.post("/webhooks/left", content=body, headers=signed(body, secret="guessed"))
    assert answer.status_code == 401


async def test_others_are_answered_while_slow_bodies_drip(
    house: House, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.linked_in_step()
    monkeypatch.setattr(bodies, "PATIENCE", timedelta(seconds=1))
    async with asyncio.TaskGroup() as group:
        slow = [group.create_task(drip(client)) for _ in range(50)]
        await asyncio.sleep(0)
        assert outcome(await deliver(client, house.notice(Side.A))) == (200, "signalled")
    assert {one.result() for one in slow} == {408}


async def drip(client: httpx.AsyncClient) -> int:
    """One byte of a body now and then; how that ends."""
    async with connected(client) as (reader, writer):
        writer.write(head(content_length="1000"))
        answered = asyncio.create_task(status(reader))
        while not answered.done():
            writer.write(b"x")
            await asyncio.wait([answered], timeout=0.1)
        return answered.result()


@pytest.mark.parametrize(
    "said", [b"", b"POST /webhooks/left HTTP/1.1\r\nhost: acc"], ids=["nothing", "half a head"]
)
async def test_a_connection_without_a_whole_head_is_closed(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(PatientProtocol, "head_patience", 0.3)
    async with connected(client) as (reader, writer):
        writer.write(said)
        assert await asyncio.wait_for(reader.read(), 10) == b""


async def test_a_second_request_on_a_connection_has_its_own_time(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PatientProtocol, "head_patience", 0.3)
    async with connected(client) as (reader, writer):
        writer.write(b"GET /health HTTP/1.1\r\nhost: accord\r\n\r\n")
        assert await status(reader) == 200
        writer.write(b"GET /health HTTP/1.1\r\nhost: acc")
        await asyncio.wait_for(reader.read(), 10)


async def test_a_delivery_from_outside_the_window_is_refused_and_leaves_nothing(
    house: House, client: httpx.AsyncClient
) -> None:
    body = house.notice(Side.A).model_dump_json().encode()
    for at in (time.time() - 301, time.time() + 400):
        answer = await client.post("/webhooks/left", content=body, headers=signed(body, at=at))
        assert answer.status_code == 401
    assert await kept(house) == 0


@pytest.mark.parametrize("cut", [1, 32, 63])
async def test_the_beginning_of_a_signature_is_none(
    house: House, client: httpx.AsyncClient, cut: int
) -> None:
    body = house.notice(Side.A).model_dump_json().encode()
    headers = signed(body)
    headers["x-memory-signature"] = headers["x-memory-signature"][:-cut]
    assert (await client.post("/webhooks/left", content=body, headers=headers)).status_code == 401
    assert await kept(house) == 0
