from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import pytest
import pytest_asyncio

from connectors.base import Connector
from connectors.servicenow.connector import build
from domain.errors import (
    ConfigError,
    CredentialsRefused,
    RateLimited,
    RecordGone,
    RecordHidden,
    RecordRejected,
)
from domain.records import Evidence
from lab.systems.control_api import Action
from tests.connectors.conformance import HttpConformance, drain
from tests.connectors.described import Described
from tests.connectors.harness import NEXT_SECRET, SECRET, LabHarness

pytestmark = pytest.mark.stack


class ServiceNowHarness(LabHarness):
    kind = "servicenow"
    record_type, text, other = "incident", "description", "close_notes"
    choice, choices = "state", ("1", "2", "3", "6", "7", "8")
    names_culprits = False
    unknown_id = "0" * 32
    other_scope = "category=network^ORcategory=software"

    def open(self, *, transport: httpx.AsyncBaseTransport | None = None, **settings: Any) -> Connector:
        known = {
            "url": self.lab.url,
            "user": "accord",
            "password": "lab",
            "webhook_secrets": [SECRET, NEXT_SECRET],
        }
        return build("servicenow", known | settings, transport=transport)


BY_TOKEN = {"client_id": "accord", "client_secret": "lab", "password": None}


class ServiceNowByToken(ServiceNowHarness):
    def open(self, **settings: Any) -> Connector:
        return super().open(**BY_TOKEN | settings)


class TestServiceNow(HttpConformance):
    running = ServiceNowHarness.running


class TestServiceNowWithoutAudit(HttpConformance):
    running = partial(ServiceNowByToken.running, audited=False)


@pytest_asyncio.fixture(scope="module")
async def instance(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServiceNowHarness]:
    async with ServiceNowHarness.running(tmp_path_factory.mktemp("instance")) as running:
        yield running


@pytest_asyncio.fixture
async def snow(instance: ServiceNowHarness) -> ServiceNowHarness:
    await instance.control.reset(settings=True)
    return instance


async def test_a_column_that_keeps_its_value_in_silence_is_refused_by_name(snow: ServiceNowHarness) -> None:
    seen = await snow.connector.read(await snow.a_record())
    await snow.control.change_settings(unwritable=["close_notes"])
    with pytest.raises(RecordRejected) as refused:
        await snow.connector.update(seen, {"close_notes": "ours", "description": "ours"}, marker="w")
    assert set(refused.value.fields) == {"close_notes"}
    assert (await snow.connector.read(seen.ref)).value("description") == "ours"


async def test_a_journal_entry_reads_back_empty_and_is_not_taken_for_refused(snow: ServiceNowHarness) -> None:
    seen = await snow.connector.read(await snow.a_record())
    await snow.connector.update(seen, {"work_notes": "seen to it"}, marker="w")


async def test_an_aborted_write_says_what_the_rule_said(snow: ServiceNowHarness) -> None:
    seen = await snow.connector.read(await snow.a_record())
    await snow.control.change_settings(aborting_rules=[{"when": {"state": "7"}, "message": "not yet"}])
    with pytest.raises(RecordRejected, match="not yet"):
        await snow.connector.update(seen, {"state": "7"}, marker="w")


async def test_a_feed_at_rest_tells_nothing_twice(snow: ServiceNowHarness) -> None:
    for _ in range(3):
        await snow.a_record()
    told, cursor = await drain(snow.connector, "incident", None)
    assert len(told) == 3
    again, cursor = await drain(snow.connector, "incident", cursor)
    assert again == []
    await snow.person_edits(told[0].ref, {"description": "in the same second, perhaps"})
    later, _ = await drain(snow.connector, "incident", cursor)
    assert [notice.ref for notice in later] == [told[0].ref]


async def test_a_mass_edit_within_one_second_is_read_whole(snow: ServiceNowHarness) -> None:
    made = [
        Action(do="create", record_type="incident", fields={"description": str(n)}, at=1e9) for n in range(25)
    ]
    ids = {record.id for record in await snow.control.act(made)}
    told, _ = await drain(snow.connector, "incident", None, limit=4)
    assert {notice.ref.id for notice in told} == ids
    assert len(told) == 25


async def test_a_page_that_access_rules_hide_whole_is_passed_over(snow: ServiceNowHarness) -> None:
    refs = [await snow.a_record() for _ in range(6)]
    hidden = sorted(ref.id for ref in refs)[:4]
    await snow.control.change_settings(hidden_records=hidden)
    told, _ = await drain(snow.connector, "incident", None, limit=2)
    assert {notice.ref.id for notice in told} == {ref.id for ref in refs} - set(hidden)


async def test_a_scope_bounds_the_feed_and_the_search(snow: ServiceNowHarness) -> None:
    inside = await snow.a_record(category="network")
    await snow.a_record(category="software")
    told, _ = await drain(snow.connector, "incident", None, scope="category=network")
    assert [notice.ref for notice in told] == [inside]
    found = await snow.connector.find("incident", {"close_notes": "room 1"}, scope="category=network")
    assert [hit.ref for hit in found] == [inside]


async def test_a_scope_that_the_row_does_not_tell_is_asked_of_the_instance(snow: ServiceNowHarness) -> None:
    scope = "category=network^ORcategory=software"
    for category, is_inside in (("network", True), ("software", True), ("hardware", False)):
        row = await snow.connector.read(await snow.a_record(category=category))
        assert snow.connector.lies_within(row, scope) is None
        assert await snow.connector.is_in_scope(row, scope) is is_inside


@pytest.mark.parametrize("scope", ["catgory=network", "category=network^NQactive=true", "category~network"])
async def test_a_scope_that_would_be_dropped_in_silence_is_refused(
    snow: ServiceNowHarness, scope: str
) -> None:
    await snow.a_record()
    with pytest.raises(ConfigError, match="scope"):
        await snow.connector.list_changes("incident", scope=scope, cursor=None)


async def test_a_search_by_a_column_that_is_not_there_is_refused(snow: ServiceNowHarness) -> None:
    with pytest.raises(ConfigError, match="no column corelation_id"):
        await snow.connector.find("incident", {"corelation_id": "x"})


async def test_a_search_compares_case_although_the_instance_does_not(snow: ServiceNowHarness) -> None:
    await snow.a_record(description="Mail Down")
    assert await snow.connector.find("incident", {"description": "mail down"}) == []


async def test_the_audit_is_found_out_from_the_first_record_with_edits(snow: ServiceNowHarness) -> None:
    connector = snow.open()
    ref = await snow.a_record()
    await connector.read(ref)
    assert not connector.capabilities.change_history
    await snow.person_edits(ref, {"description": "edited"})
    await connector.read(ref)
    assert connector.capabilities.change_history
    assert "flag" in connector.capabilities.deletes
    await connector.aclose()


async def test_a_tombstone_says_who_deleted_and_when(snow: ServiceNowHarness) -> None:
    ref = await snow.a_record()
    await snow.person_deletes(ref)
    with pytest.raises(RecordGone) as gone:
        await snow.connector.read(ref)
    assert gone.value.gone.evidence is Evidence.FLAG
    assert gone.value.gone.by == "ada"
    assert gone.value.gone.at is not None


async def test_a_record_behind_an_access_rule_is_not_gone(snow: ServiceNowHarness) -> None:
    ref = await snow.a_record()
    await snow.control.change_settings(hidden_records=[ref.id])
    with pytest.raises(RecordHidden):
        await snow.connector.read(ref)


async def test_a_limit_without_retry_after_is_read_from_the_instances_own_header(
    snow: ServiceNowHarness,
) -> None:
    ref = await snow.a_record()
    reset = {"X-RateLimit-Reset": str(int(time.time()) + 90)}
    await snow.arm(effect="status", status=429, headers=reset, times=1)
    with pytest.raises(RateLimited) as limited:
        await snow.connector.read(ref)
    assert timedelta(seconds=80) < limited.value.retry_after <= timedelta(seconds=91)


async def test_what_is_sent_is_what_the_documentation_allows(snow: ServiceNowHarness) -> None:
    described = Described.by("servicenow")
    connector = snow.open(transport=described)
    created = await connector.create("incident", {"description": "new", "state": "2"}, marker="m-1")
    await connector.update(created, {"description": "newer", "close_notes": None}, marker="w")
    await connector.read_many([created.ref])
    await connector.find_marked("incident", "m-1")
    await connector.read(created.ref)
    await connector.history(created.ref)
    await connector.allowed_values(created.ref, "state")
    await drain(connector, "incident", None, scope="state=2", limit=1)
    await connector.probe()
    await connector.delete(created)
    await connector.aclose()
    assert described.requests >= 10
    assert described.complaints == []


async def test_a_token_that_is_refused_before_its_time_is_fetched_anew(snow: ServiceNowHarness) -> None:
    connector = snow.open(**BY_TOKEN)
    ref = await snow.a_record()
    await connector.read(ref)
    await snow.arm(effect="status", status=401, operation="read", times=1)
    assert (await connector.read(ref)).ref == ref
    await connector.aclose()


async def test_a_client_that_gets_no_token_has_its_credentials_refused(snow: ServiceNowHarness) -> None:
    connector = snow.open(password=None, client_id="accord", client_secret="wrong")
    with pytest.raises(CredentialsRefused, match="no token"):
        await connector.probe()
    await connector.aclose()


async def test_a_wrong_password_stops_the_connection(snow: ServiceNowHarness) -> None:
    connector = snow.open(password="wrong")
    with pytest.raises(CredentialsRefused):
        await connector.probe()
    await connector.aclose()


def test_credentials_of_one_kind_are_needed() -> None:
    with pytest.raises(ConfigError, match="give password, or client_id"):
        build("snow", {"url": "https://x.test", "user": "accord"})
