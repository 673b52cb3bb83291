"""Searching incidents, which PagerDuty's list allows by few fields: the rest is compared here, among the newest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from connectors.pagerduty.api import PagerDutyApi
from connectors.pagerduty.incidents import Incident
from domain.records import Snapshot
from domain.values import same

SCANNED = 200
"""The newest incidents that a search looks through for what the list can't be filtered by."""
FILTERS = {
    "incident_key": "incident_key",
    "status": "statuses[]",
    "urgency": "urgencies[]",
    "service": "service_ids[]",
}
"""Native field → the list's parameter."""


def list_filters(equals: Mapping[str, JsonValue]) -> dict[str, Any]:
    """The parameters that the list has for these values; no parameter asks for an empty field."""
    return {FILTERS[n]: value for n, value in equals.items() if n in FILTERS and isinstance(value, str)}


async def newest_incidents(api: PagerDutyApi, equals: Mapping[str, JsonValue]) -> list[Incident]:
    """The newest incidents that the list's own filters let through."""
    query = {**list_filters(equals), "date_range": "all", "sort_by": "created_at:desc"}
    found: list[Incident] = []
    more = True
    while more and len(found) < SCANNED:
        page = await api.incidents(query, offset=len(found))
        found += page.incidents
        more = page.more and bool(page.incidents)
    return found


def may_equal(incident: Incident, equals: Mapping[str, JsonValue]) -> bool:
    """Whether nothing that the list shows speaks against it; it shows neither details nor custom fields."""
    listed = incident.natural()
    return all(name not in listed or same(listed[name], value) for name, value in equals.items())


def has_values(snapshot: Snapshot, values: Mapping[str, JsonValue]) -> bool:
    return all(same(snapshot.value(name), value) for name, value in values.items())
