import re
from typing import Any

import httpx
import pytest

from lab.systems.process import LabSystem

pytestmark = pytest.mark.stack

PLAIN = {"sysparm_exclude_reference_link": "true"}


async def opened(api: httpx.AsyncClient, **fields: Any) -> dict[str, str]:
    answer = await api.post(
        "/table/incident", json={"short_description": "mail is down", **fields}, params=PLAIN
    )
    assert answer.status_code == 201
    return result(answer)


async def changed(api: httpx.AsyncClient, sys_id: str, **fields: Any) -> dict[str, str]:
    answer = await api.patch(f"/table/incident/{sys_id}", json=fields, params=PLAIN)
    assert answer.status_code == 200
    return result(answer)


def result(answer: httpx.Response) -> Any:
    return answer.json()["result"]


async def found(api: httpx.AsyncClient, table: str, query: str, **parameters: str) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = result(
        await api.get(f"/table/{table}", params={"sysparm_query": query, **PLAIN, **parameters})
    )
    return rows


async def test_every_value_is_text_and_empty_is_the_empty_text(api: httpx.AsyncClient) -> None:
    row = await opened(api, impact=2, active=True, description=None)
    assert {type(value) for value in row.values()} == {str}
    assert (row["impact"], row["active"], row["description"], row["close_notes"]) == ("2", "true", "", "")
    assert re.fullmatch(r"[0-9a-f]{32}", row["sys_id"])
    assert re.fullmatch(r"INC\d{7}", row["number"])


async def test_times_are_whole_seconds_of_the_instances_clock(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    await system.control.change_settings(skew=3600)
    record = await system.control.create("incident", {"short_description": "x"}, at=1_767_695_932.9)
    row = result(await api.get(f"/table/incident/{record.id}"))
    assert row["sys_updated_on"] == "2026-01-06 11:38:52"


async def test_an_update_touches_only_what_it_names_and_raises_the_count(api: httpx.AsyncClient) -> None:
    before = await opened(api, urgency="2")
    after = await changed(api, before["sys_id"], urgency="1")
    different = {name for name in after if after[name] != before[name]}
    assert different - {"sys_updated_on"} == {"urgency", "sys_mod_count"}
    assert after["sys_mod_count"] == "1"


async def test_an_update_that_changes_nothing_is_no_save(api: httpx.AsyncClient) -> None:
    row = await opened(api, urgency="2")
    assert (await changed(api, row["sys_id"], urgency="2"))["sys_mod_count"] == "0"


async def test_unknown_and_protected_columns_are_left_out_without_a_word(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    await system.control.change_settings(unwritable=["urgency"])
    row = await opened(api)
    after = await changed(api, row["sys_id"], urgency="1", bogus="x", sys_mod_count="99", u_tier="gold")
    assert (after["urgency"], after["sys_mod_count"], after["u_tier"]) == ("3", "1", "gold")
    assert "bogus" not in after


async def test_a_resolution_is_signed_and_a_reopening_counted(api: httpx.AsyncClient) -> None:
    row = await opened(api)
    resolved = await changed(api, row["sys_id"], state="6")
    assert resolved["resolved_at"]
    assert resolved["incident_state"] == "6"
    reopened = await changed(api, row["sys_id"], state="2")
    assert (reopened["resolved_at"], reopened["reopen_count"]) == ("", "1")


async def test_priority_follows_impact_and_urgency_only_if_the_instance_computes_it(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    row = await opened(api, impact="1", urgency="1", priority="4")
    assert row["priority"] == "4"
    await system.control.change_settings(compute_priority=True)
    assert (await changed(api, row["sys_id"], priority="5", urgency="2"))["priority"] == "2"


async def test_a_business_rule_aborts_with_403_and_nothing_is_saved(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    await system.control.change_settings(
        aborting_rules=[{"when": {"state": "7"}, "message": "not without a change"}]
    )
    row = await opened(api)
    answer = await api.patch(f"/table/incident/{row['sys_id']}", json={"state": "7"})
    assert answer.status_code == 403
    assert answer.json()["error"]["detail"] == "not without a change"
    assert result(await api.get(f"/table/incident/{row['sys_id']}"))["sys_mod_count"] == "0"


async def test_a_data_policy_names_the_missing_column(system: LabSystem, api: httpx.AsyncClient) -> None:
    await system.control.change_settings(mandatory_when_resolved=["close_notes"])
    row = await opened(api)
    answer = await api.patch(f"/table/incident/{row['sys_id']}", json={"state": "6"})
    assert answer.status_code == 403
    assert "close_notes" in answer.json()["error"]["detail"]
    assert (await changed(api, row["sys_id"], state="6", close_notes="done"))["state"] == "6"


async def test_the_audit_trail_tells_who_changed_what_by_which_update(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    row = await opened(api, urgency="3")
    await system.control.edit("incident", row["sys_id"], {"urgency": "1"}, by="alice")
    await changed(api, row["sys_id"], urgency="2")
    trail = await found(
        api, "sys_audit", f"documentkey={row['sys_id']}^fieldname=urgency^ORDERBYrecord_checkpoint"
    )
    told = [(one["oldvalue"], one["newvalue"], one["user"], one["record_checkpoint"]) for one in trail]
    assert told == [("3", "1", "alice", "1"), ("1", "2", "accord", "2")]


async def test_a_table_without_audit_leaves_no_trail(system: LabSystem, api: httpx.AsyncClient) -> None:
    await system.control.change_settings(audited=False)
    row = await opened(api)
    await changed(api, row["sys_id"], urgency="1")
    await api.delete(f"/table/incident/{row['sys_id']}")
    assert await found(api, "sys_audit", f"documentkey={row['sys_id']}") == []
    assert await found(api, "sys_audit_delete", f"documentkey={row['sys_id']}") == []


async def test_a_deleted_row_looks_like_a_hidden_one_and_only_the_trail_tells(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    gone, hidden = await opened(api), await opened(api)
    assert (await api.delete(f"/table/incident/{gone['sys_id']}")).status_code == 204
    await system.control.change_settings(hidden_records=[hidden["sys_id"]])
    answers = [await api.get(f"/table/incident/{row['sys_id']}") for row in (gone, hidden)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["error"]["message"] == "No Record found"
    keys = [row["documentkey"] for row in await found(api, "sys_audit_delete", "tablename=incident")]
    assert keys == [gone["sys_id"]]


async def test_the_same_words_twice_are_two_journal_entries_and_no_value(api: httpx.AsyncClient) -> None:
    row = await opened(api)
    for _ in range(2):
        after = await changed(api, row["sys_id"], comments="still down", work_notes="asked the network team")
        assert (after["comments"], after["work_notes"]) == ("", "")
    query = f"element_id={row['sys_id']}^elementINcomments,work_notes"
    assert len(await found(api, "sys_journal_field", query)) == 4
    assert after["sys_mod_count"] == "2"


async def test_a_mistyped_query_part_is_dropped_and_more_rows_are_found(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    await opened(api, urgency="1")
    await opened(api, urgency="2")
    assert len(await found(api, "incident", "urgncy=1")) == 2
    await system.control.change_settings(invalid_query_returns_no_rows=True)
    assert await found(api, "incident", "urgncy=1") == []


async def test_the_limit_counts_rows_that_are_hidden(system: LabSystem, api: httpx.AsyncClient) -> None:
    rows = [await opened(api) for _ in range(3)]
    await system.control.change_settings(hidden_records=[rows[0]["sys_id"]])
    parameters = {"sysparm_query": "ORDERBYnumber", "sysparm_limit": "2"}
    first = await api.get("/table/incident", params=parameters)
    assert [row["number"] for row in result(first)] == [rows[1]["number"]]
    assert first.headers["x-total-count"] == "3"
    assert 'rel="next"' in first.headers["link"]
    rest = await api.get(first.links["next"]["url"])
    assert [row["number"] for row in result(rest)] == [rows[2]["number"]]
    assert "next" not in rest.links


async def test_version_1_answers_an_empty_list_with_404(api: httpx.AsyncClient) -> None:
    assert (await api.get("/v1/table/incident")).status_code == 404
    assert result(await api.get("/v2/table/incident")) == []


async def test_references_are_links_unless_they_are_left_out(api: httpx.AsyncClient) -> None:
    row = await opened(api)
    linked = result(
        await api.get(f"/table/incident/{row['sys_id']}", params={"sysparm_fields": "opened_by,state"})
    )
    assert linked["opened_by"]["value"] == row["opened_by"]
    assert set(linked) == {"opened_by", "state"}
    shown = result(
        await api.get(f"/table/incident/{row['sys_id']}", params={**PLAIN, "sysparm_display_value": "all"})
    )
    assert shown["state"] == {"display_value": "New", "value": "1"}
    assert shown["opened_by"] == {"display_value": "Accord", "value": row["opened_by"]}


async def test_choices_stand_on_the_parent_table_where_they_are_shared(api: httpx.AsyncClient) -> None:
    assert await found(api, "sys_choice", "name=incident^element=priority") == []
    values = [
        row["value"] for row in await found(api, "sys_choice", "name=task^element=priority^ORDERBYsequence")
    ]
    assert values == ["1", "2", "3", "4", "5"]
    assert "Resolved" in [
        row["label"] for row in await found(api, "sys_choice", "name=incident^element=state")
    ]


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [(b"{}", "text/plain", 415), (b"{", "application/json", 400), (b"1", "application/json", 400)],
)
async def test_a_body_that_is_no_json_object_is_refused(
    api: httpx.AsyncClient, content: bytes, content_type: str, status: int
) -> None:
    answer = await api.post("/table/incident", content=content, headers={"content-type": content_type})
    assert answer.status_code == status
    assert answer.json()["status"] == "failure"


async def test_an_unknown_table_and_a_read_only_one_are_refused(api: httpx.AsyncClient) -> None:
    assert (await api.get("/table/nothing")).status_code == 400
    assert (await api.post("/table/sys_audit", json={})).status_code == 403


async def test_the_rate_limit_answers_429_with_the_vendors_headers(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    await system.control.change_settings(rate_limit={"per_second": 0.01, "burst": 1})
    allowed, refused = await api.get("/table/incident"), await api.get("/table/incident")
    assert (allowed.headers["x-ratelimit-limit"], allowed.headers["x-ratelimit-rule"]) == ("1", "Table API")
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 1
    assert refused.json()["error"]["message"] == "Rate limit exceeded"


async def test_the_dictionary_tells_of_columns_that_the_customer_added(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    await system.control.change_settings(custom_columns=["u_tier"])
    rows = await found(api, "sys_dictionary", "name=task^element=u_tier")
    assert [(row["name"], row["internal_type"]) for row in rows] == [("task", "string")]
