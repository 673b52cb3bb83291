import hashlib
import hmac

import httpx
import pytest

from lab.systems.outbox import Subscription
from lab.systems.process import LabSystem
from lab.systems.receiver import Receiver

pytestmark = pytest.mark.stack


async def test_an_edit_is_told_with_its_changelog_and_a_signature(
    system: LabSystem, subscriber: Receiver
) -> None:
    issue = await system.control.create("issue", {"summary": "old"})
    await system.control.edit("issue", issue.id, {"summary": "new"}, by="alice")
    _, message = await subscriber.wait_for(2)
    told = message.payload
    assert (told["webhookEvent"], told["user"]["accountId"]) == ("jira:issue_updated", "alice")
    assert (told["issue"]["id"], told["issue"]["fields"]["summary"]) == (issue.id, "new")
    (item,) = told["changelog"]["items"]
    assert (item["fieldId"], item["fromString"], item["toString"]) == ("summary", "old", "new")
    expected = hmac.new(b"s3cret", message.body, hashlib.sha256).hexdigest()
    assert message.headers["x-hub-signature"] == f"sha256={expected}"


@pytest.mark.parametrize("status", [408, 409, 425, 429, 503])
async def test_the_identifier_stays_the_same_on_a_retry(
    system: LabSystem, subscriber: Receiver, status: int
) -> None:
    subscriber.answers += [status]
    await system.control.create("issue", {"summary": "x"})
    first, second = await subscriber.wait_for(2)
    identifier = "x-atlassian-webhook-identifier"
    assert first.headers[identifier] == second.headers[identifier]


async def test_without_a_secret_nothing_is_signed(system: LabSystem, receiver: Receiver) -> None:
    await system.control.subscribe(Subscription(id="open", url=receiver.url))
    await system.control.create("issue", {"summary": "x"})
    (message,) = await receiver.wait_for(1)
    assert "x-hub-signature" not in message.headers


async def test_a_comment_fires_its_own_event_beside_the_issues(
    system: LabSystem, subscriber: Receiver
) -> None:
    issue = await system.control.create("issue", {"summary": "x"})
    await system.control.edit("issue", issue.id, {"comment": "hello"}, by="bob")
    _, *told = [message.payload for message in await subscriber.wait_for(3)]
    assert [one["webhookEvent"] for one in told] == ["jira:issue_updated", "comment_created"]
    assert told[0]["issue_event_type_name"] == "issue_commented"
    assert "changelog" not in told[0]
    assert told[1]["comment"]["body"] == "hello"


async def test_a_property_fires_its_own_event_only(
    system: LabSystem, api: httpx.AsyncClient, subscriber: Receiver
) -> None:
    issue = await system.control.create("issue", {"summary": "x"})
    await api.put(f"/issue/{issue.id}/properties/accord", json={"seq": 1})
    _, message = await subscriber.wait_for(2)
    assert message.payload["webhookEvent"] == "issue_property_set"
    assert message.payload["property"] == {"key": "accord", "value": {"seq": 1}}


async def test_a_deletion_carries_the_last_state(system: LabSystem, receiver: Receiver) -> None:
    events = ["jira:issue_deleted"]
    await system.control.subscribe(Subscription(id="gone", url=receiver.url, events=events))
    issue = await system.control.create("issue", {"summary": "x"})
    await system.control.delete("issue", issue.id, by="alice")
    (message,) = await receiver.wait_for(1)
    assert message.payload["webhookEvent"] == "jira:issue_deleted"
    assert message.payload["issue"]["fields"]["summary"] == "x"
