from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from connectors.base import Connector
from connectors.plain.connector import build
from tests.connectors.conformance import HttpConformance
from tests.connectors.harness import NEXT_SECRET, SECRET, LabHarness

pytestmark = pytest.mark.stack


class PlainHarness(LabHarness):
    kind = "plain"
    record_type, text, other = "ticket", "title", "room"
    choice, choices = "priority", ("P1", "P2", "P3")

    def open(self, **settings: Any) -> Connector:
        known = {"url": self.lab.url, "token": "lab", "webhook_secrets": [SECRET, NEXT_SECRET]}
        return build("plain", known | settings)


class PoorPlainHarness(PlainHarness):
    def open(self, **settings: Any) -> Connector:
        return super().open(tells_deletions=False, **settings)


VALID = {"priority": ["P1", "P2", "P3"]}


class TestPlain(HttpConformance):
    running = partial(PlainHarness.running, valid=VALID, field_stamps=True)


class TestPlainThatReturnsNothing(HttpConformance):
    running = partial(PlainHarness.running, valid=VALID, returns_record=False, cas=False)


class TestPoorPlain(HttpConformance):
    running = partial(
        PoorPlainHarness.running, valid=VALID, cas=False, history=False, version_exact=False, gone_status=404
    )
