import re

import httpx
import pytest

from lab.systems.jira.adf import to_adf
from tests.lab.systems.answers import Answers

pytestmark = pytest.mark.stack

KNOWN = re.compile(
    r".*/items/\d+/(from|to): None .*|POST .*/changelog/bulkfetch: .*/created: \d+ is not of type 'string'"
)
"""Where the description is wrong about Atlassian's own examples: ids of a change may be null, the bulk call tells times as numbers."""


async def test_answers_have_the_shapes_that_atlassian_describes(api: httpx.AsyncClient) -> None:
    answers = Answers.described_by("jira")
    api.event_hooks = {"response": [answers.check]}
    fields = {"project": {"key": "OPS"}, "issuetype": {"name": "Bug"}, "summary": "x"}
    issue = (await api.post("/issue", json={"fields": fields})).json()["id"]
    path = f"/issue/{issue}"
    await api.put(path, json={"fields": {"summary": "y"}}, params={"returnIssue": "true"})
    await api.put(path, json={"fields": {"labels": ["a"]}})
    await api.get(path, params={"expand": "changelog"})
    await api.get(f"{path}/transitions", params={"expand": "transitions.fields"})
    await api.post(f"{path}/transitions", json={"transition": {"id": "11"}})
    await api.get(f"{path}/changelog")
    await api.get(f"{path}/editmeta")
    comment = (await api.post(f"{path}/comment", json={"body": to_adf("hello")})).json()["id"]
    await api.get(f"{path}/comment")
    await api.put(f"{path}/comment/{comment}", json={"body": to_adf("hello!")})
    await api.get(f"{path}/comment/{comment}")
    await api.delete(f"{path}/comment/{comment}")
    await api.put(f"{path}/properties/accord", json={"seq": 1})
    await api.get(f"{path}/properties")
    await api.get(f"{path}/properties/accord")
    await api.delete(f"{path}/properties/accord")
    await api.post("/search/jql", json={"jql": "project = OPS", "fields": ["*all"]})
    await api.get("/search/jql", params={"jql": "project = OPS"})
    await api.post("/search/approximate-count", json={"jql": "project = OPS"})
    await api.post("/issue/bulkfetch", json={"issueIdsOrKeys": [issue, "10999"]})
    await api.post("/changelog/bulkfetch", json={"issueIdsOrKeys": [issue]})
    await api.get("/issue/createmeta/OPS/issuetypes")
    await api.get("/issue/createmeta/OPS/issuetypes/10001")
    for call in (
        "field",
        "priority",
        "status",
        "myself",
        "serverInfo",
        "user?accountId=alice",
        "user/search?query=a",
    ):
        await api.get(f"/{call}")
    await api.delete(path)
    assert [mistake for mistake in answers.mistakes if not KNOWN.fullmatch(mistake)] == []
    assert len(answers.checked) == 31
