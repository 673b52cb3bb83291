"""A body is read within bounds."""

from datetime import timedelta
from typing import Any

import pytest
from fastapi import HTTPException, Request

from gateway.body import read_body


def a_request(*messages: dict[str, Any], headers: dict[str, str] | None = None) -> Request:
    """A request whose body comes in these parts, and then nothing for ever."""
    left = list(messages)

    async def receive() -> dict[str, Any]:
        if left:
            return left.pop(0)
        raise TimeoutError  # what a sender that falls silent leads to

    raw = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    return Request({"type": "http", "method": "POST", "headers": raw}, receive)


def part(content: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.request", "body": content, "more_body": more}


async def test_parts_are_put_together() -> None:
    request = a_request(part(b"one ", more=True), part(b"two", more=False))
    assert await read_body(request) == b"one two"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (a_request(part(b"x", more=True)), 408),
        (a_request(part(b"x", more=True), {"type": "http.disconnect"}), 400),
        (a_request(part(b"xxxx", more=True), part(b"x", more=False)), 413),
        (a_request(headers={"content-length": "5"}), 413),
    ],
    ids=["falls silent", "breaks off", "grows too large", "announces too much"],
)
async def test_a_body_out_of_bounds_is_refused(request_: Request, status: int) -> None:
    with pytest.raises(HTTPException) as refused:
        await read_body(request_, most=4, patience=timedelta(seconds=1))
    assert refused.value.status_code == status
