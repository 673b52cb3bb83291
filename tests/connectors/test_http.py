from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
import uvloop
from pydantic import BaseModel

from connectors.http import HttpConnection, open_http, path_of
from connectors.refusals import Aim, Dialect
from connectors.settings import HttpSettings
from domain.errors import ConfigError, RecordHidden, StopRecord, SystemUnavailable
from domain.records import RecordRef
from lab.systems.receiver import hanging_up, turned_until

REF = RecordRef(connection="c", record_type="t", id="7")
Answer = Callable[[httpx.Request], httpx.Response]


def connection(answer: Answer, **settings: Any) -> HttpConnection:
    read = HttpSettings(url="http://system.test/base", **settings)
    return open_http(Dialect("System"), read, secrets=["s3cret", ""], transport=httpx.MockTransport(answer))


async def read(http: HttpConnection, path: str = "/records/7") -> Any:
    return (await http.call("GET", path, aim=Aim.READ, ref=REF)).body


async def test_an_answer_is_read_below_the_configured_address() -> None:
    http = connection(lambda request: httpx.Response(200, json={"url": str(request.url)}))
    assert await read(http) == {"url": "http://system.test/base/records/7"}


@pytest.mark.parametrize("path", ["//evil.test/x", "/%2F%2Fevil.test", "/records/..%2F..%2Fx"])
async def test_no_path_leads_to_another_host(path: str) -> None:
    http = connection(lambda request: httpx.Response(200, json=request.url.host))
    assert await read(http, path) == "system.test"


async def test_a_redirect_is_not_followed() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(302, headers={"Location": "http://evil.test/"})

    with pytest.raises(SystemUnavailable, match="answered 302"):
        await read(connection(answer))
    assert asked == ["system.test"]


async def test_a_page_for_people_is_no_answer() -> None:
    http = connection(lambda _: httpx.Response(200, html="<h1>hibernating</h1>"))
    with pytest.raises(SystemUnavailable, match="other than JSON"):
        await read(http)


async def test_an_empty_answer_is_none() -> None:
    assert await read(connection(lambda _: httpx.Response(204))) is None


async def test_an_answer_beyond_the_bound_is_not_kept() -> None:
    sent = 0

    async def flood() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 1
            yield b"x" * 1024

    http = connection(lambda _: httpx.Response(200, content=flood()))
    http.max_bytes = 10 * 1024
    with pytest.raises(StopRecord, match="allowed size"):
        await read(http)
    assert sent < 20


async def test_secrets_and_floods_stay_out_of_messages() -> None:
    text = "bad token s3cret\n" + "x" * 5000
    http = connection(lambda _: httpx.Response(503, text=text))
    with pytest.raises(SystemUnavailable) as refused:
        await read(http)
    assert "s3cret" not in str(refused.value)
    assert "bad token ***" in str(refused.value)
    assert len(str(refused.value)) < 500
    assert refused.value.evidence == {"method": "GET", "path": "/records/7", "status": 503}


@pytest.mark.parametrize(
    ("failure", "sent"),
    [
        (httpx.ConnectError("refused"), False),
        (httpx.ConnectTimeout("slow"), False),
        (httpx.PoolTimeout("busy"), False),
        (httpx.ReadTimeout("slow"), True),
        (httpx.ReadError("reset"), True),
        (httpx.WriteError("reset"), True),
        (httpx.RemoteProtocolError("closed"), True),
    ],
)
async def test_a_failure_says_whether_the_request_may_have_arrived(failure: Exception, sent: bool) -> None:  # noqa: FBT001 - a column of the table
    def fail(_: httpx.Request) -> httpx.Response:
        raise failure

    with pytest.raises(SystemUnavailable) as lost:
        await read(connection(fail))
    assert lost.value.evidence["sent"] is sent


@pytest.mark.parametrize("turn", range(10))
def test_a_system_that_hangs_up_at_once_is_unavailable(turn: int) -> None:
    """On the worker's own kind of event loop, which at some turn hears of the connection and of its end together."""

    async def met() -> None:
        http = open_http(Dialect("System"), HttpSettings(url=url))
        reading = asyncio.create_task(read(http))
        await turned_until(reading.done, turn)
        with pytest.raises(SystemUnavailable):
            await reading
        await http.aclose()

    with hanging_up() as url:
        uvloop.run(met())


async def test_a_trickling_answer_ends_at_the_total_time() -> None:
    async def trickle() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.005)

    http = connection(lambda _: httpx.Response(200, content=trickle()), timeout=timedelta(seconds=0.1))
    with pytest.raises(SystemUnavailable, match="gave no answer"):
        await read(http)


async def test_a_shape_that_was_not_expected_is_named() -> None:
    class Shape(BaseModel):
        name: str

    http = connection(lambda _: httpx.Response(200, json={"name": 3}))
    reply = await http.call("GET", "/x", aim=Aim.QUERY)
    with pytest.raises(SystemUnavailable, match="name: Input should be a valid string"):
        reply.read_as(Shape)


async def test_without_a_date_there_is_no_reading() -> None:
    http = connection(lambda _: httpx.Response(204))
    await read(http)
    with pytest.raises(SystemUnavailable, match="clock_bound"):
        http.reading()


async def test_an_address_of_another_scheme_is_a_mistake() -> None:
    http = open_http(Dialect("System"), HttpSettings(url="http://system.test"))
    http.client.base_url = httpx.URL("gopher://system.test")
    with pytest.raises(ConfigError):
        await read(http)
    await http.aclose()


def test_an_id_stays_in_its_place() -> None:
    assert path_of("records", "a/../b?c=d#e") == "/records/a%2F..%2Fb%3Fc%3Dd%23e"


@pytest.mark.parametrize("part", ["", ".", ".."])
def test_a_dot_segment_names_no_record(part: str) -> None:
    with pytest.raises(RecordHidden):
        path_of("records", part)
