"""What the suite doesn't ask of every system: workflows, labels, and whether each request is a described one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio

from connectors.base import Connector
from connectors.jira.connector import build
from domain.errors import RecordRejected
from domain.records import RecordRef
from lab.systems.outbox import Subscription
from lab.systems.receiver import listening
from tests.connectors.harness import SECRET
from tests.connectors.openapi.described import Description, Recorder
from tests.connectors.test_jira import LAB_TYPE, JiraHarness

pytestmark = pytest.mark.stack

FORKED = {
    "statuses": [
        {"name": "To Do", "category": "new"},
        {"name": "Blocked", "category": "indeterminate"},
        {"name": "In Progress", "category": "indeterminate"},
        {"name": "Done", "category": "done"},
    ],
    "transitions": [
        {"id": "1", "name": "Block", "to": "Blocked", "sources": ["To Do"]},
        {"id": "2", "name": "Start", "to": "In Progress", "sources": ["To Do"]},
        {"id": "3", "name": "Finish", "to": "Done", "sources": ["In Progress"]},
    ],
}


@pytest_asyncio.fixture(scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[JiraHarness]:
    async with JiraHarness.running(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest_asyncio.fixture
async def connector(site: JiraHarness) -> AsyncIterator[Connector]:
    """A connection that has seen no workflow yet."""
    fresh = site.open()
    yield fresh
    await fresh.aclose()


async def follow(site: JiraHarness, workflow: Any) -> None:
    """Let all issues of the site follow this workflow; those of other tests leave."""
    await site.control.reset()
    await site.control.change_settings(workflow=workflow)


async def saves_of(site: JiraHarness, ref: RecordRef) -> list[str]:
    """The statuses that the issue has gone through."""
    history = await site.control.record(LAB_TYPE, ref.id)
    return [c.new for save in history.saves for c in save.changes if c.field == "status"][1:]


async def test_a_status_is_walked_to_over_all_that_lie_between(site: JiraHarness) -> None:
    await follow(site, "reviewed")
    connector = site.open(transition_fields={"resolution": "Done"})
    ref = await site.a_record()
    result = await connector.update(await connector.read(ref), {"status": "Done"}, marker="m")
    await connector.aclose()
    assert result.fields is not None
    assert (result.fields["status"], result.fields["resolution"]) == ("Done", "Done")
    assert await saves_of(site, ref) == ["In Progress", "In Review", "Done"]


async def test_a_screen_that_nobody_fills_is_named(site: JiraHarness, connector: Connector) -> None:
    await follow(site, "reviewed")
    ref = await site.a_record(status="In Review")
    with pytest.raises(RecordRejected) as refused:
        await connector.update(await connector.read(ref), {"status": "Done"}, marker="m")
    assert set(refused.value.fields) == {"resolution"}
    assert (await connector.read(ref)).value("status") == "In Review"


async def test_a_walk_that_was_refused_half_way_goes_on_from_there(
    site: JiraHarness, connector: Connector
) -> None:
    await follow(site, "reviewed")
    ref = await site.a_record()
    seen = await connector.read(ref)
    with pytest.raises(RecordRejected, match="resolution"):
        await connector.update(seen, {"status": "Done"}, marker="m")
    assert (await connector.read(ref)).value("status") == "In Review"
    await connector.update(seen, {"status": "Done", "resolution": "Done"}, marker="m")
    assert await saves_of(site, ref) == ["In Progress", "In Review", "Done"]


async def test_a_mapped_resolution_travels_with_the_status(site: JiraHarness, connector: Connector) -> None:
    await follow(site, "reviewed")
    ref = await site.a_record(status="In Review")
    (part,) = connector.parts({"status": "Done", "resolution": "Duplicate"})
    result = await connector.update(await connector.read(ref), part, marker="m")
    assert result.fields is not None
    assert result.fields["resolution"] == "Duplicate"


async def test_between_two_unknown_ways_nobody_guesses(site: JiraHarness, connector: Connector) -> None:
    await follow(site, FORKED)
    ref = await site.a_record()
    with pytest.raises(RecordRejected, match="Blocked, In Progress") as refused:
        await connector.update(await connector.read(ref), {"status": "Done"}, marker="m")
    assert "status" in refused.value.fields
    assert (await connector.read(ref)).value("status") == "To Do"


async def test_another_issue_shows_the_way_without_being_moved(
    site: JiraHarness, connector: Connector
) -> None:
    await follow(site, FORKED)
    other, ref = await site.a_record(status="In Progress"), await site.a_record()
    await connector.update(await connector.read(ref), {"status": "Done"}, marker="m")
    assert await saves_of(site, ref) == ["In Progress", "Done"]
    assert (await connector.read(other)).value("status") == "In Progress"


async def test_a_new_issue_is_led_to_its_status_or_shows_that_it_was_not(
    site: JiraHarness, connector: Connector
) -> None:
    await follow(site, FORKED)
    led = await connector.create("Bug", {"summary": "a", "status": "In Progress"}, marker="m-1")
    left = await connector.create("Bug", {"summary": "b", "status": "No such status"}, marker="m-2")
    assert led.value("status") == "In Progress"
    assert left.value("status") == "To Do"


async def test_a_label_that_a_person_adds_meanwhile_stays(site: JiraHarness, connector: Connector) -> None:
    ref = await site.a_record(labels=["old"])
    seen = await connector.read(ref)
    await site.gets_in_between(ref, {"labels": ["old", "theirs"]})
    await connector.update(seen, {"labels": ["ours"]}, marker="m")
    assert set((await connector.read(ref)).fields["labels"]) == {"ours", "theirs"}  # type: ignore[arg-type] # a list


async def test_the_marker_label_outlives_an_edit_of_the_labels(connector: Connector) -> None:
    created = await connector.create("Bug", {"summary": "a", "labels": ["x"]}, marker="link-9")
    await connector.update(created, {"labels": ["y"]}, marker="link-9")
    (found,) = await connector.find_marked("Bug", "link-9")
    assert found.value("labels") == ["y"]


async def test_a_deletion_is_told_by_its_webhook(site: JiraHarness, connector: Connector) -> None:
    ref = await site.a_record()
    with listening() as receiver:
        await site.control.subscribe(Subscription(id="d", url=receiver.url, secret=SECRET))
        await site.person_deletes(ref)
        (received, *_) = await receiver.wait_for(1)
        await site.control.unsubscribe("d")
    (notice,) = connector.parse_webhook(received.headers, received.body, now=datetime.now(UTC))
    assert (notice.ref, notice.kind) == (ref, "deleted")


async def test_a_webhook_bears_the_version_that_the_write_told(
    site: JiraHarness, connector: Connector
) -> None:
    ref = await site.a_record()
    with listening() as receiver:
        await site.control.subscribe(Subscription(id="v", url=receiver.url, secret=SECRET))
        result = await connector.update(await connector.read(ref), {"summary": "ours"}, marker="m")
        (received, *_) = await receiver.wait_for(1)
        await site.control.unsubscribe("v")
    (notice,) = connector.parse_webhook(received.headers, received.body, now=datetime.now(UTC))
    assert notice.version == result.version


async def test_statuses_are_those_of_the_workflow(site: JiraHarness, connector: Connector) -> None:
    await follow(site, FORKED)
    names = ["To Do", "Blocked", "In Progress", "Done"]
    assert await connector.allowed_values("Bug", "status") == names
    assert await connector.allowed_values(await site.a_record(), "status") == names


async def test_a_move_changes_the_key_and_not_the_record(site: JiraHarness, connector: Connector) -> None:
    ref = await site.a_record()
    await site.control.move(LAB_TYPE, ref.id, "DEV-99", by="ada")
    snapshot = await connector.read(ref)
    assert (snapshot.ref, snapshot.key) == (ref, "DEV-99")


async def test_every_request_is_one_that_atlassian_describes(site: JiraHarness) -> None:
    await follow(site, FORKED)
    recorder, description = Recorder(), Description.of("jira")
    settings = {"url": site.lab.url, "email": "accord@example.com", "token": "lab"}
    connector = build("jira", settings | {"project": "OPS"}, transport=recorder)
    await use_everything(connector)
    await ask_for_values(build("jira", settings, transport=recorder), "Bug")
    await connector.aclose()
    sent = [(request, request.url.path.replace("/api/2/", "/api/3/")) for request in recorder.requests]
    assert [m for request, path in sent for m in description.mistakes(request, path)] == []
    assert {description.name_of(request, path) for request, path in sent} == set(description.operations())


async def use_everything(connector: Connector) -> None:
    """Each call of the contract that sends something."""
    await connector.probe()
    fields = {"summary": "a", "labels": ["x"], "priority": "High", "customfield_10002": "Low"}
    issue = await connector.create("Bug", fields, marker="m")
    await connector.update(issue, {"summary": "b", "labels": ["y"], "assignee": "bob"}, marker="m")
    await connector.update(issue, {"status": "In Progress"}, marker="m")
    await connector.set_marker(issue.ref, "m")
    equals = {"summary": "b", "customfield_10002": "Low", "labels": ["y"]}
    await connector.find("Bug", equals, scope="project = OPS")
    await connector.find_marked("Bug", "m")
    await connector.list_changes("Bug", scope=None, cursor=None)
    await connector.history(issue.ref)
    await connector.history(issue.ref, await connector.read(issue.ref))
    await ask_for_values(connector, "Bug")
    await ask_for_values(connector, issue.ref)
    await connector.delete(issue)


async def ask_for_values(connector: Connector, ref: RecordRef | str) -> None:
    for field in ("status", "priority"):
        await connector.allowed_values(ref, field)


async def test_whether_an_issue_lies_in_a_scope_is_asked_past_the_index(site: JiraHarness) -> None:
    await site.control.change_settings(search_lag=60)
    connector = site.open()
    issue = await connector.read(await site.a_record(labels=["urgent"]))
    assert await connector.is_in_scope(issue, "labels = urgent")
    assert not await connector.is_in_scope(issue, "labels = slow")
    await connector.aclose()
