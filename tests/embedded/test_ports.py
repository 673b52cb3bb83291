import os
import socket
from collections.abc import Iterator

import pytest

from embedded.errors import PortInUse
from embedded.ports import FREE_RANGE, LOOPBACK, choose_port


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server((LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


def test_a_free_port_is_taken_as_wanted() -> None:
    port = choose_port(0, "ACCORD_X_PORT")
    assert choose_port(port, "ACCORD_X_PORT") == port


def test_a_chosen_port_is_out_of_reach_of_outgoing_connections() -> None:
    assert choose_port(0, "ACCORD_X_PORT") in FREE_RANGE


def test_a_port_in_use_names_port_holder_and_setting(taken_port: int) -> None:
    with pytest.raises(PortInUse, match=rf"{taken_port} .*process {os.getpid()} .*ACCORD_X_PORT"):
        choose_port(taken_port, "ACCORD_X_PORT")


def test_a_port_just_closed_is_free_again() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection((LOOPBACK, port)), server.accept()[0]:
            pass
    assert choose_port(port, "ACCORD_X_PORT") == port
