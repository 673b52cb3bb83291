"""What a connection asks its gate, and what it tells it."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from connectors.http import open_http
from connectors.jira.dialect import JIRA
from connectors.refusals import Aim, Dialect
from connectors.settings import HttpSettings
from domain.errors import ConnectionClosed, RateLimited, SyncError
from domain.records import RecordRef

REF = RecordRef(connection="c", record_type="t", id="1")


class Porter:
    """Keeps what it is told."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.is_open = is_open
        self.pauses: list[timedelta | None] = []
        self.errors: list[SyncError] = []

    async def enter(self, aim: Aim) -> None:
        del aim
        if not self.is_open:
            raise ConnectionClosed("closed")

    def answered(self, pause: timedelta | None = None) -> None:
        self.pauses.append(pause)

    async def failed(self, aim: Aim, error: SyncError) -> None:
        del aim
        self.errors.append(error)


async def ask(porter: Porter, response: httpx.Response, dialect: Dialect = JIRA) -> list[httpx.Request]:
    """One write; the requests that left."""
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return response

    http = open_http(dialect, HttpSettings(url="http://system.test"), transport=httpx.MockTransport(answer))
    http.gate = porter
    try:
        await http.call("PUT", "/issue/1", aim=Aim.WRITE, ref=REF)
    except SyncError:
        pass
    finally:
        await http.aclose()
    return sent


async def test_a_closed_gate_lets_no_request_leave() -> None:
    assert await ask(Porter(is_open=False), httpx.Response(200, json={})) == []


async def test_every_failure_is_told() -> None:
    porter = Porter()
    await ask(porter, httpx.Response(503))
    assert [error.evidence["status"] for error in porter.errors] == [503]
    assert porter.pauses == []


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7),
        ({"X-RateLimit-Remaining": "3", "X-RateLimit-Reset": "2026-01-01T00:00:30Z"}, None),
        (
            {
                "Date": "Thu, 01 Jan 2026 00:00:00 GMT",
                "X-RateLimit-Remaining": "0",
                "X-RateLimit-Reset": "2026-01-01T00:00:30Z",
            },
            30,
        ),
    ],
)
async def test_what_a_good_answer_asks_for_is_told(headers: dict[str, str], seconds: int | None) -> None:
    porter = Porter()
    await ask(porter, httpx.Response(200, json={}, headers=headers))
    assert porter.pauses == [None if seconds is None else timedelta(seconds=seconds)]


@pytest.mark.parametrize(
    ("reason", "concerns"),
    [("jira-per-issue-on-write", "one record"), ("jira-burst-based", None)],
)
async def test_a_limit_of_one_issue_is_told_from_one_of_the_site(reason: str, concerns: str | None) -> None:
    porter = Porter()
    await ask(porter, httpx.Response(429, headers={"RateLimit-Reason": reason, "Retry-After": "2"}))
    [error] = porter.errors
    assert isinstance(error, RateLimited)
    assert error.evidence.get("concerns") == concerns
