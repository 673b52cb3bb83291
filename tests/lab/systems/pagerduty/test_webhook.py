import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from lab.systems.outbox import Subscription
from lab.systems.pagerduty.webhook import headers
from lab.systems.process import LabSystem
from lab.systems.receiver import Receiver, until

stack = pytest.mark.stack


VECTOR = Path(__file__).parents[3] / "connectors/samples/pagerduty/webhook_v3_signature_vector.json"


def test_the_signature_is_the_one_that_the_vendor_published() -> None:
    vector = json.loads(VECTOR.read_text())
    subscription = Subscription(id="s", url="", secret=vector["secret"])
    assert (
        headers(subscription, "id", vector["raw_body"].encode())["x-pagerduty-signature"] == vector["value"]
    )


def test_while_a_secret_rotates_each_signs() -> None:
    both = Subscription(id="s", url="", secret="new", options={"previous_secrets": ["old"]})
    new, old = (Subscription(id="s", url="", secret=secret) for secret in ("new", "old"))
    signature = "x-pagerduty-signature"
    apart = [headers(one, "id", b"{}")[signature] for one in (new, old)]
    assert headers(both, "id", b"{}")[signature] == ",".join(apart)


@stack
async def test_a_change_is_told_as_the_resource_with_its_own_names(
    system: LabSystem, subscriber: Receiver
) -> None:
    incident = await system.control.create("incident", {"title": "x", "assignees": ["bob"]}, by="alice")
    await system.control.edit("incident", incident.id, {"priority": "P1"}, by="alice")
    first, second = (message.payload["event"] for message in await subscriber.wait_for(2))
    assert [event["event_type"] for event in (first, second)] == [
        "incident.triggered",
        "incident.priority_updated",
    ]
    assert second["agent"]["id"] == "PALICE1"
    data = second["data"]
    assert (data["id"], data["number"]) == (incident.id, int(incident.key))
    assert (data["priority"]["summary"], data["priority"]["type"]) == ("P1", "priority_reference")
    assert [one["id"] for one in data["assignees"]] == ["PBOBBY1"]
    assert not {"incident_number", "assignments", "changelog"} & set(data)


@stack
async def test_one_save_fires_an_event_for_each_kind_of_change(
    system: LabSystem, subscriber: Receiver
) -> None:
    incident = await system.control.create("incident", {"title": "x"})
    fields: dict[str, Any] = {"status": "acknowledged", "priority": "P2", "note": "n", "itsm_id": "INC1"}
    await system.control.edit("incident", incident.id, fields)
    events = [message.payload["event"] for message in (await subscriber.wait_for(5))[1:]]
    assert {event["event_type"].removeprefix("incident.") for event in events} == {
        "acknowledged", "priority_updated", "annotated", "custom_field_values.updated",
    }  # fmt: skip
    assert len({event["id"] for event in events}) == 4
    note = next(event["data"] for event in events if event["event_type"] == "incident.annotated")
    assert (note["content"], note["incident"]["id"]) == ("n", incident.id)


@stack
async def test_titles_and_urgency_are_not_told_and_a_reopening_is(
    system: LabSystem, subscriber: Receiver
) -> None:
    incident = await system.control.create("incident", {"title": "x", "status": "resolved"})
    await system.control.edit("incident", incident.id, {"title": "y", "urgency": "low"})
    await system.control.edit("incident", incident.id, {"status": "triggered"})
    while await system.control.undelivered():
        pass  # each look is a request; pytest's time-out is the deadline
    told = [message.payload["event"]["event_type"] for message in subscriber.received]
    assert told == ["incident.triggered", "incident.reopened"]


@stack
async def test_a_subscription_made_through_the_api_is_told_what_it_asked_for(
    system: LabSystem, api: httpx.AsyncClient, receiver: Receiver
) -> None:
    method = {
        "type": "http_delivery_method", "url": receiver.url, "custom_headers": [{"name": "x-team", "value": "ops"}],
    }  # fmt: skip
    asked = {"type": "webhook_subscription", "delivery_method": method, "events": ["incident.resolved"]}
    made = (await api.post("/webhook_subscriptions", json={"webhook_subscription": asked})).json()
    secret = made["webhook_subscription"]["delivery_method"]["secret"]
    incident = await system.control.create("incident", {"title": "x"})
    await system.control.edit("incident", incident.id, {"status": "resolved"})
    (message,) = await receiver.wait_for(1)
    assert message.payload["event"]["event_type"] == "incident.resolved"
    assert message.headers["x-team"] == "ops"
    expected = hmac.new(secret.encode(), message.body, hashlib.sha256).hexdigest()
    assert message.headers["x-pagerduty-signature"] == f"v1={expected}"


@stack
async def test_a_delivery_is_tried_again_under_the_same_id_but_not_after_a_400(
    system: LabSystem, subscriber: Receiver
) -> None:
    subscriber.answers += [500]
    await system.control.create("incident", {"title": "x"})
    first, second = await subscriber.wait_for(2)
    assert first.headers["x-webhook-id"] == second.headers["x-webhook-id"]
    subscriber.answers += [400]
    await system.control.create("incident", {"title": "y"})
    await until(lambda: len(subscriber.received) == 3)
    while (await system.control.webhooks())["failed"] != 1:
        pass  # each look is a request; pytest's time-out is the deadline
