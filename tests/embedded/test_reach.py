import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded.errors import SettingRefused, Unreachable
from embedded.ports import LOOPBACK, choose_port
from embedded.reach import require_database, require_temporal


@pytest.fixture
def listening_port() -> Iterator[int]:
    with socket.create_server((LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


async def test_a_database_that_answers_is_accepted(listening_port: int) -> None:
    await require_database(f"postgresql+psycopg://me:secret@{LOOPBACK}:{listening_port}/accord")


async def test_a_database_on_a_unix_socket_is_accepted(var: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(var / ".s.PGSQL.5433"))
        server.listen()
        await require_database(f"postgresql+psycopg://me@:5433/accord?host={var}")


async def test_a_silent_database_is_named_without_its_password() -> None:
    port = choose_port(0, "unused")
    with pytest.raises(Unreachable, match=f"PostgreSQL .*{LOOPBACK}:{port}.*ACCORD_DATABASE_URL") as refusal:
        await require_database(f"postgresql+psycopg://me:secret@{LOOPBACK}:{port}/accord")
    assert "secret" not in str(refusal.value)


async def test_a_silent_temporal_server_is_named() -> None:
    port = choose_port(0, "unused")
    with pytest.raises(Unreachable, match=f"Temporal .*{LOOPBACK}:{port}.*ACCORD_TEMPORAL_ADDRESS"):
        await require_temporal(f"{LOOPBACK}:{port}")


async def test_a_temporal_server_that_answers_is_accepted(listening_port: int) -> None:
    await require_temporal(f"{LOOPBACK}:{listening_port}")


async def test_an_address_without_a_proper_port_is_refused_by_name() -> None:
    with pytest.raises(SettingRefused, match="ACCORD_TEMPORAL_ADDRESS"):
        await require_temporal("temporal:http")
