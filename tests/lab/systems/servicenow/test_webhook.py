import hashlib
import hmac

import pytest

from lab.systems.process import LabSystem
from lab.systems.receiver import Receiver, until

pytestmark = pytest.mark.stack


async def test_the_business_rule_tells_each_save_and_signs_it(
    system: LabSystem, subscriber: Receiver
) -> None:
    record = await system.control.create("incident", {"short_description": "x", "urgency": "3"}, by="alice")
    await system.control.edit("incident", record.id, {"urgency": "1"}, by="bob")
    await system.control.delete("incident", record.id, by="bob")
    inserted, updated, deleted = await subscriber.wait_for(3)
    assert [message.payload["operation"] for message in (inserted, updated, deleted)] == [
        "insert",
        "update",
        "delete",
    ]
    told = updated.payload
    assert told["changes"] == {"urgency": ["3", "1"]}
    assert (told["table"], told["sys_id"], told["number"]) == ("incident", record.id, record.key)
    assert (told["sys_mod_count"], told["sys_updated_by"]) == ("1", "bob")
    signed = updated.headers["x-accord-timestamp"].encode() + b"." + updated.body
    expected = hmac.new(b"s3cret", signed, hashlib.sha256).hexdigest()
    assert updated.headers["x-accord-signature"] == f"sha256={expected}"


async def test_the_business_rule_does_not_try_again(system: LabSystem, subscriber: Receiver) -> None:
    subscriber.answers += [500]
    await system.control.create("incident", {"short_description": "x"})
    await subscriber.wait_for(1)
    while (await system.control.webhooks())["failed"] != 1:
        pass  # each look is a request; pytest's time-out is the deadline
    await system.control.create("incident", {"short_description": "y"})
    await until(lambda: len(subscriber.received) == 2)
