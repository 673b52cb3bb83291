"""Faults, limits, people in between, and what the journal says of it all."""

import httpx
import pytest

from lab.systems.faults import Fault
from lab.systems.injections import Injection
from lab.systems.process import LabSystem
from lab.systems.records import Record

pytestmark = pytest.mark.stack


async def a_ticket(system: LabSystem) -> Record:
    return await system.control.create("ticket", {"title": "t", "priority": "P2"})


async def write(api: httpx.AsyncClient, record: Record, **fields: str) -> httpx.Response:
    return await api.patch(f"/records/ticket/{record.id}", json={"fields": fields})


async def test_a_lost_response_leaves_the_write_done(system: LabSystem, api: httpx.AsyncClient) -> None:
    record = await a_ticket(system)
    await system.control.arm(Fault(effect="lost_response", operation="write", times=1))
    with pytest.raises(httpx.TransportError):
        await write(api, record, title="u")
    assert (await api.get(f"/records/ticket/{record.id}")).json()["fields"]["title"] == "u"
    entry = (await system.control.journal())[0]
    assert (entry.status, entry.applied, entry.records) == (None, True, (f"ticket/{record.id}",))


async def test_a_status_fault_answers_in_the_systems_words_and_writes_nothing(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    record = await a_ticket(system)
    fault = Fault(
        effect="status", status=429, headers={"retry-after": "30"}, reason="slow down", operation="write"
    )
    fault_id = await system.control.arm(fault)
    answer = await write(api, record, title="u")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "30")
    assert answer.json()["error"]["message"] == "slow down"
    await system.control.disarm(fault_id)
    assert (await system.control.record("ticket", record.id)).record.version == 1
    assert (await write(api, record, title="u")).status_code == 200


async def test_a_status_fault_may_come_after_the_write(system: LabSystem, api: httpx.AsyncClient) -> None:
    record = await a_ticket(system)
    await system.control.arm(Fault(effect="status", status=502, body="<html>", applied=True, times=1))
    answer = await write(api, record, title="u")
    assert (answer.status_code, answer.text) == (502, "<html>")
    assert (await system.control.record("ticket", record.id)).record.fields["title"] == "u"


async def test_faults_armed_for_one_request_each_strike_one_after_the_other(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    record = await a_ticket(system)
    for status in (503, 429):
        await system.control.arm(Fault(effect="status", status=status, times=1))
    answers = [await write(api, record, title=title) for title in ("a", "b", "c")]
    assert [answer.status_code for answer in answers] == [503, 429, 200]
    assert await system.control.faults() == []


async def test_a_fault_keeps_to_its_record_and_field(system: LabSystem, api: httpx.AsyncClient) -> None:
    record, other = await a_ticket(system), await a_ticket(system)
    await system.control.arm(Fault(effect="status", status=400, record=record.id, field="priority"))
    assert (await write(api, record, priority="P1")).status_code == 400
    assert (await write(api, record, title="u")).status_code == 200
    assert (await write(api, other, priority="P1")).status_code == 200


async def test_an_outage_aborts_everything_until_it_is_over(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    fault = await system.control.arm(Fault(effect="outage"))
    with pytest.raises(httpx.TransportError):
        await api.get("/capabilities")
    await system.control.disarm(fault)
    assert (await api.get("/capabilities")).status_code == 200


async def test_a_fault_ends_by_itself_after_its_seconds(system: LabSystem, api: httpx.AsyncClient) -> None:
    await system.control.arm(Fault(effect="status", status=503, seconds=0.001))
    await system.control.health()
    assert (await api.get("/capabilities")).status_code == 200


async def test_a_slow_answer_outlasts_an_impatient_client(system: LabSystem, api: httpx.AsyncClient) -> None:
    await system.control.arm(Fault(effect="slow", delay=30, times=1))
    with pytest.raises(httpx.ReadTimeout):
        await api.get("/capabilities", timeout=0.2)
    assert (await api.get("/capabilities")).status_code == 200


async def test_an_empty_list_hides_what_can_still_be_read(system: LabSystem, api: httpx.AsyncClient) -> None:
    record = await a_ticket(system)
    await system.control.arm(Fault(effect="list_empty"))
    assert (await api.post("/records/ticket/search", json={})).json()["records"] == []
    assert (await api.get("/records/ticket/changes")).json()["records"] == []
    assert (await api.get(f"/records/ticket/{record.id}")).status_code == 200


async def test_a_person_gets_in_before_the_next_write(system: LabSystem, api: httpx.AsyncClient) -> None:
    record = await a_ticket(system)
    edit = Injection(before="write", record_type="ticket", record=record.id, fields={"title": "h"}, by="ann")
    await system.control.inject(edit)
    stale = await api.patch(
        f"/records/ticket/{record.id}", json={"fields": {"priority": "P1"}}, headers={"if-match": '"1"'}
    )
    assert stale.status_code == 412
    assert stale.json()["record"]["fields"] == {"title": "h", "priority": "P2"}
    assert await system.control.injections() == []


async def test_an_injection_waits_for_its_field_and_its_moment(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    record = await a_ticket(system)
    common = {"record_type": "ticket", "record": record.id}
    await system.control.inject(
        Injection(before="write", on_field="priority", fields={"title": "w"}, **common)
    )
    await system.control.inject(Injection(before="read", fields={"title": "r"}, **common))
    await write(api, record, other="x")
    assert (await system.control.record("ticket", record.id)).record.fields["title"] == "t"
    assert (await api.get(f"/records/ticket/{record.id}")).json()["fields"]["title"] == "r"
    assert (await write(api, record, priority="P1")).json()["fields"]["title"] == "w"


async def test_a_rate_limit_refuses_what_exceeds_the_burst(system: LabSystem, api: httpx.AsyncClient) -> None:
    await system.control.change_settings(rate_limit={"per_second": 0.01, "burst": 2})
    answers = [await api.get("/capabilities") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert float(answers[2].headers["retry-after"]) > 60


async def test_the_journal_counts_writes_that_took_place_apart_from_attempts(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    record = await a_ticket(system)
    await system.control.arm(Fault(effect="status", status=503, operation="write", times=1))
    await write(api, record, title="u")
    await write(api, record, title="u")
    await system.control.edit("ticket", record.id, {"title": "people don't count"})
    await api.get(f"/records/ticket/{record.id}")
    counted = await system.control.record_counts("ticket", record.id)
    assert counted == {"requests": 3, "write": 2, "attempts": 2, "writes": 1, "read": 1}
    assert (await system.control.journal())[1].fields == ("title",)


async def test_the_journal_shows_requests_to_a_deleted_record(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    record = await a_ticket(system)
    await api.delete(f"/records/ticket/{record.id}")
    await api.get(f"/records/ticket/{record.id}")
    counted = await system.control.record_counts("ticket", record.id)
    assert (counted["deletes"], counted["after_delete"]) == (1, 1)
    await system.control.clear_journal()
    assert await system.control.record_counts("ticket", record.id) == {}


async def test_an_unknown_setting_is_refused(system: LabSystem) -> None:
    with pytest.raises(httpx.HTTPStatusError):
        await system.control.change_settings(granularty=60)
