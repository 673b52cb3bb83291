"""The plain system's public API, over real HTTP."""

import httpx
import pytest

from lab.systems.process import LabSystem

pytestmark = pytest.mark.stack


async def test_a_record_reads_back_as_created(system: LabSystem, api: httpx.AsyncClient) -> None:
    made = await api.post("/records/ticket", json={"fields": {"title": "DB down", "labels": ["a"]}})
    read = await api.get(f"/records/ticket/{made.json()['id']}")
    assert made.status_code == 201
    assert read.json() == made.json()
    assert read.headers["etag"] == '"1"'
    assert read.json()["fields"] == {"title": "DB down", "labels": ["a"]}
    assert read.json()["modified_by"] == "sync"


async def test_a_wrong_token_is_refused(system: LabSystem) -> None:
    async with httpx.AsyncClient(base_url=system.url, headers={"authorization": "Bearer x"}) as stranger:
        assert (await stranger.get("/capabilities")).status_code == 401


async def test_a_write_touches_only_the_named_fields(system: LabSystem, api: httpx.AsyncClient) -> None:
    record = await system.control.create("ticket", {"title": "t", "priority": "P2"})
    written = await api.patch(f"/records/ticket/{record.id}", json={"fields": {"priority": "P1"}})
    assert written.json()["fields"] == {"title": "t", "priority": "P1"}
    assert written.json()["sequence"] == 2


async def test_a_write_of_equal_values_makes_no_version(system: LabSystem, api: httpx.AsyncClient) -> None:
    record = await system.control.create("ticket", {"title": "t"})
    written = await api.patch(f"/records/ticket/{record.id}", json={"fields": {"title": "t"}})
    assert written.json()["version"] == "1"


async def test_a_stale_write_is_refused_with_the_record_as_it_is(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    record = await system.control.create("ticket", {"title": "t"})
    await system.control.edit("ticket", record.id, {"title": "u"})
    stale = await api.patch(
        f"/records/ticket/{record.id}", json={"fields": {"title": "x"}}, headers={"if-match": '"1"'}
    )
    assert stale.status_code == 412
    assert stale.json()["record"]["fields"] == {"title": "u"}


async def test_without_cas_the_precondition_is_ignored(system: LabSystem, api: httpx.AsyncClient) -> None:
    await system.control.change_settings(cas=False)
    record = await system.control.create("ticket", {"title": "t"})
    await system.control.edit("ticket", record.id, {"title": "u"})
    written = await api.patch(
        f"/records/ticket/{record.id}", json={"fields": {"title": "x"}}, headers={"if-match": '"1"'}
    )
    assert written.status_code == 200


async def test_without_returns_record_a_write_answers_nothing(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    await system.control.change_settings(returns_record=False)
    record = await system.control.create("ticket", {"title": "t"})
    written = await api.patch(f"/records/ticket/{record.id}", json={"fields": {"title": "x"}})
    assert (written.status_code, written.content) == (204, b"")


async def test_the_same_idempotency_key_creates_once(system: LabSystem, api: httpx.AsyncClient) -> None:
    answers = [
        await api.post("/records/ticket", json={"fields": {"title": "t"}}, headers={"idempotency-key": "k1"})
        for _ in range(2)
    ]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert len(await system.control.records("ticket")) == 1


async def test_a_deleted_record_is_gone_and_an_unknown_one_is_not_found(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    record = await system.control.create("ticket", {"title": "t"})
    assert (await api.delete(f"/records/ticket/{record.id}")).status_code == 204
    assert (await api.get(f"/records/ticket/{record.id}")).status_code == 410
    assert (await api.get("/records/ticket/999999")).status_code == 404
    await system.control.change_settings(gone_status=404)
    assert (await api.get(f"/records/ticket/{record.id}")).status_code == 404


async def test_history_tells_who_changed_what(system: LabSystem, api: httpx.AsyncClient) -> None:
    record = await system.control.create("ticket", {"title": "t"})
    await system.control.edit("ticket", record.id, {"title": "u"}, by="ann", at=60)
    await api.patch(f"/records/ticket/{record.id}", json={"fields": {"title": "v"}, "marker": "accord-1"})
    answer = (await api.get(f"/records/ticket/{record.id}/history?since_version=1")).json()
    person, write = answer["changes"]
    assert (person["old"], person["new"], person["by"], person["origin"]) == ("t", "u", "ann", "person")
    assert person["at"] == "1970-01-01T00:01:00.000Z"
    assert (write["by"], write["origin"], write["marker"], write["version"]) == (
        "sync",
        "api",
        "accord-1",
        "3",
    )
    assert answer["last_version"] == "3"


async def test_a_system_without_history_has_no_such_call(system: LabSystem, api: httpx.AsyncClient) -> None:
    await system.control.change_settings(history=False)
    record = await system.control.create("ticket", {"title": "t"})
    assert (await api.get(f"/records/ticket/{record.id}/history")).status_code == 404


async def test_field_stamps_tell_when_each_field_was_set(system: LabSystem, api: httpx.AsyncClient) -> None:
    await system.control.change_settings(field_stamps=True)
    record = await system.control.create("ticket", {"title": "t", "priority": "P2"}, by="ann", at=0)
    await system.control.edit("ticket", record.id, {"priority": "P1"}, by="bob", at=30)
    stamps = (await api.get(f"/records/ticket/{record.id}")).json()["stamps"]
    assert stamps["title"] == {"at": "1970-01-01T00:00:00.000Z", "by": "ann"}
    assert stamps["priority"] == {"at": "1970-01-01T00:00:30.000Z", "by": "bob"}


async def test_without_exact_versions_two_saves_may_bear_the_same_token(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    await system.control.change_settings(version_exact=False)
    record = await system.control.create("ticket", {"title": "t"}, at=5)
    before = (await api.get(f"/records/ticket/{record.id}")).json()
    await system.control.edit("ticket", record.id, {"title": "u"}, at=5.4)
    after = (await api.get(f"/records/ticket/{record.id}")).json()
    assert before["version"] == after["version"]
    assert after["sequence"] is None


async def test_many_are_read_at_once_and_missing_ones_named(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    first = await system.control.create("ticket", {"title": "a"})
    second = await system.control.create("ticket", {"title": "b"})
    await system.control.delete("ticket", second.id)
    answer = (await api.post("/records/ticket/read", json={"ids": [first.id, second.id, "999999"]})).json()
    assert [record["id"] for record in answer["records"]] == [first.id]
    assert sorted(answer["missing"]) == sorted([second.id, "999999"])


async def test_search_finds_equal_values_of_any_shape_page_by_page(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    made = [
        await system.control.create("ticket", {"labels": ["x", "y"], "open": True, "n": n}) for n in range(3)
    ]
    await system.control.create("ticket", {"labels": ["x"], "open": True})
    query = {"labels": ["x", "y"], "open": True, "limit": 2}
    page = (await api.post("/records/ticket/search", json=query)).json()
    rest = (await api.post("/records/ticket/search", json=query | {"after": page["after"]})).json()
    assert [record["id"] for record in page["records"] + rest["records"]] == [record.id for record in made]
    assert rest["after"] is None


async def test_the_feed_tells_each_changed_record_once_in_order(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    first, second, third = [await system.control.create("ticket", {"n": n}) for n in range(3)]
    start = (await api.get("/records/ticket/changes")).json()["cursor"]
    for value in ("a", "b"):
        await system.control.edit("ticket", second.id, {"n": value})
    await system.control.edit("ticket", first.id, {"n": "c"})
    await system.control.delete("ticket", third.id)
    page = (await api.get(f"/records/ticket/changes?since={start}&limit=2")).json()
    rest = (await api.get(f"/records/ticket/changes?since={page['cursor']}&limit=2")).json()
    assert [record["id"] for record in page["records"]] == [second.id, first.id]
    assert page["more"] is True
    assert [(record["id"], record["deleted"]) for record in rest["records"]] == [(third.id, True)]
    assert rest["more"] is False


async def test_allowed_values_and_capabilities_are_told(system: LabSystem, api: httpx.AsyncClient) -> None:
    await system.control.change_settings(valid={"priority": ["P1", "P2"]}, cas=False)
    assert (await api.get("/records/ticket/allowed")).json() == {"priority": ["P1", "P2"]}
    assert (await api.get("/capabilities")).json()["cas"] is False


async def test_an_unknown_address_and_a_broken_body_are_refused(
    system: LabSystem, api: httpx.AsyncClient
) -> None:
    assert (await api.get("/nowhere")).status_code == 404
    assert (await api.post("/records/ticket", content=b"{")).status_code == 400
    assert (await api.post("/records/ticket", json={"title": "no fields"})).status_code == 400
