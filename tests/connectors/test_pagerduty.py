from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import pytest
from pydantic import JsonValue

from connectors.base import Connector
from connectors.pagerduty.connector import build
from connectors.pagerduty.incidents import CUSTOM
from domain.records import RecordRef
from tests.connectors.conformance import HttpConformance
from tests.connectors.harness import NEXT_SECRET, SECRET, Harness, LabHarness

pytestmark = pytest.mark.stack

FIELDS = {
    "story": {"id": "PCUST01", "display_name": "Story"},
    "room": {"id": "PCUST02", "display_name": "Room"},
    "link": {"id": "PCUST03", "display_name": "Link"},
}


class PagerDutyHarness(LabHarness):
    """Custom fields stand for the texts of the suite: an incident's title is short, and its edits aren't logged."""

    kind = "pagerduty"
    record_type, text, other = "incident", f"{CUSTOM}story", f"{CUSTOM}room"
    choice, choices = "priority", ("P1", "P2", "P3")
    unknown_id, other_scope = "QUNKNOWN", "service=PSERVIC2"
    needed = MappingProxyType({"title": "made by the suite", "service": "PSERVICE"})

    def open(self, **settings: Any) -> Connector:
        known = {
            "url": self.lab.url,
            "token": "lab",
            "from_email": "accord@example.com",
            "custom_fields": ["story", "room"],
            "marker_field": "link",
            "webhook_secrets": [SECRET, NEXT_SECRET],
        }
        return build("pagerduty", known | settings)

    def stored(self, fields: Mapping[str, JsonValue]) -> dict[str, Any]:
        return {name.removeprefix(CUSTOM): value for name, value in fields.items()}


class TestPagerDuty(HttpConformance):
    running = partial(PagerDutyHarness.running, custom_fields=FIELDS)

    async def test_a_marker_can_be_written_later(
        self,
        harness: Harness,  # noqa: ARG002 - the signature of the suite's own test
        connector: Connector,
        ref: RecordRef,
    ) -> None:
        """It is shown, but never found: PagerDuty searches no custom field."""
        await connector.set_marker(ref, "later")
        assert (await connector.read(ref)).marker == "later"


class TestPagerDutyWithALaggingList(TestPagerDuty):
    running = partial(PagerDutyHarness.running, custom_fields=FIELDS, search_lag=0.5)
