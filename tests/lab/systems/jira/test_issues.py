import asyncio
from typing import Any

import httpx
import pytest

from lab.systems.injections import Injection
from lab.systems.jira.adf import to_adf
from lab.systems.process import LabSystem

pytestmark = pytest.mark.stack

V2 = "/rest/api/2"


async def opened(api: httpx.AsyncClient, **fields: Any) -> str:
    body = {
        "fields": {"project": {"key": "OPS"}, "issuetype": {"name": "Bug"}, "summary": "mail down", **fields}
    }
    answer = await api.post("/issue", json=body)
    assert answer.status_code == 201, answer.text
    issue_id: str = answer.json()["id"]
    return issue_id


async def fields_of(api: httpx.AsyncClient, issue: str) -> dict[str, Any]:
    fields: dict[str, Any] = (await api.get(f"/issue/{issue}")).json()["fields"]
    return fields


async def changelog(api: httpx.AsyncClient, issue: str) -> list[dict[str, Any]]:
    values: list[dict[str, Any]] = (await api.get(f"/issue/{issue}/changelog")).json()["values"]
    return values


async def test_rich_text_is_a_document_in_v3_and_text_in_v2(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    issue = await opened(api, description=to_adf("one\ntwo"), customfield_10001="plain")
    assert (await fields_of(api, issue))["description"] == to_adf("one\ntwo")
    assert (await fields_of(api, issue))["customfield_10001"] == "plain"
    in_v2 = await api.get(f"{system.url}{V2}/issue/{issue}")
    assert in_v2.json()["fields"]["description"] == "one\ntwo"
    refused = await api.put(f"/issue/{issue}", json={"fields": {"description": "text"}})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["description"])


async def test_a_key_that_moved_still_leads_to_the_issue(system: LabSystem, api: httpx.AsyncClient) -> None:
    issue = await opened(api)
    key = (await system.control.record("issue", issue)).record.key
    await system.control.move("issue", issue, "DEV-7", by="alice")
    found = (await api.get(f"/issue/{key}", params={"fields": "project"})).json()
    assert (found["id"], found["key"], found["fields"]["project"]["key"]) == (issue, "DEV-7", "DEV")
    (entry,) = await changelog(api, issue)
    moves = [(item["field"], item["fromString"], item["toString"]) for item in entry["items"]]
    assert moves == [("project", "OPS", "DEV"), ("Key", key, "DEV-7")]


async def test_an_edit_says_nothing_unless_the_issue_is_asked_for(api: httpx.AsyncClient) -> None:
    issue = await opened(api)
    silent = await api.put(f"/issue/{issue}", json={"fields": {"summary": "a"}})
    told = await api.put(f"/issue/{issue}", json={"fields": {"summary": "b"}}, params={"returnIssue": "true"})
    assert (silent.status_code, silent.content) == (204, b"")
    assert (told.status_code, told.json()["fields"]["summary"]) == (200, "b")


@pytest.mark.parametrize(
    "name", ["status", "resolution", "created", "customfield_19999", "customfield_10004"]
)
async def test_a_field_on_no_screen_is_refused_by_name(
    system: LabSystem, api: httpx.AsyncClient, name: str
) -> None:
    await system.control.change_settings(off_screen=["customfield_10004"])
    issue = await opened(api)
    refused = await api.put(f"/issue/{issue}", json={"fields": {name: None, "summary": "x"}})
    assert refused.status_code == 400
    assert refused.json()["errors"] == {
        name: f"Field '{name}' cannot be set. It is not on the appropriate screen, or unknown."
    }
    assert (await fields_of(api, issue))["summary"] == "mail down"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("priority", {"name": "Urgent"}),
        ("customfield_10002", {"value": "Enormous"}),
        ("labels", ["two words"]),
        ("summary", ""),
        ("summary", "x" * 256),
        ("assignee", "alice"),
    ],
)
async def test_a_value_that_is_not_allowed_is_refused_by_field(
    api: httpx.AsyncClient, name: str, value: Any
) -> None:
    refused = await api.put(f"/issue/{await opened(api)}", json={"fields": {name: value}})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, [name])


async def test_a_field_that_the_lab_made_up_is_shown_as_it_is(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    issue = await system.control.create("issue", {"summary": "x", "tier": ["gold"]})
    assert (await fields_of(api, issue.id))["tier"] == ["gold"]


async def test_values_are_cleared_by_null(api: httpx.AsyncClient) -> None:
    set_values = {"customfield_10002": {"value": "High"}, "assignee": {"accountId": "bob"}, "labels": ["a"]}
    issue = await opened(api, **set_values)
    before = await fields_of(api, issue)
    assert before["customfield_10002"]["value"] == "High"
    assert before["assignee"]["accountId"] == "bob"
    await api.put(f"/issue/{issue}", json={"fields": dict.fromkeys(set_values)})
    after = await fields_of(api, issue)
    assert (after["customfield_10002"], after["assignee"], after["labels"]) == (None, None, [])


async def test_list_verbs_keep_what_somebody_added_just_before(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    issue = await opened(api, labels=["a"])
    await system.control.inject(
        Injection(before="write", record_type="issue", record=issue, fields={"labels": ["a", "theirs"]})
    )
    await api.put(f"/issue/{issue}", json={"update": {"labels": [{"add": "ours"}, {"remove": "a"}]}})
    assert (await fields_of(api, issue))["labels"] == ["theirs", "ours"]


async def test_the_changelog_tells_ids_names_and_the_writers_metadata(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    issue = await opened(api)
    await system.control.edit("issue", issue, {"priority": "High", "comment": "hm"}, by="alice")
    metadata = {"type": "accord", "description": "run 42"}
    body = {"fields": {"labels": ["a", "b"]}, "historyMetadata": metadata}
    await api.put(f"/issue/{issue}", json=body)
    theirs, ours = await changelog(api, issue)
    assert theirs["author"]["accountId"] == "alice"
    assert [item["field"] for item in theirs["items"]] == ["priority"]
    (priority,) = theirs["items"]
    assert [priority[name] for name in ("from", "fromString", "to", "toString")] == [
        "3",
        "Medium",
        "2",
        "High",
    ]
    assert (ours["author"]["accountId"], ours["historyMetadata"]) == ("accord", metadata)
    assert ours["items"][0]["toString"] == "a b"
    assert int(ours["id"]) > int(theirs["id"])


async def test_the_bulk_changelog_tells_times_as_numbers(api: httpx.AsyncClient) -> None:
    issue = await opened(api)
    await api.put(f"/issue/{issue}", json={"fields": {"summary": "a", "labels": ["x"]}})
    body = {"issueIdsOrKeys": [issue], "fieldIds": ["labels"]}
    (log,) = (await api.post("/changelog/bulkfetch", json=body)).json()["issueChangeLogs"]
    (entry,) = log["changeHistories"]
    assert isinstance(entry["created"], int)
    assert [item["fieldId"] for item in entry["items"]] == ["labels"]


async def test_only_open_transitions_are_walked(api: httpx.AsyncClient) -> None:
    issue = await opened(api)
    refused = await api.post(f"/issue/{issue}/transitions", json={"transition": {"id": "31"}})
    assert refused.status_code == 400
    assert (
        await api.post(f"/issue/{issue}/transitions", json={"transition": {"id": "11"}})
    ).status_code == 204
    assert (await fields_of(api, issue))["status"]["name"] == "In Progress"


async def test_a_required_resolution_is_asked_for_by_name(system: LabSystem, api: httpx.AsyncClient) -> None:
    await system.control.change_settings(workflow="reviewed")
    issue = await opened(api)
    await system.control.edit("issue", issue, {"status": "In Review"})
    shown = await api.get(f"/issue/{issue}/transitions", params={"expand": "transitions.fields"})
    approve = next(one for one in shown.json()["transitions"] if one["to"]["name"] == "Done")
    assert approve["fields"]["resolution"]["required"]
    assert "Done" in [value["name"] for value in approve["fields"]["resolution"]["allowedValues"]]
    bare = {"transition": {"id": approve["id"]}}
    refused = await api.post(f"/issue/{issue}/transitions", json=bare)
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["resolution"])
    resolved = bare | {"fields": {"resolution": {"name": "Won't Do"}}}
    assert (await api.post(f"/issue/{issue}/transitions", json=resolved)).status_code == 204
    assert (await fields_of(api, issue))["resolution"]["name"] == "Won't Do"


async def test_a_reopened_issue_has_no_resolution(system: LabSystem, api: httpx.AsyncClient) -> None:
    issue = await opened(api)
    await system.control.edit("issue", issue, {"status": "Done"})
    assert (await fields_of(api, issue))["resolution"]["name"] == "Done"
    await api.post(f"/issue/{issue}/transitions", json={"transition": {"id": "41"}})
    assert (await fields_of(api, issue))["resolution"] is None


async def test_parallel_transitions_of_one_issue_are_refused(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    await system.control.change_settings(transition_seconds=0.5)
    issue = await opened(api)
    step = {"transition": {"id": "11"}}
    both = [api.post(f"/issue/{issue}/transitions", json=step) for _ in range(2)]
    assert sorted(answer.status_code for answer in await asyncio.gather(*both)) == [204, 409]


async def test_the_twenty_first_write_to_one_issue_is_limited_and_to_another_is_not(
    api: httpx.AsyncClient,
) -> None:
    issue, other = await opened(api), await opened(api)
    for number in range(20):
        assert (
            await api.put(f"/issue/{issue}", json={"fields": {"summary": str(number)}})
        ).status_code == 204
    limited = await api.put(f"/issue/{issue}", json={"fields": {"summary": "x"}})
    assert limited.status_code == 429
    assert limited.headers["ratelimit-reason"] == "jira-per-issue-on-write"
    assert int(limited.headers["retry-after"]) >= 1
    assert (await api.put(f"/issue/{other}", json={"fields": {"summary": "x"}})).status_code == 204


async def test_the_burst_limit_tells_what_is_left(system: LabSystem, api: httpx.AsyncClient) -> None:
    await system.control.change_settings(rate_limit={"per_second": 0.01, "burst": 2})
    first, _, refused = [await api.get("/myself") for _ in range(3)]
    assert (first.headers["x-ratelimit-limit"], first.headers["x-ratelimit-remaining"]) == ("2", "1")
    assert (refused.status_code, refused.headers["ratelimit-reason"]) == (429, "jira-burst-based")


async def test_a_comments_visibility_survives_an_edit_of_its_text(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    issue = await opened(api)
    internal = [{"key": "sd.public.comment", "value": {"internal": True}}]
    body = {"body": to_adf("secret"), "properties": internal}
    comment = (await api.post(f"/issue/{issue}/comment", json=body)).json()
    assert comment["jsdPublic"] is False
    edited = await api.put(f"/issue/{issue}/comment/{comment['id']}", json={"body": to_adf("still secret")})
    assert edited.json()["jsdPublic"] is False
    desk = f"{system.url}/rest/servicedeskapi/request/{issue}/comment"
    assert (await api.post(desk, json={"body": "for all", "public": True})).json()["jsdPublic"] is True


async def test_a_wrong_token_is_refused(system: LabSystem) -> None:
    async with httpx.AsyncClient(trust_env=False, auth=("accord@example.com", "wrong")) as stranger:
        assert (await stranger.get(f"{system.url}/rest/api/3/myself")).status_code == 401


async def test_the_journal_tells_whether_watchers_were_spared(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    issue = await opened(api)
    await api.put(f"/issue/{issue}", json={"fields": {"summary": "x"}}, params={"notifyUsers": "false"})
    entry = (await system.control.journal())[-1]
    assert entry.query == "notifyUsers=false"
