"""Webhooks as they arrive at a real receiver."""

import hashlib
import hmac
from typing import Literal

import httpx
import pytest

from lab.systems.outbox import Subscription
from lab.systems.process import LabSystem
from lab.systems.receiver import Receiver

pytestmark = pytest.mark.stack


async def nothing_undelivered(system: LabSystem) -> None:
    while await system.control.undelivered():
        pass  # each look is a request; pytest's time-out is the deadline


async def test_a_save_is_told_with_a_signature_that_verifies(system: LabSystem, subscriber: Receiver) -> None:
    record = await system.control.create("ticket", {"title": "t"}, by="ann", at=60)
    (message,) = await subscriber.wait_for(1)
    signed = message.headers["x-plain-timestamp"].encode() + b"." + message.body
    expected = hmac.new(b"s3cret", signed, hashlib.sha256).hexdigest()
    assert message.headers["x-plain-signature"] == f"sha256={expected}"
    assert message.payload == {
        "delivery_id": message.headers["x-plain-delivery"],
        "event": "created",
        "type": "ticket",
        "id": record.id,
        "key": record.key,
        "version": "1",
        "by": "ann",
        "marker": None,
        "at": "1970-01-01T00:01:00.000Z",
    }


async def test_every_kind_of_save_is_told_in_order(
    system: LabSystem, api: httpx.AsyncClient, subscriber: Receiver
) -> None:
    record = await system.control.create("ticket", {"title": "t"})
    await api.patch(f"/records/ticket/{record.id}", json={"fields": {"title": "u"}, "marker": "m"})
    await system.control.move("ticket", record.id, "BETA-1")
    await system.control.delete("ticket", record.id)
    told = [message.payload for message in await subscriber.wait_for(4)]
    assert [payload["event"] for payload in told] == ["created", "updated", "moved", "deleted"]
    assert told[1]["marker"] == "m"
    assert told[2]["key"] == "BETA-1"


async def test_the_events_of_one_record_come_in_order(system: LabSystem, subscriber: Receiver) -> None:
    await system.control.hold()
    record = await system.control.create("ticket", {"n": 0})
    for n in range(1, 30):
        await system.control.edit("ticket", record.id, {"n": n})
    await system.control.change_settings(webhook_hold=False)
    told = [int(message.payload["version"]) for message in await subscriber.wait_for(30)]
    assert told == list(range(1, 31))


async def test_a_filter_keeps_other_types_and_events_away(system: LabSystem, receiver: Receiver) -> None:
    narrow = Subscription(id="hook", url=receiver.url, record_types=["ticket"], events=["updated"])
    await system.control.subscribe(narrow)
    await system.control.create("note", {"title": "n"})
    record = await system.control.create("ticket", {"title": "t"})
    await system.control.edit("ticket", record.id, {"title": "u"})
    (message,) = await receiver.wait_for(1)
    await nothing_undelivered(system)
    assert message.payload["event"] == "updated"
    assert len(receiver.received) == 1


async def test_held_webhooks_wait_and_are_counted(system: LabSystem, subscriber: Receiver) -> None:
    await system.control.hold()
    for _ in range(3):
        await system.control.create("ticket", {"title": "t"})
    counts = await system.control.webhooks()
    assert (counts["undelivered"], counts["held"], subscriber.received) == (3, 3, [])
    assert await system.control.release() == 3
    await subscriber.wait_for(3)
    await nothing_undelivered(system)


@pytest.mark.parametrize("order", ["reversed", "shuffled", "listed"])
async def test_released_webhooks_come_in_the_order_asked_for(
    system: LabSystem, subscriber: Receiver, order: Literal["reversed", "shuffled", "listed"]
) -> None:
    await system.control.hold()
    ids = [(await system.control.create("ticket", {"n": n})).id for n in range(6)]
    listed = [ids[3], ids[0], *ids[1:3], *ids[4:]]
    await system.control.release(listed if order == "listed" else order, seed=7)
    arrived = [message.payload["id"] for message in await subscriber.wait_for(6)]
    if order == "shuffled":
        assert sorted(arrived) == sorted(ids)
        assert arrived != ids
    else:
        assert arrived == {"reversed": ids[::-1], "listed": listed}[order]


async def test_a_refused_webhook_is_retried_under_the_same_delivery_id(
    system: LabSystem, subscriber: Receiver
) -> None:
    await system.control.change_settings(webhook_backoff=0.01)
    subscriber.answers[:] = [503, 429]
    await system.control.create("ticket", {"title": "t"})
    messages = await subscriber.wait_for(3)
    await nothing_undelivered(system)
    assert len({message.payload["delivery_id"] for message in messages}) == 1
    assert (await system.control.webhooks())["delivered"] == 1


@pytest.mark.parametrize(("retries", "status", "tries"), [(0, 503, 1), (2, 503, 3), (5, 404, 1)])
async def test_a_sender_gives_up_after_its_retries_or_a_final_answer(
    system: LabSystem, subscriber: Receiver, retries: int, status: int, tries: int
) -> None:
    await system.control.change_settings(webhook_retries=retries, webhook_backoff=0.01)
    subscriber.answers[:] = [status] * 10
    await system.control.create("ticket", {"title": "t"})
    await nothing_undelivered(system)
    assert len(subscriber.received) == tries
    assert (await system.control.webhooks())["failed"] == 1


async def test_copies_bear_one_delivery_id_and_dropped_ones_never_come(
    system: LabSystem, subscriber: Receiver
) -> None:
    await system.control.change_settings(webhook_drop_next=1, webhook_copies=3)
    await system.control.create("ticket", {"title": "dropped"})
    told = await system.control.create("ticket", {"title": "told"})
    messages = await subscriber.wait_for(3)
    await nothing_undelivered(system)
    assert {message.payload["id"] for message in messages} == {told.id}
    assert len({message.payload["delivery_id"] for message in messages}) == 1
    assert len(subscriber.received) == 3


async def test_a_delayed_webhook_counts_as_undelivered(system: LabSystem, subscriber: Receiver) -> None:
    await system.control.change_settings(webhook_delay=3600)
    await system.control.create("ticket", {"title": "t"})
    assert await system.control.undelivered() == 1
    assert subscriber.received == []


async def test_the_last_event_can_be_sent_again_altered(system: LabSystem, subscriber: Receiver) -> None:
    record = await system.control.create("ticket", {"title": "t"})
    await subscriber.wait_for(1)
    await system.control.resend("ticket", record.id, times=2, altered={"version": "99"})
    messages = await subscriber.wait_for(3)
    assert [message.payload["version"] for message in messages] == ["1", "99", "99"]
    assert messages[1].payload["delivery_id"] != messages[0].payload["delivery_id"]


async def test_automation_tells_of_its_own_save(system: LabSystem, subscriber: Receiver) -> None:
    await system.control.change_settings(
        automation=[{"when": {"status": "done"}, "set": {"resolution": "fixed"}}]
    )
    await system.control.create("ticket", {"status": "done"})
    messages = await subscriber.wait_for(2)
    assert [message.payload["by"] for message in messages] == ["person", "automation"]


async def test_a_receiver_that_is_away_holds_up_nobody_else(system: LabSystem, subscriber: Receiver) -> None:
    await system.control.subscribe(Subscription(id="away", url="http://127.0.0.1:9/hook"))
    await system.control.create("ticket", {"title": "t"})
    await subscriber.wait_for(1)
    assert await system.control.undelivered() == 1
