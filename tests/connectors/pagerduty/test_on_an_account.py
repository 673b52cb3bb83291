"""What the suite doesn't ask of every system: silent edits, statuses, and whether each request is a described one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from connectors.base import Connector
from connectors.pagerduty.connector import build
from domain.errors import RecordRejected
from domain.records import RecordRef
from tests.connectors.harness import eventually
from tests.connectors.openapi.described import Description, Recorder
from tests.connectors.test_pagerduty import FIELDS, PagerDutyHarness

pytestmark = pytest.mark.stack


@pytest_asyncio.fixture(scope="module")
async def account(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PagerDutyHarness]:
    async with PagerDutyHarness.running(tmp_path_factory.mktemp("lab"), custom_fields=FIELDS) as running:
        yield running


@pytest.fixture
def connector(account: PagerDutyHarness) -> Connector:
    return account.connector


@pytest_asyncio.fixture
async def ref(account: PagerDutyHarness) -> RecordRef:
    return await account.a_record()


async def next_cursor(
    connector: Connector, cursor: str | None = None, scope: str | None = None
) -> tuple[set[str], str]:
    """The incidents that the feed tells up to its end, and the cursor there."""
    told: set[str] = set()
    more = True
    while more:
        page = await connector.list_changes("incident", scope=scope, cursor=cursor)
        told |= {notice.ref.id for notice in page.notices}
        cursor, more = page.cursor, page.more
    assert cursor is not None
    return told, cursor


async def test_an_edit_of_the_title_that_no_log_tells_is_found_on_an_open_incident(
    account: PagerDutyHarness, connector: Connector, ref: RecordRef
) -> None:
    _, cursor = await next_cursor(connector)
    await account.person_edits(ref, {"title": "renamed in silence"})
    assert "title" not in {version.field for version in await connector.history(ref)}
    assert "title" in connector.capabilities.unlogged

    async def told() -> bool:
        return ref.id in (await next_cursor(connector, cursor))[0]

    assert await eventually(told)


async def test_a_resolution_is_told_though_the_incident_is_open_no_more(
    account: PagerDutyHarness, connector: Connector, ref: RecordRef
) -> None:
    _, cursor = await next_cursor(connector)
    await account.person_edits(ref, {"status": "resolved"})

    async def told() -> bool:
        return ref.id in (await next_cursor(connector, cursor))[0]

    assert await eventually(told)


async def test_a_scope_leaves_other_services_out(
    account: PagerDutyHarness, connector: Connector, ref: RecordRef
) -> None:
    other = await account.a_record(service="PSERVIC2")
    told, cursor = await next_cursor(connector, scope="service=PSERVIC2")
    assert other.id in told
    assert ref.id not in told
    await account.person_edits(ref, {"status": "resolved"})
    await account.person_edits(other, {"status": "resolved"})

    async def other_told_alone() -> bool:
        told, _ = await next_cursor(connector, cursor, scope="service=PSERVIC2")
        assert ref.id not in told
        return other.id in told

    assert await eventually(other_told_alone)


async def test_a_status_is_set_and_reopened(connector: Connector, ref: RecordRef) -> None:
    for status in ("acknowledged", "resolved", "triggered"):
        result = await connector.update(await connector.read(ref), {"status": status}, marker="m")
        assert result.fields is not None
        assert result.fields["status"] == status
    told = [v.value for v in await connector.history(ref) if v.field == "status"]
    assert told == ["triggered", "acknowledged", "resolved", "triggered"]


async def test_a_priority_is_set_by_name_and_cleared(connector: Connector, ref: RecordRef) -> None:
    for priority in ("P1", None):
        result = await connector.update(await connector.read(ref), {"priority": priority}, marker="m")
        assert result.fields is not None
        assert result.fields["priority"] == priority


async def test_a_create_sets_afterwards_what_it_cannot_carry(connector: Connector) -> None:
    fields = {"title": "new", "service": "PSERVICE", "status": "acknowledged", "custom_fields.room": "7"}
    created = await connector.create("incident", fields, marker="whole-1")
    assert (created.value("status"), created.value("custom_fields.room")) == ("acknowledged", "7")


async def test_a_repeated_create_makes_no_second_incident(connector: Connector) -> None:
    fields = {"title": "once", "service": "PSERVICE"}
    first = await connector.create("incident", fields, marker="twice-1")
    second = await connector.create("incident", fields, marker="twice-1")
    assert second.ref == first.ref
    assert len(await connector.find_marked("incident", "twice-1")) == 1


async def test_nothing_can_be_deleted(connector: Connector, ref: RecordRef) -> None:
    with pytest.raises(RecordRejected, match="can't be deleted"):
        await connector.delete(await connector.read(ref))


async def test_closed_lists_are_known(connector: Connector, ref: RecordRef) -> None:
    assert await connector.allowed_values(ref, "status") == ["triggered", "acknowledged", "resolved"]
    assert await connector.allowed_values("incident", "urgency") == ["high", "low"]
    assert await connector.allowed_values("incident", "priority") == ["P1", "P2", "P3", "P4", "P5"]


async def test_every_request_is_a_described_one(account: PagerDutyHarness) -> None:
    recorder, description = Recorder(), Description.of("pagerduty")
    settings = {
        "url": account.lab.url,
        "token": "lab",
        "from_email": "accord@example.com",
        "custom_fields": ["room"],
        "marker_field": "link",
    }
    connector = build("pagerduty", settings, transport=recorder)
    await use_everything(connector)
    await connector.aclose()
    sent = [(request, request.url.path) for request in recorder.requests]
    assert [m for request, path in sent for m in description.mistakes(request, path)] == []
    assert {description.name_of(request, path) for request, path in sent} == set(description.operations())


async def use_everything(connector: Connector) -> None:
    """Each call of the contract that sends something."""
    await connector.probe()
    fields = {
        "title": "all",
        "service": "PSERVICE",
        "priority": "P2",
        "urgency": "low",
        "details": "what happened",
        "assignees": ["PALICE1"],
        "custom_fields.room": "1",
    }
    incident = await connector.create("incident", fields, marker="all-1")
    await connector.update(incident, {"title": "b", "status": "acknowledged", "priority": None}, marker="m")
    await connector.set_marker(incident.ref, "all-1")
    await connector.find("incident", {"status": "acknowledged", "title": "b"}, scope="service=PSERVICE")
    _, cursor = await next_cursor(connector, scope="service=PSERVICE")
    await next_cursor(connector, cursor, scope="service=PSERVICE")
    await connector.history(incident.ref, incident)
    for field in ("priority", "custom_fields.room"):
        await connector.allowed_values("incident", field)
