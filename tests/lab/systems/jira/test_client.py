"""The best-known Python client works on the simulator as on a site."""

import pytest
from jira import JIRA, Issue, JIRAError

pytestmark = pytest.mark.stack


def opened_issue(client: JIRA, **fields: object) -> Issue:
    issue = {"project": "OPS", "issuetype": "Bug", "summary": "mail down", **fields}
    return client.create_issue(fields=issue)


def test_an_issue_is_created_read_edited_and_deleted(client: JIRA) -> None:
    issue = opened_issue(client, description="since nine\n\nin Bonn", priority={"name": "High"}, labels=["a"])
    assert issue.fields.description == "since nine\n\nin Bonn"
    assert (issue.fields.priority.name, issue.fields.status.name) == ("High", "To Do")
    issue.update(fields={"summary": "mail is down"}, update={"labels": [{"add": "b"}, {"remove": "a"}]})
    again = client.issue(issue.key)
    assert (again.fields.summary, again.fields.labels) == ("mail is down", ["b"])
    issue.delete()
    with pytest.raises(JIRAError) as refused:
        client.issue(issue.key)
    assert refused.value.status_code == 404
    assert refused.value.text == "Issue does not exist or you do not have permission to see it."


def test_an_issue_is_walked_through_its_workflow(client: JIRA) -> None:
    issue = opened_issue(client)
    assert [step["name"] for step in client.transitions(issue)] == ["Start progress"]
    client.transition_issue(issue, "Start progress")
    client.transition_issue(issue, "Done", resolution={"name": "Duplicate"})
    done = client.issue(issue.id, expand="changelog")
    assert (done.fields.status.name, done.fields.resolution.name) == ("Done", "Duplicate")
    steps = [
        item.toString for entry in done.changelog.histories for item in entry.items if item.field == "status"
    ]
    assert steps == ["Done", "In Progress"]


def test_issues_are_found_page_by_page(client: JIRA) -> None:
    for number in range(5):
        opened_issue(client, summary=f"outage {number}", labels=["outage"])
    opened_issue(client)
    found = client.enhanced_search_issues(
        "project = OPS AND labels = outage ORDER BY key DESC", maxResults=False
    )
    assert [issue.fields.summary for issue in found] == [f"outage {number}" for number in (4, 3, 2, 1, 0)]
    assert client.approximate_issue_count("labels = outage") == 5


def test_comments_are_added_changed_and_removed(client: JIRA) -> None:
    issue = opened_issue(client)
    comment = client.add_comment(issue, "looking")
    comment.update(body="found it")
    assert [one.body for one in client.comments(issue)] == ["found it"]
    comment.delete()
    assert client.comments(issue) == []


def test_properties_are_kept_beside_the_fields(client: JIRA) -> None:
    issue = opened_issue(client)
    client.add_issue_property(issue, "accord", {"pair": "p1"})
    assert client.issue_property(issue, "accord").value.pair == "p1"


def test_the_site_says_what_it_is_made_of(client: JIRA) -> None:
    assert [priority.name for priority in client.priorities()] == [
        "Highest",
        "High",
        "Medium",
        "Low",
        "Lowest",
    ]
    assert [status.name for status in client.statuses()] == ["To Do", "In Progress", "Done"]
    assert "customfield_10001" in [field["id"] for field in client.fields()]
    assert client.myself()["timeZone"] == "UTC"
    assert [user.accountId for user in client.search_users(query="alice@example.com")] == ["alice"]
