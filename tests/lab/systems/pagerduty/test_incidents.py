from typing import Any

import httpx
import pytest

from lab.systems.process import LabSystem

pytestmark = pytest.mark.stack

NEW = {"title": "disk full", "service": {"id": "PSERVICE", "type": "service_reference"}}


async def triggered(api: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await api.post("/incidents", json={"incident": {**NEW, **fields}})
    assert answer.status_code == 201, answer.text
    incident: dict[str, Any] = answer.json()["incident"]
    return incident


async def changed(api: httpx.AsyncClient, incident_id: str, **fields: Any) -> httpx.Response:
    return await api.put(
        f"/incidents/{incident_id}", json={"incident": {"type": "incident_reference", **fields}}
    )


async def log_of(api: httpx.AsyncClient, incident_id: str, **parameters: str) -> list[dict[str, Any]]:
    answer = await api.get(f"/incidents/{incident_id}/log_entries", params=parameters)
    entries: list[dict[str, Any]] = answer.json()["log_entries"]
    return entries[::-1]


async def test_whoever_is_named_in_from_is_the_actor(api: httpx.AsyncClient) -> None:
    api.headers["from"] = "bob@example.com"
    incident = await triggered(api)
    assert incident["last_status_change_by"]["id"] == "PBOBBY1"
    (entry,) = await log_of(api, incident["id"])
    assert entry["agent"]["id"] == "PBOBBY1"


@pytest.mark.parametrize("sender", [None, "nobody@example.com"])
async def test_a_write_without_a_known_sender_is_refused(api: httpx.AsyncClient, sender: str | None) -> None:
    incident = await triggered(api)
    del api.headers["from"]
    headers = {} if sender is None else {"from": sender}
    refused = await api.post(
        f"/incidents/{incident['id']}/notes", json={"note": {"content": "x"}}, headers=headers
    )
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, 2001)


async def test_an_update_changes_only_what_it_names_and_never_the_body(api: httpx.AsyncClient) -> None:
    before = await triggered(api, body={"type": "incident_body", "details": "first"})
    answer = await changed(api, before["id"], title="other", body={"details": "second"})
    after = answer.json()["incident"]
    different = {name for name in after if after[name] != before[name]}
    assert different - {"updated_at"} == {"title", "description", "summary"}
    read = await api.get(f"/incidents/{before['id']}", params={"include[]": "body"})
    assert read.json()["incident"]["body"]["details"] == "first"


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "closed"},
        {"urgency": "medium"},
        {"title": ""},
        {"title": "x" * 1025},
        {"priority": {"id": "PNONE"}},
    ],
)
async def test_a_value_that_is_not_allowed_is_refused(api: httpx.AsyncClient, fields: dict[str, Any]) -> None:
    incident = await triggered(api)
    refused = await changed(api, incident["id"], **fields)
    assert refused.status_code == 400
    error = refused.json()["error"]
    assert (error["message"], error["code"]) == ("Invalid Input Provided", 2001)
    assert next(iter(fields)).title() in error["errors"][0]


async def test_a_resolved_incident_can_be_reopened_and_edited_unless_it_is_final(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    incident = await triggered(api)
    await changed(api, incident["id"], status="resolved")
    assert (await changed(api, incident["id"], title="still")).status_code == 200
    await system.control.change_settings(resolved_is_final=True)
    refused = await changed(api, incident["id"], title="again")
    assert refused.json()["error"]["errors"] == ["Incident Already Resolved"]
    reopened = (await changed(api, incident["id"], status="triggered")).json()["incident"]
    assert (reopened["status"], reopened["resolved_at"]) == ("triggered", None)


async def test_every_kind_of_change_but_the_titles_is_in_the_log(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    incident = await system.control.create("incident", {"title": "x"}, by="alice")
    changes: dict[str, Any] = {
        "title": "y", "urgency": "low", "priority": "P1", "service": "PSERVIC2", "assignees": ["bob"],
        "note": "n", "itsm_id": "INC1", "status": "acknowledged",
    }  # fmt: skip
    for name, value in changes.items():
        await system.control.edit("incident", incident.id, {name: value}, by="alice")
    entries = await log_of(api, incident.id)
    assert [entry["type"].removesuffix("_log_entry") for entry in entries] == [
        "trigger", "urgency_change", "field_value_change", "field_value_change", "assign", "annotate",
        "custom_field_value_change", "acknowledge",
    ]  # fmt: skip
    (priority,) = entries[2]["channel"]["changeset"]["application_fields"]
    assert (priority["name"], priority["old_value"], priority["value"]) == ("priority", None, "PPRIO1")
    (custom,) = entries[6]["channel"]["changeset"]["customer_fields"]
    assert (custom["name"], custom["old_value"], custom["value"]) == ("itsm_id", None, "INC1")
    assert len({entry["id"] for entry in entries}) == len(entries)


async def test_an_automation_is_nobody_in_the_log(system: LabSystem, api: httpx.AsyncClient) -> None:
    incident = await system.control.create("incident", {"title": "x"})
    await system.control.edit(
        "incident", incident.id, {"priority": "P1"}, by="automation", origin="automation"
    )
    assert (await log_of(api, incident.id))[-1]["agent"] is None


async def test_the_log_is_read_in_half_open_windows(system: LabSystem, api: httpx.AsyncClient) -> None:
    second = 1_767_695_932
    for after in range(3):
        incident = await system.control.create("incident", {"title": str(after)}, at=second + after)
    window = {"since": "2026-01-06T10:38:53Z", "until": "2026-01-06T10:38:54Z"}
    (entry,) = (await api.get("/log_entries", params=window)).json()["log_entries"]
    assert entry["created_at"] == window["since"]
    await system.control.edit("incident", incident.id, {"status": "resolved"}, at=second + 3)
    assert [one["type"] for one in await log_of(api, incident.id, until="2026-01-06T10:38:55Z")] == [
        "trigger_log_entry"
    ]
    local = {"since": "2026-01-06T11:38:53", "until": "2026-01-06T11:38:54", "time_zone": "Europe/Berlin"}
    assert (await api.get("/log_entries", params=local)).json()["log_entries"] == [entry]


async def test_the_overview_leaves_details_out(system: LabSystem, api: httpx.AsyncClient) -> None:
    incident = await triggered(api)
    await changed(api, incident["id"], urgency="low")
    overview = await log_of(api, incident["id"], is_overview="true")
    assert [entry["type"] for entry in overview] == ["trigger_log_entry"]


async def test_a_list_holds_the_last_month_unless_asked_otherwise(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    old = await system.control.create("incident", {"title": "old"}, at=1_700_000_000)
    new = await triggered(api)
    found = (await api.get("/incidents")).json()
    assert ([one["id"] for one in found["incidents"]], found["total"]) == ([new["id"]], None)
    everything = (await api.get("/incidents", params={"date_range": "all", "total": "true"})).json()
    assert ([one["id"] for one in everything["incidents"]], everything["total"]) == ([old.id, new["id"]], 2)


@pytest.mark.parametrize(
    "parameters",
    [
        {"sort_by": "updated_at"},
        {"limit": "100", "offset": "9901"},
        {"since": "2025-01-01T00:00:00Z", "until": "2025-12-01T00:00:00Z"},
        {"since": "yesterday"},
        {"limit": "many"},
    ],
)
async def test_a_list_that_can_not_be_had_is_refused(
    api: httpx.AsyncClient, parameters: dict[str, str]
) -> None:
    assert (await api.get("/incidents", params=parameters)).status_code == 400


async def test_too_many_at_once_are_refused_and_bulk_updates_are_counted_per_incident(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    one, two = await triggered(api), await triggered(api)
    both = [{"id": incident["id"], "status": "acknowledged"} for incident in (one, two)]
    assert (await api.put("/incidents", json={"incidents": both})).status_code == 200
    counts = (await system.control.counts())["records"]
    assert [counts[f"incident/{incident['id']}"]["writes"] for incident in (one, two)] == [2, 2]
    assert (await api.put("/incidents", json={"incidents": both * 126})).status_code == 413


async def test_nothing_can_be_deleted(api: httpx.AsyncClient) -> None:
    incident = await triggered(api)
    assert (await api.delete(f"/incidents/{incident['id']}")).status_code == 404
    assert (await api.get(f"/incidents/{incident['id']}")).status_code == 200


async def test_what_is_not_there_is_not_found(api: httpx.AsyncClient) -> None:
    answer = await api.get("/incidents/QNONE")
    assert (answer.status_code, answer.json()) == (404, {"error": {"message": "Not Found", "code": 2100}})


async def test_a_custom_field_takes_only_its_options(api: httpx.AsyncClient) -> None:
    path = f"/incidents/{(await triggered(api))['id']}/custom_fields/values"
    for value, status in (("High", 201), ("Enormous", 400), (None, 201)):
        body = {"custom_fields": [{"name": "business_impact", "value": value}]}
        assert (await api.put(path, json=body)).status_code == status
    assert (await api.put(path, json={"custom_fields": [{"name": "none", "value": 1}]})).status_code == 400


async def test_the_rate_limit_tells_what_is_left_and_how_long_to_wait(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    await system.control.change_settings(rate_limit={"per_second": 0.01, "burst": 1})
    allowed, refused = await api.get("/users"), await api.get("/users")
    assert (allowed.headers["ratelimit-limit"], allowed.headers["ratelimit-remaining"]) == ("1", "0")
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, 2020)
    assert int(refused.headers["ratelimit-reset"]) > 1
