"""Records, changes and webhooks as the plain system writes them in JSON."""

from typing import Any

from lab.systems.clock import iso
from lab.systems.records import Change, Record, Save

FieldStamps = dict[str, dict[str, Any]]


def version_token(record: Record, *, exact: bool) -> str:
    """The counter of saves, or, in a system without exact versions, the stamp: two saves may then bear the same."""
    return str(record.version) if exact else iso(record.modified_at) or ""


def record_shape(record: Record, url: str, stamps: FieldStamps | None, *, exact: bool) -> dict[str, Any]:
    """The record as every answer holds it; `stamps` only where the system tells a stamp per field."""
    shape = {
        "id": record.id,
        "key": record.key,
        "url": f"{url}/records/{record.record_type}/{record.id}",
        "version": version_token(record, exact=exact),
        "sequence": record.version if exact else None,
        "modified_at": iso(record.modified_at),
        "modified_by": record.modified_by,
        "deleted": record.deleted,
        "fields": record.fields,
    }
    return shape if stamps is None else shape | {"stamps": stamps}


def field_stamps(history: list[Save]) -> FieldStamps:
    """When and by whom each field was last set, from all saves of a record."""
    return {
        change.field: {"at": iso(save.record.modified_at), "by": change.by}
        for save in history
        for change in save.changes
    }


def change_shape(save: Save, change: Change, *, exact: bool) -> dict[str, Any]:
    return {
        "version": version_token(save.record, exact=exact),
        "field": change.field,
        "old": change.old,
        "new": change.new,
        "by": change.by,
        "at": iso(save.record.modified_at),
        "origin": change.origin,
        "marker": save.marker,
    }


def feed_shape(save: Save, *, exact: bool) -> dict[str, Any]:
    record = save.record
    return {
        "id": record.id,
        "version": version_token(record, exact=exact),
        "modified_at": iso(record.modified_at),
        "deleted": record.deleted,
    }


def webhook_shape(save: Save, delivery_id: str, *, exact: bool) -> dict[str, Any]:
    record = save.record
    return {
        "delivery_id": delivery_id,
        "event": save.event,
        "type": record.record_type,
        "id": record.id,
        "key": record.key,
        "version": version_token(record, exact=exact),
        "by": record.modified_by,
        "marker": save.marker,
        "at": iso(record.modified_at),
    }
