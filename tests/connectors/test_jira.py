from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import pytest
from pydantic import JsonValue

from connectors.base import Connector
from connectors.jira.connector import build
from domain.records import RecordRef
from lab.systems.injections import Injection
from tests.connectors.conformance import HttpConformance
from tests.connectors.harness import NEXT_SECRET, SECRET, LabHarness

pytestmark = pytest.mark.stack

LAB_TYPE = "issue"
"""The simulator's record type of every issue, whatever its issue type."""


class JiraHarness(LabHarness):
    kind = "jira"
    record_type, text, other = "Bug", "description", "customfield_10001"
    choice, choices = "priority", ("Highest", "Medium", "Lowest")
    needed = MappingProxyType({"summary": "made by the suite"})
    other_scope = "project = DEV"

    def open(self, **settings: Any) -> Connector:
        known = {
            "url": self.lab.url,
            "email": "accord@example.com",
            "token": "lab",
            "project": "OPS",
            "webhook_secrets": [SECRET, NEXT_SECRET],
        }
        return build("jira", known | settings)

    async def person_creates(self, fields: Mapping[str, JsonValue]) -> RecordRef:
        issue = {"issuetype": self.record_type, "project": "OPS", **fields}
        return self.ref((await self.control.create(LAB_TYPE, issue, by="ada")).id)

    async def person_edits(self, ref: RecordRef, fields: Mapping[str, JsonValue], *, by: str = "ada") -> None:
        await self.control.edit(LAB_TYPE, ref.id, dict(fields), by=by)

    async def person_deletes(self, ref: RecordRef) -> None:
        await self.control.delete(LAB_TYPE, ref.id, by="ada")

    async def gets_in_between(self, ref: RecordRef, fields: Mapping[str, JsonValue]) -> None:
        injection = Injection(
            before="write", record_type=LAB_TYPE, record=ref.id, fields=dict(fields), by="ada"
        )
        await self.control.inject(injection)

    async def writes(self, ref: RecordRef) -> int:
        return (await self.control.record_counts(LAB_TYPE, ref.id)).get("writes", 0)


class JiraWithMarkerField(JiraHarness):
    other = "customfield_10004"

    def open(self, **settings: Any) -> Connector:
        return super().open(marker_field="customfield_10001", version_exact=True, **settings)


class TestJira(HttpConformance):
    running = JiraHarness.running


class TestJiraWithAMarkerFieldAndALaggingIndex(HttpConformance):
    running = partial(JiraWithMarkerField.running, search_lag=0.5, granularity=1)
