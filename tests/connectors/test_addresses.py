"""Where a connection may never lead."""

import asyncio
from typing import Any

import httpx
import pytest

from connectors.addresses import is_forbidden, is_loopback
from connectors.http import open_http, refuse_forbidden
from connectors.refusals import Aim, Dialect
from connectors.settings import HttpSettings, read_settings
from domain.errors import ConfigError

FORBIDDEN = ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "[::]", "[fd00:ec2::254]",
             "100.100.100.200", "metadata.google.internal", "METADATA.google.internal."]  # fmt: skip


@pytest.mark.parametrize("host", FORBIDDEN)
def test_a_metadata_service_is_refused_as_a_system(host: str) -> None:
    with pytest.raises(ConfigError, match=r"connection desk: url: .* is no system's address"):
        read_settings(HttpSettings, "desk", {"url": f"http://{host}/latest"})


@pytest.mark.parametrize("written", ["http://2852039166/", "http://0xa9fea9fe/", "http://169.254.43518/"])
def test_an_address_that_is_spelled_another_way_is_refused_too(written: str) -> None:
    with pytest.raises(ConfigError, match=r"169\.254\.169\.254"):
        read_settings(HttpSettings, "desk", {"url": written})


def test_a_proxy_is_held_to_the_same() -> None:
    with pytest.raises(ConfigError, match="proxy"):
        read_settings(HttpSettings, "desk", {"url": "https://desk.test", "proxy": "http://169.254.1.1:3128"})


@pytest.mark.parametrize(
    "host", ["desk.test", "10.0.0.7", "192.168.1.4", "localhost", "127.0.0.1", "[2001:db8::1]"]
)
def test_other_addresses_may_be_asked(host: str) -> None:
    assert not is_forbidden(host)


def test_loopback_is_told_by_name_and_number() -> None:
    inward = ["localhost", "LOCALHOST.", "desk.localhost", "127.0.0.9", "[::1]", "::ffff:127.0.0.1"]
    assert all(map(is_loopback, inward))
    assert not any(map(is_loopback, ["desk.test", "10.0.0.7", "localhost.test"]))


class Stream:
    """A connection that stands, to some address."""

    def __init__(self, address: str) -> None:
        self.address, self.is_closed = address, False

    def get_extra_info(self, name: str) -> Any:
        return (self.address, 80) if name == "server_addr" else None

    async def aclose(self) -> None:
        self.is_closed = True


async def test_a_name_that_leads_to_a_forbidden_address_is_hung_up_on() -> None:
    bad, good = Stream("169.254.169.254"), Stream("10.0.0.7")
    with pytest.raises(ConfigError, match=r"resolves to 169\.254\.169\.254"):
        await refuse_forbidden("connection.connect_tcp.complete", {"return_value": bad})
    await refuse_forbidden("connection.connect_tcp.complete", {"return_value": good})
    assert (bad.is_closed, good.is_closed) == (True, False)


async def test_every_request_looks_where_it_has_been_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over a real socket: the address counts as forbidden here, and not one byte of the credentials arrives."""
    heard = bytearray()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend(await reader.read(-1))
        writer.close()

    monkeypatch.setattr("connectors.http.is_forbidden", lambda host: host == "127.0.0.1")
    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = HttpSettings(url=f"http://localhost:{port}")
    http = open_http(Dialect("Desk"), settings, headers={"Authorization": "Bearer top-secret"})
    async with server:
        with pytest.raises(ConfigError, match="never asked"):
            await http.call("GET", "/", aim=Aim.PROBE)
        await http.aclose()
    assert heard == b""


async def test_credentials_stay_home_when_a_system_sends_us_elsewhere() -> None:
    asked: list[httpx.URL] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        return httpx.Response(307, headers={"location": "http://169.254.169.254/latest"})

    settings = HttpSettings(url="https://desk.test")
    http = open_http(Dialect("Desk"), settings, transport=httpx.MockTransport(answer))
    with pytest.raises(Exception, match="307"):
        await http.call("GET", "/x", aim=Aim.PROBE)
    assert [url.host for url in asked] == ["desk.test"]
