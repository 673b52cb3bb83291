"""The instance's outbound message: a business rule of the customer's own that posts and signs, since ServiceNow has no webhooks.

The format is Accord's (fact sheet, "Events out"): HMAC-SHA256 over `timestamp.body` in `X-Accord-Signature: sha256=<hex>`.
"""

import hmac
from hashlib import sha256
from typing import Any, Final

from lab.systems.records import Save
from lab.systems.servicenow.rows import changes_told, mod_count
from lab.systems.servicenow.values import time_text

_OPERATION: Final = {"created": "insert", "updated": "update", "deleted": "delete", "moved": "update"}


def message(save: Save, event_id: str) -> dict[str, Any]:
    record = save.record
    return {
        "event_id": event_id,
        "table": record.record_type,
        "sys_id": record.id,
        "number": record.key,
        "sys_mod_count": mod_count(record),
        "operation": _OPERATION[save.event],
        "sys_updated_by": record.modified_by,
        "sys_updated_on": time_text(record.modified_at),
        "changes": changes_told(save),
    }


def signature(secret: str, timestamp: str, body: bytes) -> dict[str, str]:
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, sha256)
    return {
        "content-type": "application/json",
        "x-accord-timestamp": timestamp,
        "x-accord-signature": f"sha256={digest.hexdigest()}",
    }
