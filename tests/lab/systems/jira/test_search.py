from typing import Any

import httpx
import pytest

from lab.systems.process import LabSystem

pytestmark = pytest.mark.stack


async def search(api: httpx.AsyncClient, jql: str, **body: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await api.post("/search/jql", json={"jql": jql, **body})).json()
    return found


async def test_only_ids_are_told_unless_fields_are_named(system: LabSystem, api: httpx.AsyncClient) -> None:
    issue = await system.control.create("issue", {"summary": "x"})
    assert (await search(api, "project = OPS"))["issues"] == [{"id": issue.id}]
    (named,) = (await search(api, "project = OPS", fields=["summary"]))["issues"]
    assert (named["key"], named["fields"]) == (issue.key, {"summary": "x"})


async def test_pages_follow_each_other_by_token_until_the_last(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    issues = [await system.control.create("issue", {"summary": str(number)}) for number in range(5)]
    found, token = [], None
    while True:
        page = await search(api, "project = OPS ORDER BY key", maxResults=2, nextPageToken=token)
        found += [issue["id"] for issue in page["issues"]]
        token = page.get("nextPageToken")
        if page["isLast"]:
            break
    assert found == [issue.id for issue in issues]
    assert token is None


async def test_the_index_lags_and_reconciliation_reads_through_it(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    old = await system.control.create("issue", {"summary": "old"})
    await system.control.change_settings(search_lag=60)
    issue = await system.control.create("issue", {"summary": "new"})
    assert (await search(api, "project = OPS"))["issues"] == []
    reconciled = await search(api, "project = OPS", reconcileIssues=[int(issue.id)])
    assert reconciled["issues"] == [{"id": issue.id}]
    fetched = await api.post(
        "/issue/bulkfetch", json={"issueIdsOrKeys": [old.key, issue.id], "fields": ["summary"]}
    )
    assert {one["fields"]["summary"] for one in fetched.json()["issues"]} == {"old", "new"}


async def test_a_bulk_read_names_what_it_did_not_find(system: LabSystem, api: httpx.AsyncClient) -> None:
    issue = await system.control.create("issue", {"summary": "x"})
    fetched = (await api.post("/issue/bulkfetch", json={"issueIdsOrKeys": [issue.id, "10999"]})).json()
    assert [one["id"] for one in fetched["issues"]] == [issue.id]
    assert fetched["issueErrors"] == [{"id": "10999"}]


async def test_an_unbounded_or_broken_query_is_refused(api: httpx.AsyncClient) -> None:
    for jql in ("", "order by key", "bogus = 1"):
        refused = await api.post("/search/jql", json={"jql": jql})
        assert refused.status_code == 400
        assert refused.json()["errorMessages"]
