"""The connector against answers that a simulator gives rarely or never."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from connectors.pagerduty.connector import PagerDutyConnector, build
from domain.errors import ConfigError, CredentialsRefused, RateLimited, RecordHidden, RecordRejected
from domain.records import RecordRef, Snapshot

REF = RecordRef(connection="pd", record_type="incident", id="P1")
SETTINGS = {"token": "top-secret", "from_email": "us@x.test", "service": "PS1"}
Answer = httpx.Response | Callable[[httpx.Request], httpx.Response]
PRIORITIES = {"priorities": [{"id": "PP1", "name": "P1"}]}


def an_incident(**changes: Any) -> dict[str, Any]:
    body = {"id": "P1", "incident_number": 7, "title": "disk full", "status": "triggered", "urgency": "high"}
    return body | {"incident_key": "m", "updated_at": "2026-01-06T21:40:23Z", **changes}


class FakeAccount:
    """Answers by method and path; keeps what was asked."""

    def __init__(self, **answers: Answer) -> None:
        users = {"users": [{"id": "PX", "email": "us@x.test.example"}, {"id": "PUS", "email": "US@x.test"}]}
        self.answers = {
            "GET /users": httpx.Response(200, json=users, headers={"Date": "Tue, 06 Jan 2026 22:00:00 GMT"}),
            "GET /priorities": httpx.Response(200, json=PRIORITIES),
            "GET /incidents/P1": httpx.Response(200, json={"incident": an_incident()}),
            **answers,
        }
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers[f"{request.method} {request.url.path}"]
        return answer(request) if callable(answer) else answer

    def connector(self, **settings: Any) -> PagerDutyConnector:
        return build("pd", SETTINGS | settings, transport=httpx.MockTransport(self))


def refusal(status: int, code: int, *reasons: str) -> httpx.Response:
    return httpx.Response(status, json={"error": {"message": "No", "code": code, "errors": list(reasons)}})


async def a_snapshot() -> Snapshot:
    return await FakeAccount().connector().read(REF)


async def test_a_pause_is_read_from_the_rate_headers() -> None:
    limited = httpx.Response(429, headers={"ratelimit-reset": "23"}, json={"error": {"code": 2020}})
    with pytest.raises(RateLimited) as error:
        await FakeAccount(**{"GET /incidents/P1": limited}).connector().read(REF)
    assert error.value.retry_after == timedelta(seconds=23)


async def test_a_refusal_names_the_field_that_its_sentence_speaks_of() -> None:
    account = FakeAccount(**{"PUT /incidents/P1": refusal(400, 2001, "Title is too long, says top-secret")})
    with pytest.raises(RecordRejected, match=r"2001.*Title is too long") as refused:
        await account.connector().update(await a_snapshot(), {"title": "x" * 2000}, marker="m")
    assert set(refused.value.fields) == {"title"}
    assert "top-secret" not in str(refused.value)


async def test_each_table_row_of_ours_holds() -> None:
    for status, kind in [(402, ConfigError), (401, CredentialsRefused), (404, RecordHidden)]:
        account = FakeAccount(**{"GET /incidents/P1": refusal(status, 2100)})
        with pytest.raises(kind):
            await account.connector().read(REF)


async def test_a_write_names_its_actor_and_only_its_fields() -> None:
    account = FakeAccount(**{"PUT /incidents/P1": httpx.Response(200, json={"incident": an_incident()})})
    await account.connector().update(await a_snapshot(), {"status": "resolved", "priority": "P1"}, marker="m")
    put = account.asked[-1]
    assert put.headers["from"] == "us@x.test"
    assert json.loads(put.content) == {
        "incident": {
            "type": "incident_reference",
            "status": "resolved",
            "priority": {"id": "PP1", "type": "priority_reference"},
        }
    }


async def test_the_version_of_an_answer_is_that_of_the_next_read() -> None:
    account = FakeAccount(**{"PUT /incidents/P1": httpx.Response(200, json={"incident": an_incident()})})
    connector = account.connector()
    seen = await connector.read(REF)
    result = await connector.update(seen, {"title": "disk full"}, marker="m")
    assert result.version == seen.version


async def test_an_open_incident_under_our_key_is_taken_instead_of_a_second_one() -> None:
    answers = {
        "POST /incidents": refusal(400, 2001, "Open incident with matching dedup key already exists"),
        "GET /incidents": httpx.Response(200, json={"incidents": [an_incident()], "more": False}),
    }
    created = await FakeAccount(**answers).connector().create("incident", {"title": "disk full"}, marker="m")
    assert created.ref == REF


async def test_a_refused_create_stays_refused_where_nothing_of_ours_is_open() -> None:
    listed = {"incidents": [an_incident(status="resolved")], "more": False}
    answers = {
        "POST /incidents": refusal(400, 2001, "Service is not active"),
        "GET /incidents": httpx.Response(200, json=listed),
        "GET /incidents/P1": httpx.Response(200, json={"incident": an_incident(status="resolved")}),
    }
    with pytest.raises(RecordRejected) as refused:
        await FakeAccount(**answers).connector().create("incident", {"title": "x"}, marker="m")
    assert set(refused.value.fields) == {"service"}


async def test_a_create_without_what_it_needs_is_refused_before_it_is_sent() -> None:
    account = FakeAccount()
    with pytest.raises(RecordRejected) as refused:
        await account.connector(service=None).create("incident", {}, marker="m")
    assert set(refused.value.fields) == {"title", "service"}
    assert account.asked == []


async def test_a_probe_finds_its_actor_by_the_whole_address() -> None:
    account = FakeAccount(
        **{"GET /users": httpx.Response(200, json={"users": [{"id": "P", "email": "no@x"}]})}
    )
    with pytest.raises(ConfigError, match="knows no user us@x"):
        await account.connector().probe()
    assert await FakeAccount().connector().api.own_user() == "PUS"


async def test_a_list_beyond_the_apis_reach_is_said_and_not_cut() -> None:
    def endless(request: httpx.Request) -> httpx.Response:
        count = int(request.url.params["limit"])
        return httpx.Response(200, json={"incidents": [an_incident()] * count, "more": True})

    connector = FakeAccount(**{"GET /incidents": endless}).connector()
    with pytest.raises(ConfigError, match="narrow the scope"):
        await read_pages(connector, 101)


async def read_pages(connector: PagerDutyConnector, count: int) -> None:
    cursor: str | None = None
    for _ in range(count):
        cursor = (await connector.list_changes("incident", scope=None, cursor=cursor)).cursor


async def test_a_value_that_no_filter_can_name_is_looked_for_among_the_newest() -> None:
    listed = {"incidents": [an_incident(incident_key=None)], "more": False}
    incident = httpx.Response(200, json={"incident": an_incident(incident_key=None)})
    answers = {"GET /incidents": httpx.Response(200, json=listed), "GET /incidents/P1": incident}
    account = FakeAccount(**answers)
    assert len(await account.connector().find("incident", {"incident_key": None})) == 1
    assert "incident_key" not in account.asked[0].url.params


def test_own_fields_are_sent_before_custom_ones() -> None:
    fields = {"custom_fields.a": 1, "title": "x", "status": "resolved"}
    connector = FakeAccount().connector()
    assert connector.parts(fields) == [{"title": "x", "status": "resolved"}, {"custom_fields.a": 1}]


async def test_a_window_of_the_log_never_ends_in_the_systems_future() -> None:
    listed = httpx.Response(200, json={"incidents": [], "more": False})
    account = FakeAccount(**{"GET /incidents": listed})
    await account.connector().list_changes("incident", scope=None, cursor=None)
    assert account.asked[-1].url.params["until"].startswith("2026-01-06T22:00:0")


async def test_only_incidents_of_a_service_can_be_asked_for() -> None:
    connector = FakeAccount().connector()
    with pytest.raises(ConfigError, match="record type"):
        await connector.list_changes("alert", scope=None, cursor=None)
    with pytest.raises(ConfigError, match="service"):
        await connector.list_changes("incident", scope="team=PT1", cursor=None)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [({"from_email": "us"}, "from_email"), ({"backfill": "200d"}, "backfill"), ({"sevice": "PS1"}, "sevice")],
)
def test_a_wrong_setting_is_named(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as refused:
        build("pd", SETTINGS | settings)
    assert "top-secret" not in str(refused.value)
