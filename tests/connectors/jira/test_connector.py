"""The connector against answers that a simulator gives rarely or never."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from connectors.jira.changelog import history_metadata
from connectors.jira.connector import JiraConnector, build
from domain.errors import (
    ConfigError,
    RateLimited,
    RecordHidden,
    RecordRejected,
    StaleVersion,
    SystemUnavailable,
)
from domain.records import RecordRef, Snapshot

REF = RecordRef(connection="jira", record_type="Bug", id="10002")
SETTINGS = {"url": "https://x.test", "email": "us@x.test", "token": "top-secret", "project": "OPS"}
FIELDS = [
    {"id": "summary", "schema": {"type": "string"}},
    {"id": "labels", "schema": {"type": "array", "items": "string"}},
]
Answer = httpx.Response | Callable[[httpx.Request], httpx.Response]


def an_entry(number: int, by: str = "ada", **more: Any) -> dict[str, Any]:
    items = [{"field": "summary", "fieldId": "summary", "fromString": "a", "toString": f"n{number}"}]
    return {"id": str(number), "author": {"accountId": by}, "items": items, **more}


def an_issue(*entries: dict[str, Any], **fields: Any) -> dict[str, Any]:
    known = {"updated": "2026-01-06T10:38:52.000+0000", "summary": "now", **fields}
    return {"id": REF.id, "key": "OPS-7", "fields": known, "changelog": {"histories": list(entries)}}


class FakeSite:
    """Answers by method and end of path; keeps what was asked."""

    def __init__(self, **answers: Answer) -> None:
        self.answers = {
            "GET myself": httpx.Response(200, json={"accountId": "us"}),
            "GET field": httpx.Response(200, json=FIELDS),
            **answers,
        }
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers[f"{request.method} {request.url.path.rpartition('/')[2]}"]
        return answer(request) if callable(answer) else answer

    def connector(self, **settings: Any) -> JiraConnector:
        return build("jira", SETTINGS | settings, transport=httpx.MockTransport(self))

    def sent(self, method: str) -> Any:
        return json.loads(next(r for r in self.asked if r.method == method).content)


def ok(body: Any) -> httpx.Response:
    return httpx.Response(200, json=body)


def expected(entry: int = 1, **fields: Any) -> Snapshot:
    known = {"summary": "before", "status": "To Do", "project": "OPS", **fields}
    return Snapshot(ref=REF, key="OPS-7", fields=known, version=f"1767695932000/{entry}")


OURS = {"historyMetadata": history_metadata("m")}


async def test_an_answer_that_shows_our_save_last_is_claimed_without_another_read() -> None:
    site = FakeSite(**{"PUT 10002": ok(an_issue(an_entry(2, "us", **OURS), an_entry(1)))})
    result = await site.connector().update(expected(), {"summary": "now"}, marker="m")
    assert result.fields is not None
    assert result.fields["summary"] == "now"
    assert result.version == "1767695932000/2"
    assert [r.method for r in site.asked if r.url.path.endswith("10002")] == ["PUT"]


async def test_an_empty_answer_is_followed_by_a_read() -> None:
    shown = an_issue(an_entry(2, "us", **OURS))
    site = FakeSite(**{"PUT 10002": httpx.Response(204), "GET 10002": ok(shown)})
    result = await site.connector().update(expected(), {"summary": "now"}, marker="m")
    assert result.fields is not None


async def test_a_foreign_save_above_ours_leaves_the_answer_unclaimed() -> None:
    shown = an_issue(an_entry(3, "ada"), an_entry(2, "us", **OURS))
    site = FakeSite(**{"PUT 10002": httpx.Response(204), "GET 10002": ok(shown)})
    result = await site.connector().update(expected(), {"summary": "now"}, marker="m")
    assert result.fields is None


async def test_an_edit_mails_nobody_and_says_who_made_it() -> None:
    site = FakeSite(**{"PUT 10002": ok(an_issue(an_entry(2, "us", **OURS)))})
    await site.connector().update(expected(labels=["a", "b"]), {"labels": ["b", "c"]}, marker="m")
    (put,) = [r for r in site.asked if r.method == "PUT"]
    assert put.url.params["notifyUsers"] == "false"
    assert site.sent("PUT") == {
        "fields": {},
        "update": {"labels": [{"add": "c"}, {"remove": "a"}]},
        "historyMetadata": history_metadata("m"),
    }


async def test_a_create_carries_its_marker_twice() -> None:
    site = FakeSite(**{"POST issue": httpx.Response(201, json={"id": "10002"}), "GET 10002": ok(an_issue())})
    await site.connector().create(
        "Bug", {"summary": "new", "labels": ["a"], "priority": None}, marker="link-1"
    )
    body = site.sent("POST")
    assert body["properties"] == [{"key": "accord", "value": {"marker": "link-1"}}]
    assert body["fields"]["labels"] == ["a", "accord-link-1"]
    assert "priority" not in body["fields"]


async def test_a_history_longer_than_a_read_shows_is_paged() -> None:
    def changelog(request: httpx.Request) -> httpx.Response:
        start = int(request.url.params["startAt"])
        page = [an_entry(number) for number in range(start + 1, start + 101)]
        return ok({"values": page, "isLast": start == 100})

    window = an_issue(*(an_entry(number) for number in range(200, 150, -1)))
    site = FakeSite(**{"GET 10002": ok(window), "GET changelog": changelog})
    told = await site.connector().history(REF, expected(entry=120))
    assert [version.value for version in told] == [f"n{number}" for number in range(121, 201)]


async def test_a_recent_history_takes_one_request() -> None:
    site = FakeSite(**{"GET 10002": ok(an_issue(an_entry(3), an_entry(2), an_entry(1)))})
    told = await site.connector().history(REF, expected(entry=1))
    assert [version.value for version in told] == ["n2", "n3"]


async def test_a_pause_is_read_from_the_reset_time() -> None:
    headers = {"X-RateLimit-Reset": "2026-01-06T10:40Z", "Date": "Tue, 06 Jan 2026 10:39:18 GMT"}
    site = FakeSite(**{"GET 10002": httpx.Response(429, headers=headers)})
    with pytest.raises(RateLimited) as limited:
        await site.connector().read(REF)
    assert limited.value.retry_after == timedelta(seconds=42)


async def test_a_refusal_names_its_fields_and_no_secret() -> None:
    errors = {"summary": "Field 'summary' cannot be set, says top-secret."}
    site = FakeSite(**{"PUT 10002": httpx.Response(400, json={"errorMessages": [], "errors": errors})})
    with pytest.raises(RecordRejected, match="cannot be set") as refused:
        await site.connector().update(expected(), {"summary": "now"}, marker="m")
    assert set(refused.value.fields) == {"summary"}
    assert "top-secret" not in str(refused.value)


async def test_parallel_edits_send_us_back_to_look() -> None:
    site = FakeSite(**{"PUT 10002": httpx.Response(409, json={"errorMessages": ["conflicting update"]})})
    with pytest.raises(StaleVersion):
        await site.connector().update(expected(), {"summary": "now"}, marker="m")


async def test_what_cannot_be_seen_is_never_called_gone() -> None:
    message = "Issue does not exist or you do not have permission to see it."
    site = FakeSite(**{"GET 10002": httpx.Response(404, json={"errorMessages": [message], "errors": {}})})
    with pytest.raises(RecordHidden):
        await site.connector().read(REF)


async def test_a_refused_query_is_a_mistake_of_the_declaration() -> None:
    site = FakeSite(**{"POST jql": httpx.Response(400, json={"errorMessages": ["no project NOPE"]})})
    with pytest.raises(ConfigError, match="NOPE"):
        await site.connector().list_changes("Bug", scope="project = NOPE", cursor=None)


async def test_a_log_in_page_is_an_outage() -> None:
    site = FakeSite(**{"GET 10002": httpx.Response(200, html="<html>log in</html>")})
    with pytest.raises(SystemUnavailable):
        await site.connector().read(REF)


async def test_an_issue_that_vanished_from_under_the_index_teaches_nothing_and_stops_nobody() -> None:
    def transitions(request: httpx.Request) -> httpx.Response:
        if "10009" in request.url.path:
            return httpx.Response(404, json={})
        ahead = [
            {"id": str(n), "to": {"id": str(n), "name": name}} for n, name in enumerate(["Left", "Right"])
        ]
        return ok({"transitions": ahead})

    answers = {
        "GET transitions": transitions,
        "GET 10002": ok({"fields": {"status": {"id": "1", "name": "To Do"}}}),
        "POST jql": ok({"issues": [{"id": "10009"}], "isLast": True}),
    }
    site = FakeSite(**answers)
    with pytest.raises(RecordRejected, match="none of Left, Right is known to lead there"):
        await site.connector().update(expected(), {"status": "Done"}, marker="m")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"correlation_label": None}, "marker_field or correlation_label"),
        ({"correlation_label": "has space"}, "correlation_label"),
        ({"marker_field": "summary"}, "marker_field"),
        ({"look_back": "1m", "index_lag": "2m"}, "look_back"),
        ({"tokn": "x"}, "tokn"),
        ({"webhook_secrets": [""]}, "empty"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as refused:
        build("jira", SETTINGS | settings)
    assert "top-secret" not in str(refused.value)


def test_fields_are_sent_before_the_transition_and_what_its_screen_takes() -> None:
    connector = FakeSite().connector()
    fields = {"status": "Done", "summary": "x", "resolution": "Fixed"}
    assert connector.parts(fields) == [{"summary": "x"}, {"status": "Done", "resolution": "Fixed"}]
    assert connector.parts({"resolution": "Fixed"}) == [{"resolution": "Fixed"}]
    assert connector.parts({"status": "Done"}) == [{"status": "Done"}]
