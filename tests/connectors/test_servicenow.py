from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from connectors.base import Connector
from connectors.servicenow.connector import build
from tests.connectors.conformance import HttpConformance
from tests.connectors.harness import NEXT_SECRET, SECRET, LabHarness

pytestmark = pytest.mark.stack


class ServiceNowHarness(LabHarness):
    kind = "servicenow"
    record_type, text, other = "incident", "description", "close_notes"
    choice, choices = "state", ("1", "2", "3", "6", "7", "8")
    names_culprits = False
    unknown_id = "0" * 32
    other_scope = "category=network^ORcategory=software"

    def open(self, **settings: Any) -> Connector:
        known = {
            "url": self.lab.url,
            "user": "accord",
            "password": "lab",
            "webhook_secrets": [SECRET, NEXT_SECRET],
        }
        return build("servicenow", known | settings)


class ServiceNowByToken(ServiceNowHarness):
    def open(self, **settings: Any) -> Connector:
        known = {"client_id": "accord", "client_secret": "lab", "password": None}
        return super().open(**known | settings)


class TestServiceNow(HttpConformance):
    running = ServiceNowHarness.running


class TestServiceNowWithoutAudit(HttpConformance):
    running = partial(ServiceNowByToken.running, audited=False)
